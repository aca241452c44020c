//! A draft into sources and destinations: every connector looks at its keys.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use busta_connectors::quality::{self, Measurer};
use busta_connectors::transforms::{self, Chain, TransformContext};
use busta_core::clock::Clock;
use busta_core::connector::{DestinationContext, PathPart, SourceContext};
use busta_core::meter::Meter;
use busta_core::settings::{EngineSettings, SourceSettings};
use busta_core::{Destination, Pool, Quality, Source, SourceName, StreamSpec, Transform, WriteMode};
use busta_engine::schedule::Schedule;
use serde_json::{Map, Value};

use super::datasets::inform;
use super::draft::{DestinationDraft, Draft, SourceDraft, key, keys_of};
use super::peel::peel;
use super::suggest::closest;
use super::{ConfigErrors, RetentionSection, RetentionSettings, ServerSettings};

/// A configuration that is right as far as can be seen without touching anything.
pub struct Config {
    /// The settings of the engine.
    pub settings: EngineSettings,
    /// Where control state lies.
    pub state: PathBuf,
    /// What `busta serve` does.
    pub server: ServerSettings,
    /// How long what busta remembers is kept.
    pub retention: RetentionSettings,
    /// The destinations; those of sources count into this list.
    pub destinations: Vec<BuiltDestination>,
    /// The sources in the order of the file, those that are not enabled among them.
    pub sources: Vec<BuiltSource>,
}

/// A destination with the words that name it.
pub struct BuiltDestination {
    /// Its type.
    pub kind: String,
    /// Its path, where it has one, for people.
    pub place: Option<String>,
    /// The destination.
    pub destination: Arc<dyn Destination>,
}

impl BuiltDestination {
    /// What it is called in tables: `sqlite busta.db`.
    pub fn words(&self) -> String {
        match &self.place {
            Some(place) => format!("{} {place}", self.kind),
            None => self.kind.clone(),
        }
    }
}

/// A source with all that the engine wants to know about it.
pub struct BuiltSource {
    /// Its name.
    pub name: SourceName,
    /// Its type.
    pub kind: &'static str,
    /// The pool of its type.
    pub pool: Pool,
    /// Its settings.
    pub settings: SourceSettings,
    /// Whether it is collected without being named.
    pub enabled: bool,
    /// Which destination it lands in.
    pub destination: usize,
    /// The source.
    pub source: Arc<dyn Source>,
    /// What is done to its records.
    pub transform: Option<Arc<dyn Transform>>,
    /// What measures them.
    pub quality: Option<Arc<dyn Quality>>,
    /// When it is collected by itself.
    pub schedule: Option<Schedule>,
    /// How long its records are kept.
    pub retention: RetentionSection,
}

impl Draft {
    /// Hands each section to its connector. `meter` makes the meter of a source.
    pub fn build(
        mut self,
        clock: &Arc<dyn Clock>,
        meter: &mut dyn FnMut(&SourceName) -> Arc<dyn Meter>,
    ) -> Result<Config, ConfigErrors> {
        let drafts = std::mem::take(&mut self.destinations);
        let destinations: Vec<_> =
            drafts.into_iter().filter_map(|d| self.build_destination(d, clock)).collect();
        let drafts = std::mem::take(&mut self.sources);
        let sources: Vec<_> = drafts.into_iter().filter_map(|s| self.build_source(s, clock, meter)).collect();
        self.check_folders(&sources);
        if self.problems.is_empty() {
            self.check_datasets(&sources, &destinations);
        }
        if !self.problems.is_empty() {
            return Err(self.document.errors(self.problems));
        }
        let Self { settings, state, server, retention, .. } = self;
        Ok(Config { settings, state, server, retention, destinations, sources })
    }

    /// Two archives in one folder would take each other's files for their own.
    fn check_folders(&mut self, sources: &[BuiltSource]) {
        let folder = |source: &BuiltSource| {
            source.source.kept_files().filter(|_| source.kind == "archive").map(|kept| kept.folder)
        };
        for (n, source) in sources.iter().enumerate() {
            let Some(own) = folder(source) else { continue };
            let holds = |other: &&BuiltSource| {
                folder(other).is_some_and(|other| own.starts_with(&other) || other.starts_with(&own))
            };
            if let Some(other) = sources[..n].iter().find(holds) {
                let message = format!(
                    "the files of `{}` go to {}, and so do those of `{}`: give one another `folder`",
                    source.name,
                    own.display(),
                    other.name
                );
                self.problem(&[key("sources")], &message);
            }
        }
    }

    /// Each table must be one that something lands in, and its destination must do what is asked of it.
    fn check_datasets(&mut self, sources: &[BuiltSource], destinations: &[BuiltDestination]) {
        for (table, settings) in std::mem::take(&mut self.datasets) {
            let at = [key("datasets"), key(&table)];
            let lands = |s: &&BuiltSource| s.source.streams().iter().any(|stream| stream.table == table);
            let places: BTreeSet<usize> = sources.iter().filter(lands).map(|s| s.destination).collect();
            if places.is_empty() {
                let tables = sources.iter().flat_map(|s| s.source.streams()).map(|s| s.table.as_str());
                self.problem(&at, &nothing_lands(&table, tables.collect()));
            }
            let streams = sources.iter().flat_map(|source| source.source.streams());
            let keyless = |stream: &&StreamSpec| {
                stream.table == table
                    && (stream.primary_key.is_empty() || stream.write_mode == WriteMode::Append)
            };
            if settings.logs_changes()
                && let Some(stream) = streams.clone().find(keyless)
            {
                let message = format!(
                    "the changes of `{table}` cannot be logged: the rows of stream `{}` have no key; set its \
                     `primary_key`, and no `write_mode: append`",
                    stream.name
                );
                self.problem(&at, &message);
            }
            for built in places.iter().filter_map(|place| destinations.get(*place)) {
                if let Err(why) = built.destination.check_dataset(&settings) {
                    self.problem(&at, &format!("{} {why}", built.words()));
                }
            }
        }
    }

