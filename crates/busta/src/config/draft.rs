//! The sections of a configuration, taken apart: settings checked, connectors' keys not yet.

use std::path::{Path, PathBuf};

use busta_connectors::formats::yaml::{Content, Node, SyntaxError, parse};
use busta_core::SourceName;
use busta_core::connector::{Built, ConfigProblem, PathPart, read_config};
use busta_core::settings::{EngineSettings, SourceSettings};
use busta_engine::schedule::Schedule;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::document::Document;
use super::env::Environment;
use super::expand::expand;
use super::kinds::{Kind, Kinds};
use super::peel::peel;
use super::problem::Problem;
use super::suggest::closest;
use super::{ConfigErrors, Registry, RetentionSection, RetentionSettings, ServerSettings, limits};
use super::{retention, schedule, server};

/// Where control state lies unless `state: { path }` says otherwise.
const STATE: &str = ".busta/state.db";

/// Keys of the top level that are not the engine's.
const TOP: [&str; 8] =
    ["sources", "connectors", "destination", "datasets", "state", "server", "schedule", "retention"];

/// Keys that the spec has and this version has not.
const LATER_TOP: [&str; 1] = ["cluster"];

/// Keys of a source that people write at the top; those that have a meaning there are not among them.
const OF_SOURCE: [&str; 2] = ["name", "type"];

/// The longest name of a source: it is stored with every row.
const LONGEST_NAME: usize = 64;

/// A configuration before its connectors have looked at their keys.
pub struct Draft {
    pub(super) document: Document,
    pub(super) registry: Registry,
    pub(super) kinds: Kinds,
    pub(super) base_dir: PathBuf,
    pub(super) destinations: Vec<DestinationDraft>,
    pub(super) sources: Vec<SourceDraft>,
    pub(super) datasets: Option<Value>,
    pub(super) problems: Vec<Problem>,
    /// The settings of the engine; the default ones where those in the file are wrong.
    pub settings: EngineSettings,
    /// Where control state lies.
    pub state: PathBuf,
    /// What `busta serve` does.
    pub server: ServerSettings,
    /// How long what busta remembers is kept.
    pub retention: RetentionSettings,
    /// The schedule of sources that say nothing about it.
    schedule: Option<Schedule>,
}

pub(super) struct DestinationDraft {
    pub path: Vec<PathPart>,
    pub keys: Value,
}

pub(super) struct SourceDraft {
    pub index: usize,
    pub name: SourceName,
    pub kind: Kind,
    pub settings: SourceSettings,
    pub enabled: bool,
    pub destination: usize,
    pub transforms: Option<Value>,
    pub quality: Option<Value>,
    pub schedule: Option<Schedule>,
    pub retention: RetentionSection,
    pub keys: Value,
}

/// What a source has besides [`SourceSettings`] and its connector's keys.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Enabled {
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

#[derive(serde::Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateSection {
    /// The SQLite file that keeps the history of runs.
    pub path: PathBuf,
}

impl Draft {
    /// Reads `text`, which stands in the file `path`.
    pub fn read(
        path: &Path,
        text: String,
        environment: &dyn Environment,
        registry: Registry,
    ) -> Result<Self, ConfigErrors> {
        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
        let mut document = Document { name: path.display().to_string(), text, root: None };
        let (root, duplicates) = match parse(&document.text) {
            Ok(parsed) => parsed,
            Err(e) => return Err(document.errors(vec![syntax(e)])),
        };
        let mut problems: Vec<Problem> = duplicates.into_iter().map(syntax).collect();
        let Some(mut root) = root else {
            return Err(document
                .errors(vec![Problem::whole("the file is empty; `busta init` writes one that works")]));
        };
        let missing = expand(&mut root, environment);
        document.root = Some(root);
        problems.extend(missing.into_iter().map(|missing| document.problem(missing.path, &missing.message)));
        let base_dir = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut draft = Self {
            state: base_dir.join(STATE),
            base_dir,
            document,
            registry,
            kinds: Kinds::new(&registry),
            destinations: Vec::new(),
            sources: Vec::new(),
            datasets: None,
            problems,
            settings: EngineSettings::default(),
            server: ServerSettings::default(),
            retention: RetentionSettings::default(),
            schedule: None,
        };
        draft.sections(environment);
        Ok(draft)
    }

