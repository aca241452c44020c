//! A manifest, read and checked.

use std::collections::BTreeMap;

use busta_core::connector::{Built, ConfigProblem, PathPart, read_config};
use busta_core::settings::SourceSettings;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::expand::programs;
use super::expression::check;
use super::parameter::{Check, Kind, Parameters};

/// Keys that a source has whatever its manifest says, beside its settings.
const OF_EVERY_SOURCE: [&str; 9] =
    ["name", "type", "enabled", "destination", "transforms", "quality", "schedule", "retention", "budget"];

/// Keys that a source of every manifest has, and what expressions see besides parameters.
pub(super) const OF_EVERY_MANIFEST: [&str; 4] = ["preset", "then", "tables", "source"];

/// A connector that is written down: parameters, and the configuration of `type: api` that they make.
#[derive(Debug)]
pub struct Manifest {
    pub(super) config: ManifestConfig,
}

/// The keys of a manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestConfig {
    /// What `type:` says of its sources; also the phase that its streams are shown as.
    pub name: String,
    /// One line for `busta connectors list`.
    pub summary: String,
    /// The pool that its splits share.
    #[serde(default = "api")]
    pub pool: String,
    /// A short, complete example of a source's section in YAML.
    pub example: String,
    /// What it asks its users for.
    #[serde(default)]
    pub parameters: Parameters,
    /// Named sets of parameters.
    #[serde(default)]
    pub presets: BTreeMap<String, Map<String, Value>>,
    /// What expressions see besides the parameters, each definition those before it, too.
    #[serde(default)]
    pub define: Vec<Definition>,
    /// What must be so besides.
    #[serde(default)]
    pub checks: Vec<Requirement>,
    /// The configuration of `type: api`, with expressions.
    pub source: Map<String, Value>,
    /// What is done to its records before the transforms that its users give, with expressions.
    #[serde(default)]
    pub transforms: Vec<Value>,
    /// What the tables of its streams are for, by stream, with expressions.
    #[serde(default)]
    pub datasets: Map<String, Value>,
}

/// A value with a name, for expressions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    /// Its name: expressions see it as `.name`.
    pub name: String,
    /// Its value, with expressions.
    pub is: Value,
}

/// Something that must be so, beyond what each parameter says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirement {
    /// A condition, `$(…)`.
    pub that: String,
    /// What is told where it does not hold.
    pub say: String,
    /// The parameter at which it is told.
    pub at: String,
}

fn api() -> String {
    "api".to_owned()
}

impl Manifest {
    /// Reads a manifest. Its programs are not compiled: [`Manifest::check_programs`] does that.
    ///
    /// # Errors
    /// All that is wrong, with paths in the manifest.
    pub fn read(document: Value) -> Built<Self> {
        let mut document = document;
        // What only holds anchors is no part of it.
        if let Some(keys) = document.as_object_mut() {
            keys.retain(|key, _| !key.starts_with("x-"));
        }
        let mut config: ManifestConfig = read_config(document)?;
        let mut problems = Vec::new();
        check_names(&config, &mut problems);
        settle(&mut config.parameters, &[key("parameters")], &mut problems);
        for (name, preset) in &mut config.presets {
            let mut check = Check::at(vec![key("presets"), key(name)]);
            // Defaults come last, beneath what the user gives: only what stands there is kept.
            let given: Vec<String> = preset.keys().cloned().collect();
            *preset = check.all(&config.parameters, std::mem::take(preset), false);
            preset.retain(|key, _| given.contains(key));
            problems.extend(check.problems);
        }
        if problems.is_empty() { Ok(Self { config }) } else { Err(problems) }
    }

