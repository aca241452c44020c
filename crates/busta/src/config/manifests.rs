//! Sources of manifests: their sections are made into configurations of `type: api`, and what is wrong with
//! those is told where it can be mended.

use std::sync::Arc;

use busta_connectors::formats::yaml::parse;
use busta_connectors::manifests::{self, Assembly, Blamed, Manifest, Section, assemble};
use busta_connectors::transforms::{self, Link, TransformContext};
use busta_core::Source;
use busta_core::connector::{PathPart, SourceContext};
use serde_json::{Map, Value, json};

use super::Registry;
use super::draft::{Draft, key};
use super::env::Environment;
use super::kinds::Kinds;
use super::peel::peel;

/// Keys that a source of every manifest has, as suggestions.
const OF_EVERY_MANIFEST: [&str; 3] = ["preset", "tables", "then"];

/// A source of a manifest, with what comes with it.
pub struct Manifested {
    /// The source.
    pub source: Box<dyn Source>,
    /// What is done to its records before what its section says.
    pub transforms: Vec<Link>,
    /// What its tables are for, by table.
    pub datasets: Map<String, Value>,
}

impl Draft {
    /// Makes a source of its section; `common` are the keys that every source has.
    pub(super) fn manifested(
        &mut self,
        manifest: &Arc<Manifest>,
        keys: Value,
        transforms: Option<&Value>,
        at: &[PathPart],
        common: &[&str],
        context: &SourceContext,
    ) -> Option<Manifested> {
        let about = json!({ "name": context.name, "transforms": transforms.cloned().unwrap_or(json!([])) });
        let (Value::Object(keys), Value::Object(about)) = (keys, about) else { return None };
        let others = [common, &OF_EVERY_MANIFEST].concat();
        let assembly = match assemble(&self.kinds.library, manifest, Section { keys, about }) {
            Ok(assembly) => assembly,
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.told(problem, at, &others));
                return None;
            }
        };
        let links = self.own_transforms(&assembly, at, &others);
        match peel(assembly.keys.clone(), |keys| manifests::build(keys, context.clone())) {
            Ok(source) => Some(Manifested { source, transforms: links?, datasets: assembly.datasets }),
            Err(problems) => {
                for problem in problems {
                    self.told(assembly.blame(problem), at, &others);
                }
                None
            }
        }
    }

    /// The transforms that come with the manifest.
    fn own_transforms(&mut self, assembly: &Assembly, at: &[PathPart], others: &[&str]) -> Option<Vec<Link>> {
        let kinds = self.registry.transforms;
        let context = TransformContext { base_dir: self.base_dir.clone() };
        let mut links = Vec::new();
        for (index, element) in assembly.transforms.iter().enumerate() {
            match peel(element.clone(), |element| transforms::read(index, element, kinds, &context)) {
                Ok(link) => links.push(link),
                Err(problems) => {
                    for problem in problems {
                        self.told(assembly.blame_transform(index, problem), at, others);
                    }
                    return None;
                }
            }
        }
        Some(links)
    }

    /// Tells of a problem where it can be mended.
    fn told(&mut self, problem: Blamed, at: &[PathPart], others: &[&str]) {
        match problem {
            Blamed::User(problem) => self.complain(vec![problem], at, others),
            Blamed::Manifest(manifest, problem) => {
                if !self.kinds.tell(&manifest, &problem) {
                    let message = format!(
                        "the connector `{}` makes something wrong of this section: {problem}; this is a \
                         mistake in busta, please report it",
                        manifest.name()
                    );
                    self.problem(&[at, &[key("type")]].concat(), &message);
                }
            }
        }
    }
}

/// The kinds of source that the configuration in `text` may name, whatever else is wrong with it, and what is
/// wrong with those of its own.
pub fn own_kinds(text: &str, environment: &dyn Environment, registry: Registry) -> (Kinds, Vec<String>) {
    let mut kinds = Kinds::new(&registry);
    let document = parse(text).ok().and_then(|(root, _)| root);
    let list = document.and_then(|root| root.entry("connectors").map(|entry| entry.value.to_json()));
    let problems = list.map(|list| kinds.add(list, environment)).unwrap_or_default();
    let mut told: Vec<String> =
        problems.iter().map(|problem| format!("connectors: {}", problem.message)).collect();
    told.extend(kinds.told());
    (kinds, told)
}