    fn sections(&mut self, environment: &dyn Environment) {
        let Some(Node { content: Content::Map(_), .. }) = &self.document.root else {
            self.problem(&[], "a configuration is a mapping with `sources:` in it");
            return;
        };
        let Value::Object(mut top) = self.document.root.as_ref().map_or(Value::Null, Node::to_json) else {
            return;
        };
        let sources = top.remove("sources");
        let destination = top.remove("destination");
        let state = top.remove("state");
        let connectors = top.remove("connectors");
        self.datasets = top.remove("datasets");
        let (server, retention) = (top.remove("server"), top.remove("retention"));
        let schedule = top.remove("schedule");
        self.refuse_later(&mut top, &[], &LATER_TOP);
        self.connectors_section(connectors, environment);
        self.engine(top);
        self.state_section(state);
        self.server_section(server);
        self.retention_section(retention);
        self.schedule = self.schedule_section(schedule, &[key("schedule")]);
        let default = destination.unwrap_or_else(|| json!({ "type": "sqlite", "path": "busta.db" }));
        let default = self.destination(default, vec![key("destination")]);
        self.source_list(sources, default);
    }

    fn engine(&mut self, mut top: Map<String, Value>) {
        let known = keys_of(&EngineSettings::default());
        self.refuse_unknown(&mut top, &known, &TOP);
        if let Some(settings) = self.settings_of::<EngineSettings>(Value::Object(top), &[]) {
            let pools = self.pools();
            self.complain(limits::of_engine(&settings, &pools), &[], &[]);
            self.settings = settings;
        }
    }

    fn connectors_section(&mut self, section: Option<Value>, environment: &dyn Environment) {
        if let Some(section) = section {
            let problems = self.kinds.add(section, environment);
            self.complain(problems, &[key("connectors")], &[]);
        }
    }

    fn pools(&self) -> Vec<String> {
        let mut pools: Vec<_> = self.kinds.iter().map(|kind| kind.pool().to_owned()).collect();
        pools.extend(["api", "stac", "rss", "files", "archive"].map(str::to_owned));
        pools.sort_unstable();
        pools.dedup();
        pools
    }

    fn state_section(&mut self, section: Option<Value>) {
        let at = [key("state")];
        if let Some(section) = section
            && let Some(state) = self.settings_of::<StateSection>(section, &at)
        {
            self.state = self.base_dir.join(state.path);
        }
    }

    fn server_section(&mut self, section: Option<Value>) {
        let at = [key("server")];
        if let Some(section) = section
            && let Some(server) = self.settings_of::<ServerSettings>(section, &at)
        {
            self.complain(server::problems(&server), &at, &[]);
            self.server = server;
        }
    }

    fn retention_section(&mut self, section: Option<Value>) {
        let at = [key("retention")];
        if let Some(section) = section
            && let Some(settings) = self.settings_of::<RetentionSettings>(section, &at)
        {
            self.complain(retention::problems(&settings), &at, &[]);
            self.retention = settings;
        }
    }

    /// A schedule that is written down; that of all sources where there is none.
    fn schedule_section(&mut self, section: Option<Value>, at: &[PathPart]) -> Option<Schedule> {
        let Some(section) = section else { return self.schedule.clone() };
        let delay = self.server.initial_delay.0;
        let read = peel(section, |section| schedule::read(section, delay));
        self.keep(read, at, &[]).flatten()
    }