    /// Compiles all programs of its expressions.
    ///
    /// # Errors
    /// Those that cannot be compiled, with their places.
    pub fn check_programs(&self) -> Built<()> {
        let mut problems = Vec::new();
        let mut look = |path: &[PathPart], program: Result<&str, String>| {
            if let Err(message) = program.and_then(check) {
                problems.push(ConfigProblem { path: path.to_vec(), message });
            }
        };
        let config = &self.config;
        for (map, name) in [(&config.source, "source"), (&config.datasets, "datasets")] {
            programs(&Value::Object(map.clone()), &mut vec![key(name)], &mut look);
        }
        programs(&Value::Array(config.transforms.clone()), &mut vec![key("transforms")], &mut look);
        for (index, definition) in config.define.iter().enumerate() {
            programs(&definition.is, &mut vec![key("define"), PathPart::Index(index), key("is")], &mut look);
        }
        for (index, requirement) in config.checks.iter().enumerate() {
            for (name, text) in [("that", &requirement.that), ("say", &requirement.say)] {
                let mut place = vec![key("checks"), PathPart::Index(index), key(name)];
                programs(&Value::String(text.clone()), &mut place, &mut look);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// What `type:` says of its sources.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// One line that says what it collects.
    pub fn summary(&self) -> &str {
        &self.config.summary
    }

    /// The pool that its splits share.
    pub fn pool(&self) -> &str {
        &self.config.pool
    }

    /// A short, complete example of a source's section in YAML.
    pub fn example(&self) -> &str {
        &self.config.example
    }

    /// Its presets by name, each with the parameters that it sets.
    pub fn presets(&self) -> &BTreeMap<String, Map<String, Value>> {
        &self.config.presets
    }

    /// Whether its parameter of this name takes credentials.
    pub fn takes_credentials_as(&self, parameter: &str) -> bool {
        self.config.parameters.get(parameter).is_some_and(|parameter| parameter.kind == Kind::Auth)
    }

    /// What its parameters are where they are not given, as far as they are anything then.
    pub fn defaults(&self) -> impl Iterator<Item = (&str, &Value)> {
        let parameters = self.config.parameters.iter();
        parameters.filter_map(|(name, parameter)| Some((name.as_str(), parameter.default.as_ref()?)))
    }

    /// The names of its streams, as far as they are fixed.
    pub fn streams(&self) -> Vec<&str> {
        let streams = self.config.source.get("streams").and_then(Value::as_array);
        streams.into_iter().flatten().filter_map(|stream| stream.get("name")?.as_str()).collect()
    }
}

fn key(name: &str) -> PathPart {
    PathPart::Key(name.to_owned())
}

fn is_name(name: &str) -> bool {
    let mut signs = name.chars();
    signs.next().is_some_and(|first| first.is_ascii_lowercase())
        && signs.all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_')
}

fn check_names(config: &ManifestConfig, problems: &mut Vec<ConfigProblem>) {
    let rule = "a name begins with a small letter and goes on with small letters, digits and `_`";
    if !is_name(&config.name) {
        problems.push(ConfigProblem::new("name", format!("{:?} cannot be a name: {rule}", config.name)));
    }
    let settings = serde_json::to_value(SourceSettings::default()).unwrap_or_default();
    for name in config.parameters.keys() {
        let path = vec![key("parameters"), key(name)];
        let name = name.as_str();
        let taken = OF_EVERY_SOURCE.contains(&name)
            || OF_EVERY_MANIFEST.contains(&name)
            || settings.get(name).is_some();
        if taken {
            let message = format!("`{name}` is a key of every source; give the parameter another name");
            problems.push(ConfigProblem { path, message });
        } else if !is_name(name) {
            problems.push(ConfigProblem { path, message: format!("`{name}` cannot be a name: {rule}") });
        }
    }
    for (index, definition) in config.define.iter().enumerate() {
        let name = &definition.name;
        let twice = config.define[..index].iter().any(|other| other.name == *name);
        if config.parameters.contains_key(name) || OF_EVERY_MANIFEST.contains(&name.as_str()) || twice {
            let message = format!("`{name}` is the name of something else already");
            problems.push(ConfigProblem::new(&format!("define.{index}.name"), message));
        }
    }
    for (index, requirement) in config.checks.iter().enumerate() {
        if !config.parameters.contains_key(&requirement.at) {
            let message = format!("there is no parameter `{}`", requirement.at);
            problems.push(ConfigProblem::new(&format!("checks.{index}.at"), message));
        }
    }
}

/// Makes defaults what a value would become that a user gives, and tells which of them no user could give.
fn settle(parameters: &mut Parameters, at: &[PathPart], problems: &mut Vec<ConfigProblem>) {
    for (name, parameter) in parameters {
        let mut place = at.to_vec();
        place.push(key(name));
        settle(&mut parameter.keys, &[&place[..], &[key("keys")]].concat(), problems);
        let Some(default) = parameter.default.take() else { continue };
        place.push(key("default"));
        let mut check = Check::at(place);
        parameter.default = check.one(parameter, default);
        problems.extend(check.problems);
    }
}
