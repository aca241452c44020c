//! How connectors are made known: one value each, listed in the registry.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::Clock;
use crate::destination::Destination;
use crate::ids::SourceName;
use crate::meter::Meter;
use crate::source::Source;

/// A connector made from its keys, or everything that is wrong with them.
pub type Built<T> = Result<T, Vec<ConfigProblem>>;

/// A kind of source (`type: api`).
pub struct SourceConnector {
    /// The value of `type:`.
    pub name: &'static str,
    /// One line for `busta connectors list`.
    pub summary: &'static str,
    /// The pool that its splits share.
    pub pool: &'static str,
    /// A short, complete example of a source's section in YAML, for `busta connectors show`.
    pub example: &'static str,
    /// The JSON Schema of its own keys (those of every source come on top).
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    /// Makes a source from its own keys. Does no I/O.
    pub build: fn(Value, SourceContext) -> Built<Box<dyn Source>>,
}

/// A kind of destination (`destination: { type: sqlite }`).
pub struct DestinationConnector {
    /// The value of `type:`.
    pub name: &'static str,
    /// One line for `busta connectors list`.
    pub summary: &'static str,
    /// A short, complete example in YAML.
    pub example: &'static str,
    /// The JSON Schema of its keys.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    /// Makes a destination. Does no I/O: opening and recovery happen in the first call that needs it.
    pub build: fn(Value, DestinationContext) -> Built<Arc<dyn Destination>>,
}

/// What a source is given besides its own keys.
#[derive(Clone)]
pub struct SourceContext {
    /// Its name.
    pub name: SourceName,
    /// The folder of the configuration file: relative paths start there.
    pub base_dir: PathBuf,
    /// Where to report requests.
    pub meter: Arc<dyn Meter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long one request may take, until its answer is read to the end.
    pub request_timeout: Duration,
    /// At most so many of its splits are read at once, as far as its own limits go: hosts may bear fewer,
    /// and other sources may take their share. Into how many pieces it is worth cutting work, this says.
    pub readers: usize,
}

/// What a destination is given besides its own keys.
#[derive(Clone)]
pub struct DestinationContext {
    /// The folder of the configuration file: relative paths start there.
    pub base_dir: PathBuf,
    /// The time, for `_busta_loaded_at`.
    pub clock: Arc<dyn Clock>,
}

/// Something wrong in a connector's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where, from the connector's section down.
    pub path: Vec<PathPart>,
    /// What is wrong, in a lower-case clause, with what was expected.
    pub message: String,
}

/// A step from a section of the configuration into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// A key of a mapping.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
}

impl ConfigProblem {
    /// A problem at `path`, written as `streams.0.pagination`.
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        let part = |text: &str| match text.parse() {
            Ok(index) => PathPart::Index(index),
            Err(_) => PathPart::Key(text.to_owned()),
        };
        Self { path: path.split('.').filter(|p| !p.is_empty()).map(part).collect(), message: message.into() }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.path {
            match part {
                PathPart::Key(key) => write!(f, "{key}.")?,
                PathPart::Index(index) => write!(f, "{index}.")?,
            }
        }
        write!(f, " {}", self.message)
    }
}

/// Reads a connector's keys into its own type; the problem names the key it was met at.
///
/// Config types use `#[serde(deny_unknown_fields)]` and neither `flatten` nor `untagged`, which give
/// errors that no one can read.
pub fn read_config<T: DeserializeOwned>(keys: Value) -> Built<T> {
    serde_path_to_error::deserialize(keys).map_err(|error| {
        let path = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(PathPart::Index(*index)),
                serde_path_to_error::Segment::Map { key } => Some(PathPart::Key(key.clone())),
                serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
            })
            .collect();
        vec![ConfigProblem { path, message: error.inner().to_string() }]
    })
}