    fn source_list(&mut self, list: Option<Value>, default: usize) {
        let at = [key("sources")];
        match list {
            Some(Value::Array(items)) if !items.is_empty() => {
                for (index, item) in items.into_iter().enumerate() {
                    self.source(index, item, default);
                }
            }
            Some(Value::Array(_) | Value::Null) => {
                self.problem(&at, "the list is empty; name at least one source")
            }
            Some(_) => self.problem(&at, "expected a list of sources, each beginning with `- name:`"),
            None => self.problem(&[], "missing key `sources`: the list of what to collect from"),
        }
    }

    fn source(&mut self, index: usize, item: Value, default: usize) {
        let at = vec![key("sources"), PathPart::Index(index)];
        let Value::Object(mut keys) = item else {
            self.problem(&at, "expected a mapping with `name:` and `type:`");
            return;
        };
        let name = self.name(&mut keys, &at);
        let kind = self.source_kind(&mut keys, &at);
        let schedule = keys.remove("schedule");
        let schedule = self.schedule_section(schedule, &[&at[..], &[key("schedule")]].concat());
        let kept = keys.remove("retention").unwrap_or_else(|| json!({}));
        let kept = peel(kept, retention::read);
        let retention = self.keep(kept, &[&at[..], &[key("retention")]].concat(), &[]).unwrap_or_default();
        let destination = match keys.remove("destination") {
            Some(section) => self.destination(section, [at.clone(), vec![key("destination")]].concat()),
            None => default,
        };
        let transforms = keys.remove("transforms");
        let quality = keys.remove("quality");
        let enabled = take(&mut keys, &["enabled".to_owned()]);
        let enabled = self.settings_of::<Enabled>(enabled, &at).is_none_or(|section| section.enabled);
        let common = take(&mut keys, &keys_of(&SourceSettings::default()));
        let settings = self.settings_of::<SourceSettings>(common, &at);
        if let Some(settings) = &settings {
            self.complain(limits::of_source(settings), &at, &[]);
        }
        if let (Some(name), Some(kind)) = (name, kind) {
            let settings = settings.unwrap_or_default();
            let keys = Value::Object(keys);
            self.sources.push(SourceDraft {
                index,
                name,
                kind,
                settings,
                enabled,
                destination,
                transforms,
                quality,
                schedule,
                retention,
                keys,
            });
        }
    }

    fn name(&mut self, keys: &mut Map<String, Value>, at: &[PathPart]) -> Option<SourceName> {
        let here = [at, &[key("name")]].concat();
        let name = match keys.remove("name") {
            Some(Value::String(name)) => name,
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => {
                self.problem(&here, "expected a text");
                return None;
            }
            None => {
                self.problem(at, "missing key `name`: what the source is called, in every command and table");
                return None;
            }
        };
        let valid = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let long = name.chars().count() > LONGEST_NAME;
        if name.is_empty() || long || name.starts_with('-') || !name.chars().all(valid) {
            let rule = "a name is up to 64 letters, digits, `_`, `-` and `.`, and does not begin with `-`";
            self.problem(&here, &format!("{name:?} cannot be a name: {rule}"));
            return None;
        }
        if let Some(twin) = self.sources.iter().find(|source| source.name.as_str() == name) {
            let message = format!("`{name}` is also the name of sources[{}]; names must differ", twin.index);
            self.problem(&here, &message);
            return None;
        }
        Some(name.into())
    }

    fn source_kind(&mut self, keys: &mut Map<String, Value>, at: &[PathPart]) -> Option<Kind> {
        let kind = keys.remove("type");
        let known: Vec<_> = self.kinds.iter().map(|kind| kind.name().to_owned()).collect();
        let unknown =
            kind.as_ref().and_then(Value::as_str).is_some_and(|kind| !known.iter().any(|name| name == kind));
        if unknown && self.kinds.may_have() {
            // Told where that manifest is wrong.
            return None;
        }
        let kind = self.kind(kind, at, &known.iter().map(String::as_str).collect::<Vec<_>>())?;
        self.kinds.find(&kind)
    }

