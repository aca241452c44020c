//! The configuration file: YAML in, sources and destinations out, or everything that is wrong with it.
//!
//! `formats::yaml` makes a tree of nodes that know their places; `expand` puts in what `${...}` names; `draft`
//! takes the sections apart and `build` hands each to its connector. Whatever complains names a path,
//! and `document` finds its place and shows the line. Nothing stops at the first problem.

mod build;
mod datasets;
mod document;
mod draft;
mod env;
mod expand;
mod file;
mod kinds;
mod limits;
mod manifests;
mod peel;
mod problem;
mod retention;
mod schedule;
mod schema;
mod server;
mod shown;
mod suggest;

#[cfg(test)]
mod tests;

pub use build::{BuiltDestination, BuiltSource, Config};
pub use draft::Draft;
pub use env::ProcessEnvironment;
pub use file::{find, read};
pub use kinds::{Kind, Kinds};
pub use manifests::own_kinds;
pub use problem::ConfigErrors;
pub use retention::{RetentionSection, RetentionSettings};
pub use schema::json_schema;
pub use server::{ConfiguredToken, OnBusy, OnInterrupted, ServerSettings, TokenRole};
pub use shown::{Origin, Setting, Shown};
pub use suggest::closest;

use busta_connectors::manifests::Library;
use busta_connectors::transforms::TransformKind;
use busta_core::connector::{DestinationConnector, SourceConnector};

/// The connectors that a configuration may name.
#[derive(Clone, Copy)]
pub struct Registry {
    /// Kinds of source.
    pub sources: &'static [&'static SourceConnector],
    /// Kinds of source that are written down.
    pub manifests: fn() -> &'static Library,
    /// Kinds of destination.
    pub destinations: &'static [&'static DestinationConnector],
    /// Kinds of transform.
    pub transforms: &'static [&'static TransformKind],
}
