//! Every connector that this binary knows: one line each.

use busta_core::connector::{DestinationConnector, SourceConnector};

use crate::transforms::{self, TransformKind};
use crate::{destinations, sources};

/// The kinds of source.
pub static SOURCES: &[&SourceConnector] = &[
    &sources::api::CONNECTOR,
    &sources::rss::CONNECTOR,
    &sources::files::CONNECTOR,
    &sources::stac::CONNECTOR,
    &sources::archive::CONNECTOR,
];

/// The kinds of source that are written down, as `type: api` with parameters.
pub static MANIFESTS: &[&str] = &[
    include_str!("manifests/reddit.yaml"),
    include_str!("manifests/ebay.yaml"),
    include_str!("manifests/amazon.yaml"),
];

/// The kinds of destination.
pub static DESTINATIONS: &[&DestinationConnector] = &[
    &destinations::sqlite::CONNECTOR,
    &destinations::stac::CONNECTOR,
    &destinations::ndjson::CONNECTOR,
    #[cfg(feature = "parquet")]
    &destinations::parquet::CONNECTOR,
];

/// The kinds of transform.
pub static TRANSFORMS: &[&TransformKind] = &[
    &transforms::select::KIND,
    &transforms::drop::KIND,
    &transforms::rename::KIND,
    &transforms::set::KIND,
    &transforms::cast::KIND,
    &transforms::filter::KIND,
    &transforms::jq::KIND,
    &transforms::update::KIND,
    &transforms::enrich::KIND,
    &transforms::extension::KIND,
    &transforms::validate::KIND,
    &transforms::sentiment::KIND,
    &transforms::dedupe::KIND,
];

/// The kind of source that `type:` names.
pub fn source(name: &str) -> Option<&'static SourceConnector> {
    SOURCES.iter().copied().find(|connector| connector.name == name)
}

/// The kind of destination that `type:` names.
pub fn destination(name: &str) -> Option<&'static DestinationConnector> {
    DESTINATIONS.iter().copied().find(|connector| connector.name == name)
}
