//! What a split of this source is to do: stored with the checkpoint, so old forms must stay readable.

use busta_core::{Error, Result, Split};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::piece::Piece;
use super::settings::Stac;
use crate::digest;

/// What a split is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Read a piece of a search.
    Search(Box<Piece>),
    /// Find what a catalogue's links lead to.
    Catalog(Catalog),
    /// Read documents that are items, one after another.
    Items(Vec<Url>),
    /// Read collections: from a list of an API, or a document.
    Collections(Url),
    /// Read files, as the `files` source planned it.
    Files(Value),
}

/// A catalogue or collection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Catalog {
    /// Where it is.
    pub url: Url,
    /// Whether it is what the source names, and not what a link led to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_root: bool,
    /// The catalogues that led to it, from the root down: a link back to one of them is not followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<Url>,
    /// The nearest collection above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
}

impl Work {
    /// The split that does it.
    ///
    /// A document is known by its URL, so a catalogue that several others link to is one split; the
    /// engine and the checkpoint keep what is known, so this outlives the process.
    pub fn split(&self, stac: &Stac) -> Result<Split> {
        let items = stac.items.name.clone();
        let of_url = |kind: &str, url: &Url| format!("{kind} {}", crate::http::shown_url(url));
        let (id, stream, url) = match self {
            Self::Search(piece) => return piece.split(stac),
            Self::Catalog(catalog) => (of_url("catalog", &catalog.url), items, Some(&catalog.url)),
            Self::Items(urls) => {
                let first = urls.first().ok_or_else(|| Error::bug("a split without items"))?;
                let id = format!(
                    "{} +{} {}",
                    of_url("items", first),
                    urls.len() - 1,
                    digest::of_names(urls.iter().map(Url::as_str))
                );
                (id, items, Some(first))
            }
            Self::Collections(url) => {
                let stream = stac.collections_stream.as_ref().map(|spec| spec.name.clone());
                let stream = stream.ok_or_else(|| Error::bug("collections are not wanted"))?;
                (of_url("collections", url), stream, Some(url))
            }
            Self::Files(_) => return Err(Error::bug("the files source names its own splits")),
        };
        let host = url.filter(|url| url.scheme() != "file").map(|url| stac.host(url));
        Split::new(id, stream, host, self)
    }
}
