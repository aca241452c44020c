//! A source's section into the configuration of `type: api` that its manifest makes of it.

use std::fmt;
use std::sync::Arc;

use busta_core::connector::{ConfigProblem, PathPart};
use serde_json::{Map, Value, json};

use super::Library;
use super::blame::{Blamed, Part};
use super::chain::{self, Link};
use super::expand::{Expansion, Names, expand};
use super::expression::{Scope, Text};
use super::manifest::Manifest;
use super::parameter::Check;

/// What a source's section became.
pub struct Assembly {
    /// The keys of `type: api`.
    pub keys: Value,
    /// What is done to its records before the transforms of the section.
    pub transforms: Vec<Value>,
    /// What its tables are for, by table.
    pub datasets: Map<String, Value>,
    pub(super) parts: Vec<Part>,
}

// It may hold secrets.
impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly").finish_non_exhaustive()
    }
}

/// A section of a source, without the keys that every source has.
pub struct Section {
    /// Its keys.
    pub keys: Map<String, Value>,
    /// What expressions see of the rest as `.source`.
    pub about: Map<String, Value>,
}

/// One manifest with its parameters, expanded.
pub(super) struct Made {
    pub api: Map<String, Value>,
    pub part: Part,
    transforms: Vec<Value>,
    datasets: Map<String, Value>,
}

/// Makes the configuration of a source of `manifest`, and of those that follow it with `then`.
///
/// # Errors
/// All that is wrong, each thing with who can mend it.
pub fn assemble(
    library: &Library,
    manifest: &Arc<Manifest>,
    section: Section,
) -> Result<Assembly, Vec<Blamed>> {
    let Section { mut keys, mut about } = section;
    let mut problems = Vec::new();
    let tables = keys.remove("tables");
    let links = chain::links(library, keys.remove("then"), &mut problems);
    about.insert("of".to_owned(), Value::Null);
    let first = expanded(manifest, Vec::new(), keys, &about, &mut problems);
    let mut followers = Vec::new();
    for link in links {
        about.insert("of".to_owned(), json!(link.of));
        let made = expanded(&link.manifest, link.place.clone(), link.keys.clone(), &about, &mut problems);
        followers.extend(made.map(|made| (link, made)));
    }
    let Some(first) = first.filter(|_| problems.is_empty()) else { return Err(problems) };
    let mut assembly = join(first, followers, &mut problems);
    rename(&mut assembly, tables, &mut problems);
    if problems.is_empty() { Ok(assembly) } else { Err(problems) }
}

/// One manifest with the keys that stand at `place` of the section.
fn expanded(
    manifest: &Arc<Manifest>,
    place: Vec<PathPart>,
    mut keys: Map<String, Value>,
    about: &Map<String, Value>,
    problems: &mut Vec<Blamed>,
) -> Option<Made> {
    let before = problems.len();
    let mut part = Part::new(manifest.clone(), place.clone());
    let preset = preset(manifest, keys.remove("preset"), &place, problems);
    part.given = keys.clone();
    for (name, value) in preset.into_iter().flatten() {
        if !keys.contains_key(&name) {
            part.preset.push(name.clone());
            keys.insert(name, value);
        }
    }
    let mut check = Check::at(place);
    let mut scope = check.all(&manifest.config.parameters, keys, true);
    problems.extend(check.problems.into_iter().map(Blamed::User));
    if problems.len() > before {
        return None;
    }
    scope.insert("source".to_owned(), Value::Object(about.clone()));
    let mut names = Names::of(manifest);
    define(&part, &mut names, &mut scope, problems);
    if problems.len() == before {
        requirements(&part, &scope, problems);
    }
    if problems.len() > before {
        return None;
    }
    let mut section = |name: &str, value: Value| {
        let Expansion { value, origins, problems: failed } =
            expand(&value, vec![PathPart::Key(name.to_owned())], &scope, &names);
        problems.extend(failed.into_iter().map(|failed| part.failed(failed)));
        (value, origins)
    };
    let (api, api_origins) = section("source", Value::Object(manifest.config.source.clone()));
    let (transforms, transform_origins) = section("transforms", manifest.config.transforms.clone().into());
    let (datasets, dataset_origins) = section("datasets", Value::Object(manifest.config.datasets.clone()));
    part.origins = api_origins;
    part.transforms = transform_origins;
    part.datasets = dataset_origins;
    let (Value::Object(api), Value::Array(transforms), Value::Object(datasets)) = (api, transforms, datasets)
    else {
        return None;
    };
    Some(Made { api, part, transforms, datasets })
}

/// Adds the manifest's definitions to what its expressions see.
fn define(part: &Part, names: &mut Names, scope: &mut Scope, problems: &mut Vec<Blamed>) {
    for (index, definition) in part.manifest.config.define.iter().enumerate() {
        let place =
            vec![PathPart::Key("define".to_owned()), PathPart::Index(index), PathPart::Key("is".to_owned())];
        let Expansion { value, origins, problems: failed } = expand(&definition.is, place, scope, names);
        problems.extend(failed.into_iter().map(|failed| part.failed(failed)));
        names.define(&definition.name, origins.into_iter().flat_map(|origin| origin.parameters));
        scope.insert(definition.name.clone(), value);
    }
}

