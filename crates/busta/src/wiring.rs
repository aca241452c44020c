//! Where the parts meet: connectors become sources, and sources and settings a plan for the engine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use busta_core::clock::{Clock, SystemClock};
use busta_core::meter::{Meter, NoMeter};
use busta_core::{RunId, SourceName};
use busta_engine::{
    Budget, Capacity, DailyLimit, EarlierRequests, Hosts, RunPlan, SharedDestination, SourceEntry,
    SourceMeter,
};
use busta_store::{MeanDurations, StateStore};

use crate::config::{self, BuiltSource, Config, ConfigErrors, Draft, Kinds, ProcessEnvironment, Registry};
use crate::days::DayBook;

/// The connectors of this binary.
#[cfg(not(feature = "failpoints"))]
pub fn registry() -> Registry {
    use busta_connectors::manifests::Library;
    use busta_connectors::registry::{DESTINATIONS, SOURCES, TRANSFORMS};
    Registry {
        sources: SOURCES,
        manifests: Library::shipped,
        destinations: DESTINATIONS,
        transforms: TRANSFORMS,
    }
}

/// The connectors of this binary, and the scripted one of the tests.
#[cfg(feature = "failpoints")]
pub fn registry() -> Registry {
    use std::sync::LazyLock;

    use busta_connectors::manifests::Library;
    use busta_connectors::registry::{DESTINATIONS, SOURCES, TRANSFORMS};
    use busta_core::connector::SourceConnector;
    static WITH_SCRIPTED: LazyLock<Vec<&SourceConnector>> =
        LazyLock::new(|| SOURCES.iter().copied().chain([&crate::scripted::CONNECTOR]).collect());
    Registry {
        sources: &WITH_SCRIPTED,
        manifests: Library::shipped,
        destinations: DESTINATIONS,
        transforms: TRANSFORMS,
    }
}

/// The machine's clock.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The configuration that was named, or the one in this folder, before its connectors look at it.
pub fn draft(named: Option<&PathBuf>) -> Result<Draft, ConfigErrors> {
    let path = config::find(named.map(PathBuf::as_path))?;
    let text = config::read(&path)?;
    let environment = ProcessEnvironment::new(path.parent().unwrap_or(&path));
    Draft::read(&path, text, &environment, registry())
}

/// The kinds of source that the configuration knows that was named, or the one in this folder if there is
/// one, and what is wrong with its own.
pub fn kinds(named: Option<&PathBuf>) -> Result<(Kinds, Vec<String>), ConfigErrors> {
    let path = match (named, config::find(None)) {
        (Some(path), _) => path.clone(),
        (None, Ok(path)) => path,
        (None, Err(_)) => return Ok((Kinds::new(&registry()), Vec::new())),
    };
    let environment = ProcessEnvironment::new(path.parent().unwrap_or(&path));
    Ok(config::own_kinds(&config::read(&path)?, &environment, registry()))
}

/// The whole configuration, for commands that run no engine.
pub fn open(named: Option<&PathBuf>) -> Result<Config, ConfigErrors> {
    install_tls();
    draft(named)?.build(&clock(), &mut |_| Arc::new(NoMeter))
}

/// A configuration whose sources report to the engine.
pub struct Wired {
    /// The configuration.
    pub config: Config,
    hosts: Arc<Hosts>,
    capacity: Arc<Capacity>,
    budget: Arc<Budget>,
    destinations: Vec<Arc<SharedDestination>>,
    meters: HashMap<SourceName, Arc<SourceMeter>>,
}

/// What a run is started with, besides the configuration.
pub struct Choice {
    /// Its id.
    pub run: RunId,
    /// Its sources.
    pub sources: Vec<SourceName>,
    /// Whether this goes on with a run that has begun before.
    pub resumed: bool,
    /// Start over, whatever the destination has.
    pub full_refresh: bool,
    /// Many splits at once.
    pub parallel: bool,
    /// Stop each stream with the batch that reaches so many records.
    pub limit: Option<u64>,
    /// How long splits took in earlier runs.
    pub expected: MeanDurations,
    /// How many requests they took.
    pub earlier: HashMap<SourceName, EarlierRequests>,
}

