//! Who can mend what is wrong with what a manifest made: the user of the manifest, or whoever wrote it.

use std::sync::Arc;

use busta_core::DatasetSettings;
use busta_core::connector::{ConfigProblem, PathPart, read_config};
use serde_json::{Map, Value};

use super::assembly::Assembly;
use super::expand::{Failed, Origin};
use super::manifest::Manifest;

/// A problem and where it is told.
#[derive(Clone, Debug)]
pub enum Blamed {
    /// In the source's section; the path starts there.
    User(ConfigProblem),
    /// In the manifest; the path starts at its top.
    Manifest(Arc<Manifest>, ConfigProblem),
}

/// A manifest's share of an assembly, and where everything in it comes from.
pub(super) struct Part {
    pub manifest: Arc<Manifest>,
    /// Where its parameters stand in the section.
    pub place: Vec<PathPart>,
    /// The parameters that stand there.
    pub given: Map<String, Value>,
    /// Those that the preset gives.
    pub preset: Vec<String>,
    /// Of the keys of `type: api`.
    pub origins: Vec<Origin>,
    /// Of the transforms, from the first one of this part.
    pub transforms: Vec<Origin>,
    /// Which of all transforms that is.
    pub first_transform: usize,
    /// Of the datasets, by stream.
    pub datasets: Vec<Origin>,
    /// What comes straight from the section: the place in what was made, and in the section.
    pub links: Vec<(Vec<PathPart>, Vec<PathPart>)>,
}

impl Part {
    pub fn new(manifest: Arc<Manifest>, place: Vec<PathPart>) -> Self {
        Self {
            manifest,
            place,
            given: Map::new(),
            preset: Vec::new(),
            origins: Vec::new(),
            transforms: Vec::new(),
            first_transform: 0,
            datasets: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Whose an expression is that failed.
    pub fn failed(&self, failed: Failed) -> Blamed {
        match self.parameter(&failed.parameters, &failed.problem.message) {
            Some(path) => Blamed::User(self.made_of(path, failed.problem.message)),
            None => Blamed::Manifest(self.manifest.clone(), failed.problem),
        }
    }

    /// What is wrong with the settings that it gives the table of a stream.
    pub fn wrong_dataset(&self, stream: &str, settings: &Value) -> Vec<Blamed> {
        let Err(wrong) = read_config::<DatasetSettings>(settings.clone()) else { return Vec::new() };
        let place = [PathPart::Key(stream.to_owned())];
        let whole = wrong.into_iter().map(|problem| {
            let path = [&place[..], &problem.path].concat();
            self.told(&self.datasets, "datasets", ConfigProblem { path, ..problem })
        });
        whole.collect()
    }

    /// Whose a problem is with what became of a section of the manifest.
    fn told(&self, origins: &[Origin], section: &str, problem: ConfigProblem) -> Blamed {
        match nearest(origins, &problem.path) {
            Some(origin) => self.blame(origin, problem),
            None => {
                let path = [&[PathPart::Key(section.to_owned())][..], &problem.path].concat();
                Blamed::Manifest(self.manifest.clone(), ConfigProblem { path, ..problem })
            }
        }
    }

    /// The place in the section of that of these parameters which a message is about: the one whose value it
    /// quotes, else the first that stands there.
    fn parameter(&self, parameters: &[String], message: &str) -> Option<Vec<PathPart>> {
        let words: Vec<&str> = message.split('`').skip(1).step_by(2).filter(|word| word.len() > 1).collect();
        let quoted = |name: &&String| {
            let value = self.given.get(name.as_str()).map(Value::to_string).unwrap_or_default();
            words.iter().any(|word| value.contains(word))
        };
        let given = || parameters.iter().filter(|name| self.given.contains_key(name.as_str()));
        let given = given().find(quoted).or_else(|| given().next()).map(String::as_str);
        let preset = || parameters.iter().any(|name| self.preset.contains(name)).then_some("preset");
        let name = given.or_else(preset)?;
        Some([&self.place[..], &[PathPart::Key(name.to_owned())]].concat())
    }

    fn made_of(&self, path: Vec<PathPart>, message: String) -> ConfigProblem {
        let message = format!("{message} (in what `{}` makes of it)", self.manifest.name());
        ConfigProblem { path, message }
    }

    /// Whose a problem is with something that one of `origins` tells of.
    fn blame(&self, origin: &Origin, problem: ConfigProblem) -> Blamed {
        let rest = &problem.path[origin.made.len()..];
        let Some(mut path) = self.parameter(&origin.parameters, &problem.message) else {
            let path = [&origin.manifest[..], rest].concat();
            return Blamed::Manifest(self.manifest.clone(), ConfigProblem { path, ..problem });
        };
        let given = origin.parameters.first().is_some_and(|name| self.given.contains_key(name));
        if origin.unchanged && given {
            path.extend(rest.iter().cloned());
            return Blamed::User(ConfigProblem { path, ..problem });
        }
        Blamed::User(self.made_of(path, problem.message))
    }
}

/// The one of `origins` that is nearest to a place; of several the last, which stayed.
fn nearest<'a>(origins: &'a [Origin], path: &[PathPart]) -> Option<&'a Origin> {
    origins.iter().filter(|origin| path.starts_with(&origin.made)).max_by_key(|origin| {
        // Of those for one place, the one with parameters says more.
        (origin.made.len(), !origin.parameters.is_empty())
    })
}

impl Assembly {
    /// Whose a problem is that `type: api` has with the keys.
    pub fn blame(&self, problem: ConfigProblem) -> Blamed {
        let links = self.parts.iter().flat_map(|part| &part.links);
        let linked =
            links.filter(|(made, _)| problem.path.starts_with(made)).max_by_key(|(made, _)| made.len());
        if let Some((made, section)) = linked {
            let path = [&section[..], &problem.path[made.len()..]].concat();
            return Blamed::User(ConfigProblem { path, ..problem });
        }
        let found = self.parts.iter().filter_map(|part| Some((part, nearest(&part.origins, &problem.path)?)));
        // The first part has an origin for the whole, and of equally near ones it is the first that counts.
        match found.rev().max_by_key(|(_, origin)| origin.made.len()) {
            Some((part, origin)) => part.blame(origin, problem),
            None => Blamed::User(problem),
        }
    }

    /// Whose a problem is with the transform of this number among [`Assembly::transforms`].
    pub fn blame_transform(&self, index: usize, problem: ConfigProblem) -> Blamed {
        let Some(part) = self.parts.iter().rfind(|part| part.first_transform <= index) else {
            return Blamed::User(problem);
        };
        let own = PathPart::Index(index - part.first_transform);
        let problem = ConfigProblem { path: [&[own][..], &problem.path].concat(), ..problem };
        part.told(&part.transforms, "transforms", problem)
    }
}
