//! What is done to records between the reader and the destination.
//!
//! A source's `transforms:` is a list of steps, each a mapping with one key that names its kind. A kind
//! is one value, listed in the registry ([`crate::registry::TRANSFORMS`]); a step is a [`Step`], and all
//! steps of a source are a [`Chain`], which is what the engine knows.
//!
//! ```text
//! bytes of a record -> Node (opened where a step looks) -> step -> step -> ... -> bytes
//! ```

pub mod cast;
mod chain;
mod compare;
pub mod dedupe;
pub mod document;
pub mod drop;
pub mod enrich;
pub mod extension;
pub mod filter;
pub mod jq;
mod output;
mod problems;
pub mod rename;
pub mod select;
pub mod sentiment;
pub mod set;
pub mod update;
pub mod validate;

use std::path::PathBuf;

use async_trait::async_trait;
use busta_core::Result;
use busta_core::connector::Built;
use busta_core::transform::Warning;
use serde_json::Value;

pub use chain::{Chain, Link, read};
use document::Node;

/// A kind of transform (`- cast: {...}`).
pub struct TransformKind {
    /// The key that names it.
    pub name: &'static str,
    /// One line for `busta connectors list`.
    pub summary: &'static str,
    /// A short, complete example in YAML: one element of the list.
    pub example: &'static str,
    /// The JSON Schema of what stands below its key.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    /// Makes a step of what stands below its key. Does no I/O.
    pub build: fn(Value, &TransformContext) -> Built<Box<dyn Step>>,
}

/// What a transform is given besides its own keys.
#[derive(Clone, Debug)]
pub struct TransformContext {
    /// The folder of the configuration file: relative paths start there.
    pub base_dir: PathBuf,
}

/// One transform of a chain. Pure, as [`busta_core::Transform`] says: the same record gives the same
/// outcome, whatever came before it; what is dropped as a repetition ([`Outcome::Once`]) depends on its batch.
#[async_trait]
pub trait Step: Send + Sync {
    /// Loads what it needs, on a blocking thread. Called before anything is read, for every run.
    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// The schema that it holds records against, if it does: then every error and warning says that one breaks it.
    fn schema(&self) -> Option<&str> {
        None
    }

    /// Transforms one record. An error is about this record, which then becomes a failure.
    fn apply<'a>(&self, record: &mut Node<'a>, warnings: &mut Vec<Warning>) -> Result<Outcome<'a>>;
}

/// What becomes of a record.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It goes on.
    Kept,
    /// It was filtered out on purpose.
    Dropped,
    /// It goes on, unless a record before it in the batch has said the same here.
    Once(String),
    /// These go on in its place: JSON objects. None is as if it was dropped.
    Replaced(Vec<Node<'a>>),
}

#[cfg(test)]
mod tests;