    /// The `type:` of a source or destination, if it is one of `known`.
    pub(super) fn kind(&mut self, kind: Option<Value>, at: &[PathPart], known: &[&str]) -> Option<String> {
        let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let here = [at, &[key("type")]].concat();
        match kind {
            Some(Value::String(kind)) if known.contains(&kind.as_str()) => return Some(kind),
            Some(Value::String(kind)) => {
                let message = format!("unknown type `{kind}`, expected one of {list}");
                self.complain(vec![ConfigProblem { path: Vec::new(), message }], &here, &[]);
            }
            Some(_) => self.problem(&here, &format!("expected one of {list}")),
            None => self.problem(at, &format!("missing key `type`, one of {list}")),
        }
        None
    }

    /// The number of the destination with these keys; the same keys are the same destination.
    fn destination(&mut self, keys: Value, path: Vec<PathPart>) -> usize {
        if let Some(known) = self.destinations.iter().position(|known| known.keys == keys) {
            return known;
        }
        self.destinations.push(DestinationDraft { path, keys });
        self.destinations.len() - 1
    }

    fn refuse_later(&mut self, keys: &mut Map<String, Value>, at: &[PathPart], later: &[&str]) {
        for name in later {
            if keys.remove(*name).is_some() {
                let version = env!("CARGO_PKG_VERSION");
                let message = format!(
                    "`{name}` belongs to a later version of busta; this one ({version}) cannot do it yet"
                );
                self.problem(&[at, &[key(name)]].concat(), &message);
            }
        }
    }

    fn refuse_unknown(&mut self, keys: &mut Map<String, Value>, known: &[String], more: &[&str]) {
        let known: Vec<&str> = more.iter().copied().chain(known.iter().map(String::as_str)).collect();
        let unknown: Vec<String> =
            keys.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            keys.remove(&name);
            let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = match OF_SOURCE.contains(&name.as_str()) {
                true => {
                    format!("`{name}` is a key of a source, not of the file; indent it below `sources:`")
                }
                false => format!("unknown field `{name}`, expected one of {list}"),
            };
            let path = vec![key(&name)];
            let mut problem = self.document.located(&ConfigProblem { path, message }, &[]);
            if problem.suggestion.is_none() {
                problem.suggestion = closest(&name, known.iter().copied()).map(str::to_owned);
            }
            self.problems.push(problem);
        }
    }

    pub(super) fn settings_of<T: DeserializeOwned>(&mut self, keys: Value, at: &[PathPart]) -> Option<T> {
        let read = peel(keys, read_config::<T>);
        self.keep(read, at, &[])
    }

    pub(super) fn keep<T>(&mut self, built: Built<T>, at: &[PathPart], others: &[&str]) -> Option<T> {
        match built {
            Ok(value) => Some(value),
            Err(problems) => {
                self.complain(problems, at, others);
                None
            }
        }
    }

    pub(super) fn complain(&mut self, problems: Vec<ConfigProblem>, at: &[PathPart], others: &[&str]) {
        for mut problem in problems {
            problem.path.splice(0..0, at.iter().cloned());
            self.problems.push(self.document.located(&problem, others));
        }
    }

    pub(super) fn problem(&mut self, path: &[PathPart], message: &str) {
        self.problems.push(self.document.problem(path.to_vec(), message));
    }
}

pub(super) fn key(name: &str) -> PathPart {
    PathPart::Key(name.to_owned())
}

/// The keys that a settings type has.
pub(super) fn keys_of<T: Serialize>(settings: &T) -> Vec<String> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => map.into_iter().map(|(key, _)| key).collect(),
        _ => Vec::new(),
    }
}

/// Takes the entries of `names` out of `keys`.
fn take(keys: &mut Map<String, Value>, names: &[String]) -> Value {
    let taken = names.iter().filter_map(|name| keys.remove_entry(name));
    Value::Object(taken.collect())
}

pub(super) fn syntax(error: SyntaxError) -> Problem {
    Problem { place: Some(error.place), ..Problem::whole(error.message) }
}
