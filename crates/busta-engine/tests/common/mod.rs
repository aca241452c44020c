//! What the engine's tests share: plans over scripted sources and a destination in memory.
#![allow(missing_docs, clippy::unwrap_used, reason = "test support")]
#![allow(dead_code, reason = "each test file uses a part")]

pub mod paid;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use busta_core::clock::{Clock, SystemClock};
use busta_core::settings::{EngineSettings, SourceSettings};
use busta_core::units::Span;
use busta_core::{Pool, RunId, Source, Transform};
use busta_engine::{
    Budget, Capacity, EarlierRequests, Hosts, RunOutcome, RunPlan, SharedDestination, SourceEntry,
    SourceMeter, start,
};
use busta_testkit::memory::Memory;

/// Name, source, settings, pool, expected duration of a split.
type Entry = (String, Arc<dyn Source>, SourceSettings, String, Option<Duration>);

/// A plan under construction.
pub struct Bench {
    pub settings: EngineSettings,
    pub memory: Memory,
    pub parallel: bool,
    pub limit: Option<u64>,
    pub run: RunId,
    pub full_refresh: bool,
    /// One for all sources.
    pub transform: Option<Arc<dyn Transform>>,
    /// One for all sources, if a test has asked for it.
    meter: Option<Arc<SourceMeter>>,
    /// Those of sources that have their own.
    meters: HashMap<String, Arc<SourceMeter>>,
    earlier: HashMap<String, EarlierRequests>,
    pub resumed: bool,
    sources: Vec<Entry>,
}

impl Bench {
    pub fn new(concurrency: usize) -> Self {
        let settings = EngineSettings { concurrency, ..EngineSettings::default() };
        Self {
            settings,
            memory: Memory::default(),
            parallel: true,
            limit: None,
            run: "run-1".into(),
            full_refresh: false,
            transform: None,
            meter: None,
            meters: HashMap::new(),
            earlier: HashMap::new(),
            resumed: false,
            sources: Vec::new(),
        }
    }

    pub fn source(mut self, name: &str, source: impl Source + 'static) -> Self {
        let settings = SourceSettings::default();
        self.sources.push((name.to_owned(), Arc::new(source), settings, "scripted".to_owned(), None));
        self
    }

    /// The meter that the sources of the next plans report to.
    pub fn meter(&mut self) -> Arc<SourceMeter> {
        let meter = SourceMeter::new(Arc::new(Hosts::new(&self.settings)));
        self.meter.insert(meter).clone()
    }

    /// Changes the settings of the last source.
    pub fn with(mut self, change: impl FnOnce(&mut SourceSettings)) -> Self {
        change(&mut self.sources.last_mut().unwrap().2);
        self
    }

    /// Gives the last source a meter of its own.
    pub fn metered(mut self, meter: &Arc<SourceMeter>) -> Self {
        self.meters.insert(self.sources.last().unwrap().0.clone(), meter.clone());
        self
    }

    /// Says how many requests the last source took in earlier runs.
    pub fn took(mut self, earlier: EarlierRequests) -> Self {
        self.earlier.insert(self.sources.last().unwrap().0.clone(), earlier);
        self
    }

    pub fn pool(mut self, pool: &str) -> Self {
        self.sources.last_mut().unwrap().3 = pool.to_owned();
        self
    }

    /// Says how long a split of the last source took in earlier runs.
    pub fn expected(mut self, took: Duration) -> Self {
        self.sources.last_mut().unwrap().4 = Some(took);
        self
    }

    pub fn plan(&self) -> RunPlan {
        let hosts = Arc::new(Hosts::new(&self.settings));
        let sources = self
            .sources
            .iter()
            .map(|(name, source, settings, pool, expected)| SourceEntry {
                transform: self.transform.clone(),
                quality: None,
                name: name.as_str().into(),
                kind: "scripted".into(),
                pool: Pool::new(pool),
                settings: settings.clone(),
                source: source.clone(),
                destination: 0,
                meter: self
                    .meters
                    .get(name)
                    .or(self.meter.as_ref())
                    .cloned()
                    .unwrap_or_else(|| SourceMeter::new(hosts.clone())),
                earlier: self.earlier.get(name).cloned().unwrap_or_default(),
                expected: expected.map_or_else(HashMap::new, |took| {
                    source.streams().iter().map(|stream| (stream.name.clone(), took)).collect()
                }),
            })
            .collect();
        RunPlan {
            run: self.run.clone(),
            resumed: self.resumed,
            full_refresh: self.full_refresh,
            parallel: self.parallel,
            limit: self.limit,
            seed: 42,
            settings: self.settings.clone(),
            hosts,
            capacity: Capacity::new(&self.settings),
            budget: Budget::new(&self.settings),
            sources,
            destinations: vec![SharedDestination::new(Arc::new(self.memory.clone()))],
        }
    }

    pub async fn run(&self) -> RunOutcome {
        start(self.plan(), clock()).join().await.unwrap()
    }
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn span(millis: u64) -> Span {
    Span(ms(millis))
}