impl Wired {
    /// Builds all sources of `draft`.
    pub fn new(draft: Draft) -> Result<Self, ConfigErrors> {
        install_tls();
        let hosts = Arc::new(Hosts::new(&draft.settings));
        let mut meters = HashMap::new();
        let config = draft.build(&clock(), &mut |name| {
            let meter = SourceMeter::new(hosts.clone());
            meters.insert(name.clone(), meter.clone());
            meter as Arc<dyn Meter>
        })?;
        limit_days(&config, &meters);
        let destinations = config
            .destinations
            .iter()
            .map(|built| SharedDestination::new(built.destination.clone()))
            .collect();
        let (capacity, budget) = (Capacity::new(&config.settings), Budget::new(&config.settings));
        Ok(Self { config, hosts, capacity, budget, destinations, meters })
    }

    /// The limits of hosts.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The places of the process.
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// What is counted of a source.
    pub fn meter(&self, source: &SourceName) -> Option<&SourceMeter> {
        self.meters.get(source).map(Arc::as_ref)
    }

    /// The engine's plan.
    pub fn plan(&self, choice: Choice) -> RunPlan {
        let (mut expected, mut earlier) = (choice.expected, choice.earlier);
        let chosen = self.config.sources.iter().filter(|source| choice.sources.contains(&source.name));
        let sources = chosen
            .filter_map(|source| {
                Some(SourceEntry {
                    expected: expected.remove(&source.name).unwrap_or_default(),
                    earlier: earlier.remove(&source.name).unwrap_or_default(),
                    ..self.entry(source)?
                })
            })
            .collect();
        RunPlan {
            seed: seed_of(&choice.run),
            run: choice.run,
            resumed: choice.resumed,
            full_refresh: choice.full_refresh,
            parallel: choice.parallel,
            limit: choice.limit,
            settings: self.config.settings.clone(),
            hosts: self.hosts.clone(),
            capacity: self.capacity.clone(),
            budget: self.budget.clone(),
            sources,
            destinations: self.destinations.clone(),
        }
    }

    /// A source of which no earlier run is known.
    fn entry(&self, source: &BuiltSource) -> Option<SourceEntry> {
        Some(SourceEntry {
            name: source.name.clone(),
            kind: source.kind.clone(),
            pool: source.pool.clone(),
            settings: source.settings.clone(),
            source: source.source.clone(),
            transform: source.transform.clone(),
            quality: source.quality.clone(),
            destination: source.destination,
            meter: self.meters.get(&source.name)?.clone(),
            expected: HashMap::new(),
            earlier: EarlierRequests::default(),
        })
    }
}

/// Holds the sources to their requests of a day, which the state counts for all processes.
fn limit_days(config: &Config, meters: &HashMap<SourceName, Arc<SourceMeter>>) {
    let book = Arc::new(DayBook(StateStore::at(&config.state)));
    for source in &config.sources {
        let most = source.settings.budget.and_then(|budget| budget.requests_per_day);
        if let (Some(most), Some(meter)) = (most, meters.get(&source.name)) {
            meter.limit_days(DailyLimit::new(source.name.clone(), most, book.clone(), clock()));
        }
    }
}

/// A new run's id.
pub fn new_run_id() -> RunId {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // `RandomState` is seeded by the system: chance enough to tell two runs of one millisecond apart.
    let chance = RandomState::new().build_hasher().finish();
    RunId::new(clock().now(), chance as u32)
}

/// The seed of the run's chance: its id, so that a run can be repeated with the same one.
fn seed_of(run: &RunId) -> u64 {
    run.as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// TLS wants one provider of cryptography for the whole process; it may have been installed before.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
