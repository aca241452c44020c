//! A draft into sources and destinations: every connector looks at its keys.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use busta_connectors::quality::{self, Measurer};
use busta_connectors::transforms::{self, Chain, Link, TransformContext};
use busta_core::clock::Clock;
use busta_core::connector::{DestinationContext, PathPart, SourceContext, read_config};
use busta_core::meter::Meter;
use busta_core::settings::{EngineSettings, SourceSettings};
use busta_core::{DatasetSettings, Destination, Pool, Quality, Source, SourceName, Transform};
use busta_engine::schedule::Schedule;
use serde_json::{Map, Value};

use super::datasets::{Datasets, inform, overlaid};
use super::draft::{DestinationDraft, Draft, SourceDraft, key, keys_of};
use super::kinds::Kind;
use super::manifests::Manifested;
use super::peel::peel;
use super::shown::Shown;
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
    /// What is worth knowing about it and not wrong.
    pub notes: Vec<String>,
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
    pub kind: String,
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
    /// Its section, for people.
    pub shown: Shown,
}

/// Tables, and destinations in which nothing but their rows is kept.
type LeftOut = BTreeSet<(String, usize)>;

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
        let mut defaults = Map::new();
        let wanted = drafts.len();
        let mut sources: Vec<_> =
            drafts.into_iter().filter_map(|s| self.build_source(s, &mut defaults, clock, meter)).collect();
        self.check_folders(&sources);
        let mut datasets = self.datasets(&defaults, sources.len() == wanted);
        let (mut left_out, mut notes) = (LeftOut::new(), Vec::new());
        if self.is_right() {
            (left_out, notes) = self.check_datasets(&datasets, &sources, &destinations);
            self.check_default_views(&mut datasets);
        }
        if !self.is_right() {
            let mut errors = self.document.errors(self.problems);
            errors.problems.extend(self.kinds.told());
            return Err(errors);
        }
        for source in &mut sources {
            let place = source.destination;
            let left_out = |table: &str| left_out.contains(&(table.to_owned(), place));
            let settings = |table: &str| datasets.get(table).filter(|_| !left_out(table));
            source.source = inform(source.source.clone(), settings);
        }
        let Self { settings, state, server, retention, .. } = self;
        Ok(Config { settings, state, server, retention, destinations, sources, notes })
    }

    fn is_right(&self) -> bool {
        self.problems.is_empty() && self.kinds.are_right()
    }

    /// What tables are for: `defaults` are what manifests say of theirs, which the section overrides key by
    /// key. Where not `all` of them are known, what is missing may be one of theirs.
    fn datasets(&mut self, defaults: &Map<String, Value>, all: bool) -> Datasets {
        let mut whole = defaults.clone();
        let at = [key("datasets")];
        match self.datasets.take() {
            None => {}
            Some(Value::Object(own)) => {
                for (table, settings) in own {
                    let default = whole.remove(&table).unwrap_or_default();
                    let settings = if settings.is_object() { overlaid(default, settings) } else { settings };
                    whole.insert(table, settings);
                }
            }
            Some(_) => self.problem(&at, "expected a mapping from tables to what they are for"),
        }
        let mut datasets = Datasets::new();
        for (table, settings) in whole {
            let read = peel(settings, read_config::<DatasetSettings>);
            let read = read.map_err(|mut problems| {
                problems.retain(|problem| all || !problem.message.starts_with("missing field"));
                problems
            });
            let read = self.keep(read, &[&at[..], &[key(&table)]].concat(), &[]);
            datasets.extend(read.map(|settings| (table, settings)));
        }
        datasets
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

    /// Each table must be one that something lands in, and its destination must do what is asked of it. What
    /// only a manifest asks for is left out in those destinations that cannot do it, with a note.
    fn check_datasets(
        &mut self,
        datasets: &Datasets,
        sources: &[BuiltSource],
        destinations: &[BuiltDestination],
    ) -> (LeftOut, Vec<String>) {
        let (mut left_out, mut notes) = (LeftOut::new(), Vec::new());
        for (table, settings) in datasets {
            let at = [key("datasets"), key(table)];
            let asked = self.says(&at);
            let lands = |s: &&BuiltSource| s.source.streams().iter().any(|stream| stream.table == *table);
            let places: BTreeSet<usize> = sources.iter().filter(lands).map(|s| s.destination).collect();
            if places.is_empty() {
                let tables = sources.iter().flat_map(|s| s.source.streams()).map(|s| s.table.as_str());
                self.problem(&at, &nothing_lands(table, tables.collect()));
            }
            let mut streams = sources.iter().flat_map(|source| source.source.streams());
            if let Some(setting) = settings.needs_key()
                && let Some(stream) = streams.find(|stream| stream.table == *table && !stream.has_key())
            {
                let message = format!(
                    "`{setting}` needs rows that can be told apart: those of stream `{}` have no key; set its \
                     `primary_key`, and no `write_mode: append`",
                    stream.name
                );
                self.problem(&[&at[..], &[key(setting)]].concat(), &message);
            }
            for place in places {
                let Some(built) = destinations.get(place) else { continue };
                match built.destination.check_dataset(settings) {
                    Ok(()) => {}
                    Err(why) if asked => self.problem(&at, &format!("{} {why}", built.words())),
                    Err(why) => {
                        notes.push(format!("`{table}`: {} {why}", built.words()));
                        left_out.insert((table.clone(), place));
                    }
                }
            }
        }
        (left_out, notes)
    }

    /// The short paths show one view: what the section says goes before what manifests say.
    fn check_default_views(&mut self, datasets: &mut Datasets) {
        let at = |table: &str| [key("datasets"), key(table), key("view"), key("default")];
        let is_default = |settings: &DatasetSettings| settings.view.as_ref().is_some_and(|view| view.default);
        let defaults = datasets.iter().filter(|(_, settings)| is_default(settings));
        let asked: Vec<String> =
            defaults.map(|(table, _)| table.clone()).filter(|table| self.says(&at(table))).collect();
        let Some((first, others)) = asked.split_first() else { return };
        for table in others {
            let message = format!("the view of `{first}` is the default already, and there can be one");
            self.problem(&at(table), &message);
        }
        for (_, settings) in datasets.iter_mut().filter(|(table, _)| !asked.contains(table)) {
            settings.view.iter_mut().for_each(|view| view.default = false);
        }
    }

    /// Whether the document itself has a key there.
    fn says(&self, at: &[PathPart]) -> bool {
        self.document.root.as_ref().is_some_and(|root| root.locate(at, false).2 == at.len())
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
        defaults: &mut Map<String, Value>,
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
        let built = match &draft.kind {
            Kind::Connector(connector) => {
                let built = peel(draft.keys, |keys| (connector.build)(keys, context.clone()));
                let source = self.keep(built, &at, &common);
                source.map(|source| Manifested { source, transforms: Vec::new(), datasets: Map::new() })
            }
            Kind::Manifest(manifest) => {
                let transforms = draft.transforms.as_ref();
                self.manifested(manifest, draft.keys, transforms, &at, &common, &context)
            }
        };
        let own = self.build_transforms(draft.transforms, &at);
        let Some(Manifested { source, mut transforms, datasets }) = built else {
            // What can be told of the rest is told at the same time.
            if let Some(section) = draft.quality {
                self.keep(peel(section, quality::check), &[&at[..], &[key("quality")]].concat(), &[]);
            }
            return None;
        };
        transforms.extend(own);
        defaults.extend(datasets);
        let quality = self.build_quality(draft.quality, source.as_ref(), &at, clock);
        let section = self.document.root.as_ref().map(|root| root.locate(&at, false).0);
        Some(BuiltSource {
            name: draft.name,
            kind: draft.kind.name().to_owned(),
            pool: Pool::new(draft.kind.pool()),
            settings: draft.settings,
            enabled: draft.enabled,
            destination: draft.destination,
            source: Arc::from(source),
            transform: (!transforms.is_empty())
                .then(|| Arc::new(Chain::new(transforms)) as Arc<dyn Transform>),
            quality,
            schedule: draft.schedule,
            retention: draft.retention,
            shown: section.map(|section| Shown::of(section, &draft.kind)).unwrap_or_default(),
        })
    }

    /// How many splits of a source are read at once, at most: by all, by those of its pool, and its own.
    fn readers(&self, draft: &SourceDraft) -> usize {
        let pool = self.settings.pools.get(draft.kind.pool()).copied();
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

    fn build_transforms(&mut self, list: Option<Value>, at: &[PathPart]) -> Vec<Link> {
        let at = [at, &[key("transforms")]].concat();
        let elements = match list {
            None => return Vec::new(),
            Some(Value::Array(elements)) => elements,
            Some(_) => {
                self.problem(&at, "expected a list of transforms, such as `- drop: [links]`");
                return Vec::new();
            }
        };
        let (context, kinds) =
            (TransformContext { base_dir: self.base_dir.clone() }, self.registry.transforms);
        let mut links = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            let read = peel(element, |element| transforms::read(index, element, kinds, &context));
            links.extend(self.keep(read, &[&at[..], &[PathPart::Index(index)]].concat(), &[]));
        }
        links
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
