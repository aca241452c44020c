//! Connectors that are written down: a manifest is YAML that says which parameters it takes, and which
//! configuration of `type: api` they make.
//!
//! # How a section becomes a source
//!
//! A source's section is read as parameters (`parameter`), with those of its preset beneath. The manifest's
//! `source`, `transforms` and `datasets` are expanded with them (`expand`): texts may hold jq over the
//! parameters, `$(…)` (`expression`). What comes of it, and of the manifests that follow it with `then`
//! (`chain`), is one configuration of `type: api` (`assembly`), which is checked and read like any other.
//! Whatever is wrong with that is told to whom can mend it (`blame`): to the user of the manifest, at his own
//! keys, or to its author, in the manifest.
//!
//! # Where to look
//!
//! The manifests that come with busta stand beside this file. `manifest` reads one. A user's own are read by
//! the binary, which knows files, and join the others in a [`Library`].

mod assembly;
mod blame;
mod chain;
mod expand;
mod expression;
mod manifest;
mod parameter;
mod schema;

use std::sync::{Arc, LazyLock};

use busta_core::Source;
use busta_core::connector::{Built, SourceContext};
use serde_json::Value;

use crate::formats::yaml;
use crate::registry::MANIFESTS;
use crate::sources::api;

pub use assembly::{Assembly, Section, assemble};
pub use blame::Blamed;
pub use manifest::Manifest;
pub use schema::schema;

/// Manifests by name.
#[derive(Clone, Debug, Default)]
pub struct Library(Vec<Arc<Manifest>>);

impl Library {
    /// Those that come with busta.
    pub fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<Library> = LazyLock::new(|| {
            // A test reads them all.
            Library(MANIFESTS.iter().filter_map(|text| parse(text).ok()).map(Arc::new).collect())
        });
        &SHIPPED
    }

    /// Adds one.
    pub fn add(&mut self, manifest: Arc<Manifest>) {
        self.0.push(manifest);
    }

    /// The one of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<Manifest>> {
        self.0.iter().find(|manifest| manifest.name() == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.0.iter()
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|manifest| manifest.name())
    }
}

/// The text of the manifest of this name among those that come with busta.
pub fn shipped_text(name: &str) -> Option<&'static str> {
    let of_name = |text: &&&str| parse(text).is_ok_and(|manifest| manifest.name() == name);
    MANIFESTS.iter().find(of_name).copied()
}

/// Makes a source of what a manifest's [`Assembly`] holds. Does no I/O.
///
/// # Errors
/// What `type: api` finds wrong; [`Assembly::blame`] says whose each is.
pub fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    (api::CONNECTOR.build)(keys, context)
}

/// Reads a manifest that comes with busta.
fn parse(text: &str) -> Result<Manifest, String> {
    let (document, mistakes) = yaml::parse(text).map_err(|mistake| mistake.message)?;
    if let Some(mistake) = mistakes.first() {
        return Err(format!("line {}: {}", mistake.place.line, mistake.message));
    }
    let document = document.ok_or("it is empty")?.to_json();
    Manifest::read(document)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod worlds;