/// The parameters of the preset that is named.
fn preset(
    manifest: &Manifest,
    named: Option<Value>,
    place: &[PathPart],
    problems: &mut Vec<Blamed>,
) -> Option<Map<String, Value>> {
    let named = named?;
    let presets = &manifest.config.presets;
    if let Some(preset) = named.as_str().and_then(|name| presets.get(name)) {
        return Some(preset.clone());
    }
    let known = presets.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = match (&named, known.is_empty()) {
        (_, true) => format!("`{}` has no presets", manifest.name()),
        (Value::String(name), _) => format!("unknown variant `{name}`, expected one of {known}"),
        _ => format!("expected one of {known}"),
    };
    let path = [place, &[PathPart::Key("preset".to_owned())]].concat();
    problems.push(Blamed::User(ConfigProblem { path, message }));
    None
}

/// Tells which requirements of the manifest do not hold.
fn requirements(part: &Part, scope: &Scope, problems: &mut Vec<Blamed>) {
    for (index, requirement) in part.manifest.config.checks.iter().enumerate() {
        let held = Text::parse(&requirement.that).and_then(|text| text.value(scope));
        let said = match held {
            Ok(None | Some(Value::Bool(false))) => {
                Text::parse(&requirement.say).and_then(|text| text.value(scope))
            }
            Ok(Some(_)) => continue,
            Err(why) => {
                let problem = ConfigProblem::new(&format!("checks.{index}.that"), why);
                problems.push(Blamed::Manifest(part.manifest.clone(), problem));
                continue;
            }
        };
        let message = match said {
            Ok(Some(Value::String(text))) => text,
            _ => requirement.say.clone(),
        };
        // What is missing is missing in the section itself.
        let at = part.given.contains_key(&requirement.at).then(|| PathPart::Key(requirement.at.clone()));
        let path = part.place.iter().cloned().chain(at).collect();
        problems.push(Blamed::User(ConfigProblem { path, message }));
    }
}

/// All manifests of a section as one.
fn join(first: Made, followers: Vec<(Link, Made)>, problems: &mut Vec<Blamed>) -> Assembly {
    let mut assembly =
        Assembly { keys: Value::Null, transforms: Vec::new(), datasets: Map::new(), parts: Vec::new() };
    let mut api = Map::new();
    for (link, made) in std::iter::once((None, first)).chain(followers.into_iter().map(|(l, m)| (Some(l), m)))
    {
        let Made { api: own, mut part, transforms, datasets } = made;
        for (stream, settings) in &datasets {
            problems.extend(part.wrong_dataset(stream, settings));
        }
        part.first_transform = assembly.transforms.len();
        match link {
            None => api = chain::begin(own, &part),
            Some(link) => chain::follow(&mut api, own, &link, &mut part, problems),
        }
        assembly.transforms.extend(transforms);
        assembly.datasets.extend(datasets);
        assembly.parts.push(part);
    }
    assembly.keys = Value::Object(api);
    assembly
}

/// Gives streams the tables that the section names, and the datasets their tables' names.
fn rename(assembly: &mut Assembly, tables: Option<Value>, problems: &mut Vec<Blamed>) {
    let Some(streams) = assembly.keys.get_mut("streams").and_then(Value::as_array_mut) else { return };
    let name_of = |stream: &Value| stream.get("name").and_then(Value::as_str).map(str::to_owned);
    let names: Vec<String> = streams.iter().filter_map(name_of).collect();
    let mut wrong = |path: Vec<PathPart>, message: String| {
        problems.push(Blamed::User(ConfigProblem { path, message }));
    };
    let at = |name: &str| PathPart::Key(name.to_owned());
    match tables {
        None => {}
        Some(Value::Object(tables)) => {
            for (name, table) in tables {
                let place = vec![at("tables"), at(&name)];
                let stream = streams.iter_mut().find(|stream| name_of(stream).as_deref() == Some(&name));
                match (stream.and_then(Value::as_object_mut), table) {
                    (Some(stream), table @ Value::String(_)) => _ = stream.insert("table".to_owned(), table),
                    (Some(_), _) => wrong(place, "expected a text: the name of a table".to_owned()),
                    (None, _) => {
                        let known =
                            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                        wrong(
                            vec![at("tables")],
                            format!("unknown field `{name}`, expected one of the streams {known}"),
                        );
                    }
                }
            }
        }
        Some(_) => wrong(vec![at("tables")], "expected a mapping from streams to tables".to_owned()),
    }
    let mut by_table = Map::new();
    for stream in streams.iter() {
        let Some(name) = name_of(stream) else { continue };
        let Some(settings) = assembly.datasets.get(&name) else { continue };
        let table = stream.get("table").and_then(Value::as_str).map_or(name, str::to_owned);
        by_table.insert(table, settings.clone());
    }
    assembly.datasets = by_table;
}
