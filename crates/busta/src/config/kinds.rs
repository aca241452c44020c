//! The kinds of source that a configuration may name: connectors, manifests, and manifests of its own.

use std::sync::Arc;

use busta_connectors::formats::yaml::parse;
use busta_connectors::manifests::{self, Library, Manifest};
use busta_core::connector::{ConfigProblem, PathPart, SourceConnector};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::Registry;
use super::document::Document;
use super::draft::syntax;
use super::env::Environment;
use super::problem::Problem;

/// A kind of source.
#[derive(Clone)]
pub enum Kind {
    /// Written in Rust.
    Connector(&'static SourceConnector),
    /// Written down in YAML.
    Manifest(Arc<Manifest>),
}

impl Kind {
    /// What `type:` says.
    pub fn name(&self) -> &str {
        match self {
            Self::Connector(connector) => connector.name,
            Self::Manifest(manifest) => manifest.name(),
        }
    }

    /// One line for `busta connectors list`.
    pub fn summary(&self) -> &str {
        match self {
            Self::Connector(connector) => connector.summary,
            Self::Manifest(manifest) => manifest.summary(),
        }
    }

    /// A short, complete example of a source's section in YAML.
    pub fn example(&self) -> &str {
        match self {
            Self::Connector(connector) => connector.example,
            Self::Manifest(manifest) => manifest.example(),
        }
    }

    /// The pool that its splits share.
    pub fn pool(&self) -> &str {
        match self {
            Self::Connector(connector) => connector.pool,
            Self::Manifest(manifest) => manifest.pool(),
        }
    }
}

/// All kinds of source that a configuration may name.
pub struct Kinds {
    connectors: &'static [&'static SourceConnector],
    /// The manifests, those of the configuration behind the others.
    pub library: Library,
    own: Vec<Own>,
    /// Whether there are manifests whose names are not known, since they cannot be read.
    unread: bool,
}

/// A manifest of the configuration's own, with its text.
struct Own {
    document: Document,
    manifest: Option<Arc<Manifest>>,
    problems: Vec<Problem>,
}

impl Kinds {
    /// Those that every configuration may name.
    pub fn new(registry: &Registry) -> Self {
        Self {
            connectors: registry.sources,
            library: (registry.manifests)().clone(),
            own: Vec::new(),
            unread: false,
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Kind> {
        let connectors = self.connectors.iter().copied().map(Kind::Connector);
        connectors.chain(self.library.iter().cloned().map(Kind::Manifest))
    }

    /// The one of this name.
    pub fn find(&self, name: &str) -> Option<Kind> {
        self.iter().find(|kind| kind.name() == name)
    }

    /// The JSON Schema of a source's own keys (those of every source come on top).
    pub fn schema(&self, kind: &Kind, generator: &mut SchemaGenerator) -> Schema {
        match kind {
            Kind::Connector(connector) => (connector.schema)(generator),
            Kind::Manifest(manifest) => manifests::schema(manifest, &self.library, generator),
        }
    }

    /// The text of a manifest, as it is written.
    pub fn text(&self, manifest: &Arc<Manifest>) -> Option<&str> {
        let is = |own: &&Own| own.manifest.as_ref().is_some_and(|known| Arc::ptr_eq(known, manifest));
        let own = self.own.iter().find(is).map(|own| own.document.text.as_str());
        own.or_else(|| manifests::shipped_text(manifest.name()))
    }

    /// Adds the manifests that `connectors:` names; whatever is wrong with that list comes back, and what is
    /// wrong with a manifest is kept with it.
    pub fn add(&mut self, list: Value, environment: &dyn Environment) -> Vec<ConfigProblem> {
        let Value::Array(paths) = list else {
            self.unread = true;
            return vec![ConfigProblem::new("", "expected a list of files, such as [my-connector.yaml]")];
        };
        let mut problems = Vec::new();
        let known = self.own.len() + paths.len();
        for (index, path) in paths.into_iter().enumerate() {
            let mut wrong = |message: String| {
                problems.push(ConfigProblem { path: vec![PathPart::Index(index)], message });
            };
            let Value::String(path) = path else {
                wrong("expected a text: the path of a manifest".to_owned());
                continue;
            };
            match environment.file(&path) {
                Ok(text) => self.add_own(path, text),
                Err(e) => wrong(format!("the manifest {path} cannot be read: {e}")),
            }
        }
        self.unread |= self.own.len() < known;
        problems
    }

    fn add_own(&mut self, name: String, text: String) {
        let mut own =
            Own { document: Document { name, text, root: None }, manifest: None, problems: Vec::new() };
        if let Some(manifest) = own.read() {
            if let Some(other) = self.find(manifest.name()) {
                let message =
                    format!("there is a connector `{}` already; give this one another name", other.name());
                own.tell(&ConfigProblem::new("name", message));
            } else {
                let manifest = Arc::new(manifest);
                self.library.add(manifest.clone());
                own.manifest = Some(manifest);
            }
        }
        self.own.push(own);
    }

    /// Tells of something wrong with a manifest; false if it is none of the configuration's own.
    pub fn tell(&mut self, manifest: &Arc<Manifest>, problem: &ConfigProblem) -> bool {
        let is = |own: &&mut Own| own.manifest.as_ref().is_some_and(|known| Arc::ptr_eq(known, manifest));
        let Some(own) = self.own.iter_mut().find(is) else { return false };
        own.tell(problem);
        true
    }

    /// Whether anything is wrong with the configuration's own manifests.
    pub fn are_right(&self) -> bool {
        self.own.iter().all(|own| own.problems.is_empty())
    }

    /// Whether a manifest that could not be read may be the one that has a name.
    pub fn may_have(&self) -> bool {
        self.unread || self.own.iter().any(|own| own.manifest.is_none())
    }

    /// All that is wrong with the configuration's own manifests, ready to be printed.
    pub fn told(&self) -> Vec<String> {
        self.own.iter().flat_map(|own| own.document.errors(own.problems.clone()).problems).collect()
    }
}

impl Own {
    /// The manifest, if it is right.
    fn read(&mut self) -> Option<Manifest> {
        let (root, duplicates) = match parse(&self.document.text) {
            Ok(parsed) => parsed,
            Err(e) => {
                self.problems.push(syntax(e));
                return None;
            }
        };
        self.problems.extend(duplicates.into_iter().map(syntax));
        let Some(root) = root else {
            self.problems.push(Problem::whole("the file is empty; a manifest begins with `name:`"));
            return None;
        };
        let value = root.to_json();
        self.document.root = Some(root);
        let read = super::peel::peel(value, Manifest::read);
        let read = read.and_then(|manifest| manifest.check_programs().map(|()| manifest));
        read.map_err(|problems| problems.iter().for_each(|problem| self.tell(problem))).ok()
    }

    fn tell(&mut self, problem: &ConfigProblem) {
        self.problems.push(self.document.located(problem, &[]));
    }
}