    fn build_destination(
        &mut self,
        draft: DestinationDraft,
        clock: &Arc<dyn Clock>,
    ) -> Option<BuiltDestination> {
        let Value::Object(mut keys) = draft.keys else {
            self.problem(&draft.path, "expected a mapping with `type:`");
            return None;
        };
        let known: Vec<_> = self.registry.destinations.iter().map(|connector| connector.name).collect();
        let kind = self.kind(keys.remove("type"), &draft.path, &known)?;
        let connector = self.registry.destinations.iter().find(|connector| connector.name == kind)?;
        let place = keys.get("path").and_then(Value::as_str).map(str::to_owned);
        let context = DestinationContext { base_dir: self.base_dir.clone(), clock: clock.clone() };
        let built = peel(Value::Object(keys), |keys| (connector.build)(keys, context.clone()));
        let destination = self.keep(built, &draft.path, &["type"])?;
        Some(BuiltDestination { kind, place, destination })
    }

    fn build_source(
        &mut self,
        draft: SourceDraft,
        clock: &Arc<dyn Clock>,
        meter: &mut dyn FnMut(&SourceName) -> Arc<dyn Meter>,
    ) -> Option<BuiltSource> {
        let at = [key("sources"), PathPart::Index(draft.index)];
        let timeout = draft.settings.request_timeout.unwrap_or(self.settings.deadlines.request);
        let context = SourceContext {
            name: draft.name.clone(),
            base_dir: self.base_dir.clone(),
            meter: meter(&draft.name),
            clock: clock.clone(),
            request_timeout: timeout.0,
            readers: self.readers(&draft),
        };
        let mut common = keys_of(&SourceSettings::default());
        common.extend(
            ["name", "type", "enabled", "destination", "transforms", "quality", "schedule", "retention"]
                .map(str::to_owned),
        );
        let common: Vec<&str> = common.iter().map(String::as_str).collect();
        let transform = self.build_transforms(draft.transforms, &at);
        let built = peel(draft.keys, |keys| (draft.connector.build)(keys, context.clone()));
        let Some(source) = self.keep(built, &at, &common) else {
            // What can be told of the rest is told at the same time.
            if let Some(section) = draft.quality {
                self.keep(peel(section, quality::check), &[&at[..], &[key("quality")]].concat(), &[]);
            }
            return None;
        };
        let source = inform(source, &self.datasets);
        let quality = self.build_quality(draft.quality, source.as_ref(), &at, clock);
        Some(BuiltSource {
            name: draft.name,
            kind: draft.connector.name,
            pool: Pool::new(draft.connector.pool),
            settings: draft.settings,
            enabled: draft.enabled,
            destination: draft.destination,
            source: Arc::from(source),
            transform,
            quality,
            schedule: draft.schedule,
            retention: draft.retention,
        })
    }

    /// How many splits of a source are read at once, at most: by all, by those of its pool, and its own.
    fn readers(&self, draft: &SourceDraft) -> usize {
        let pool = self.settings.pools.get(draft.connector.pool).copied();
        let limits = [Some(self.settings.concurrency), pool, draft.settings.max_concurrency];
        limits.into_iter().flatten().min().unwrap_or(1).max(1)
    }

    /// What measures a source's records, with rules or without.
    fn build_quality(
        &mut self,
        section: Option<Value>,
        source: &dyn Source,
        at: &[PathPart],
        clock: &Arc<dyn Clock>,
    ) -> Option<Arc<dyn Quality>> {
        let section = section.unwrap_or_else(|| Value::Object(Map::new()));
        let built = peel(section, |section| quality::build(section, source.streams(), clock.clone()));
        let measurer: Measurer = self.keep(built, &[at, &[key("quality")]].concat(), &[])?;
        Some(Arc::new(measurer))
    }

    fn build_transforms(&mut self, list: Option<Value>, at: &[PathPart]) -> Option<Arc<dyn Transform>> {
        let at = [at, &[key("transforms")]].concat();
        let Value::Array(elements) = list? else {
            self.problem(&at, "expected a list of transforms, such as `- drop: [links]`");
            return None;
        };
        let (context, kinds) =
            (TransformContext { base_dir: self.base_dir.clone() }, self.registry.transforms);
        let mut links = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            let read = peel(element, |element| transforms::read(index, element, kinds, &context));
            links.extend(self.keep(read, &[&at[..], &[PathPart::Index(index)]].concat(), &[]));
        }
        (!links.is_empty()).then(|| Arc::new(Chain::new(links)) as Arc<dyn Transform>)
    }
}

fn nothing_lands(table: &str, known: BTreeSet<&str>) -> String {
    match closest(table, known.iter().copied()) {
        Some(near) => format!("no stream lands in `{table}`; did you mean `{near}`?"),
        None => format!(
            "no stream lands in `{table}`; the tables are: {}",
            known.into_iter().collect::<Vec<_>>().join(", ")
        ),
    }
}
