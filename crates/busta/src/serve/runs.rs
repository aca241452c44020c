//! The runs of the server: started, queued, watched, stopped, ended.
//!
//! Two runs never collect one source at a time. Whoever asks for a source that is being collected is
//! refused, or his run is queued, and starts when all its sources are free. What is queued is a row of
//! the history, so a restart forgets nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::report::RunReport;
use busta_core::{Error, ErrorKind, Result, RunId, SourceName};
use busta_server::Activity;
use busta_store::{NewRun, StateStore, StoredRun, Trigger};
use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::live::{Held, Live};
use crate::config::OnBusy;
use crate::process::Usage;
use crate::session::{self, Session};
use crate::wiring::{self, Wired};

/// What is to be collected.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its sources, in the order of the configuration.
    pub sources: Vec<SourceName>,
    /// What asks for it.
    pub trigger: Trigger,
    /// Read everything again.
    pub full_refresh: bool,
    /// Stop each stream with the batch that reaches so many records.
    pub limit: Option<u64>,
    /// Wait for sources that are being collected, whatever the configuration says.
    pub wait: bool,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The run.
    pub run: RunId,
    /// Its sources.
    pub sources: Vec<SourceName>,
    /// The run that it waits for, if it does not run yet.
    pub behind: Option<RunId>,
}

/// What happens to runs.
#[derive(Clone, Debug)]
pub enum News {
    /// These sources are being collected, or will be as soon as they are free.
    Started(Vec<SourceName>),
    /// A run has ended.
    Ended(Ended),
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its sources.
    pub sources: Vec<SourceName>,
    /// Its report; `None` if it never began, or the engine failed.
    pub report: Option<RunReport>,
    /// What had started it.
    pub trigger: Trigger,
}

/// A run that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whether it goes on with what an earlier process was cut off in.
    pub resumed: bool,
    /// The run.
    pub run: RunId,
    /// What asks for it.
    pub trigger: Trigger,
    /// Its sources.
    pub sources: Vec<SourceName>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// All runs of the process. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) wired: Arc<Wired>,
    pub(super) store: StateStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) activity: Arc<Activity>,
    /// The runtime that collects. Requests come on another.
    collector: Handle,
    on_busy: OnBusy,
    /// Held while a run is started or queued, so that two requests do not both find a source free.
    pub(super) turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    news: mpsc::UnboundedSender<News>,
    /// Renewed whenever a run begins or ends.
    pub(super) changed: watch::Sender<()>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) live: BTreeMap<RunId, Live>,
    pub(super) waiting: VecDeque<Waiting>,
    /// What waits may start.
    pub(super) open: bool,
    /// How many runs have ended, by how they did.
    pub(super) ended: BTreeMap<&'static str, u64>,
    pub(super) closed: bool,
}

impl Runs {
    /// No run yet. What happens to runs is told to `news`. Must be called on the runtime that collects.
    pub fn new(
        wired: Arc<Wired>,
        store: StateStore,
        activity: Arc<Activity>,
        on_busy: OnBusy,
        news: mpsc::UnboundedSender<News>,
    ) -> Self {
        let inner = Inner {
            wired,
            store,
            clock: wiring::clock(),
            activity,
            collector: Handle::current(),
            on_busy,
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::default(),
            news,
            changed: watch::Sender::new(()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The runs under way, newest first.
    pub fn live(&self) -> Vec<Live> {
        self.state().live.values().rev().cloned().collect()
    }

    /// One run under way.
    pub fn live_run(&self, run: &RunId) -> Option<Live> {
        self.state().live.get(run).cloned()
    }

    /// Whether `source` is being collected, or waited for.
    pub fn holds(&self, source: &SourceName) -> bool {
        self.busy(std::slice::from_ref(source)).is_some()
    }

    /// The run that collects `source` now.
    pub fn collects(&self, source: &SourceName) -> Option<RunId> {
        self.state().live.values().find(|live| live.sources.contains(source)).map(|live| live.run.clone())
    }

    /// The runs that wait, oldest first.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.state().waiting.iter().cloned().collect()
    }

    /// How many runs have ended since the server started, by how they did.
    pub fn ended(&self) -> BTreeMap<&'static str, u64> {
        self.state().ended.clone()
    }

    /// Starts a run, or queues or refuses it while one of its sources is being collected.
    pub async fn start(&self, request: Request) -> Result<Begun> {
        self.on_collector(|runs| async move { runs.start_here(request).await }).await
    }

    /// Goes on with what a run could not collect.
    pub async fn retry(&self, id: &str, trigger: Trigger) -> Result<Begun> {
        let id = id.to_owned();
        self.on_collector(|runs| async move { runs.retry_here(&id, trigger).await }).await
    }

    /// Stops a run under way, takes one that waits out of the queue, gives up one that ended unfinished.
    pub async fn cancel(&self, id: &str) -> Result<RunId> {
        let run = self.inner.store.run(id).await?.id;
        if self.stop(&run) {
            return Ok(run);
        }
        // With the turn nobody is between the queue and its start.
        self.on_collector(|runs| async move { runs.cancel_here(run).await }).await
    }

    fn stop(&self, run: &RunId) -> bool {
        let live = self.live_run(run);
        if let Some(live) = &live {
            live.cancel();
        }
        live.is_some()
    }

    async fn cancel_here(&self, run: RunId) -> Result<RunId> {
        let _turn = self.inner.turn.lock().await;
        if self.stop(&run) {
            return Ok(run);
        }
        let abandoned = self.inner.store.abandon(&run, self.inner.clock.now()).await;
        if !self.leave_queue(&run) {
            abandoned?;
        }
        self.start_waiting().await;
        Ok(run)
    }

    /// Starts no more runs, stops those under way, and waits for their ends for at most `grace`. Says
    /// whether all have ended.
    pub async fn close(&self, grace: Duration) -> bool {
        {
            let mut state = self.state();
            state.closed = true;
            state.live.values().for_each(Live::stop);
        }
        let mut changed = self.inner.changed.subscribe();
        let quiet = async {
            while !self.state().live.is_empty() {
                if changed.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(grace, quiet).await.is_ok()
    }

    /// A task of the collector's runtime: not cancelled when whoever asked goes away.
    async fn on_collector<T, F>(&self, act: impl FnOnce(Self) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let task = self.inner.collector.spawn(act(self.clone()));
        task.await.map_err(|error| Error::bug(format!("the start of a run has failed: {error}")))?
    }

    async fn start_here(&self, request: Request) -> Result<Begun> {
        let _turn = self.inner.turn.lock().await;
        self.refuse_closed()?;
        let new = NewRun {
            id: wiring::new_run_id(),
            started: self.inner.clock.now(),
            trigger: request.trigger,
            sources: request.sources,
            full_refresh: request.full_refresh,
            limit: request.limit,
        };
        let (run, sources) = (new.id.clone(), new.sources.clone());
        if let Some((source, busy)) = self.busy(&sources) {
            if self.inner.on_busy == OnBusy::Reject && !request.wait {
                return Err(being_collected(&source, &busy));
            }
            self.enqueue(new, Some(&busy)).await?;
            return Ok(Begun { run, sources, behind: Some(busy) });
        }
        let trigger = new.trigger;
        let session = match Session::begin(&self.inner.store, new.clone()).await {
            // Another process collects one of its sources.
            Err(error) if error.kind() == ErrorKind::Conflict && request.wait => {
                self.enqueue(new, None).await?;
                return Ok(Begun { run, sources, behind: None });
            }
            other => other?,
        };
        self.launch(session, trigger).await?;
        Ok(Begun { run, sources, behind: None })
    }

    async fn retry_here(&self, id: &str, trigger: Trigger) -> Result<Begun> {
        let _turn = self.inner.turn.lock().await;
        self.refuse_closed()?;
        let run = self.inner.store.run(id).await?;
        session::refuse_done(&run)?;
        let begun = Begun { run: run.id.clone(), sources: run.sources.clone(), behind: None };
        self.resume(&run, trigger, false).await?;
        Ok(begun)
    }

    /// Goes on with a run, unless one of its sources is being collected or waited for: by the run itself if
    /// it `waits`, and then it is free by now.
    pub(super) async fn resume(&self, run: &StoredRun, trigger: Trigger, waits: bool) -> Result<()> {
        let (sources, gone) = session::resumable(&self.inner.wired, run)?;
        for name in gone {
            tracing::warn!(
                run = run.id.as_str(),
                source = name.as_str(),
                "not in the configuration any more"
            );
        }
        if let Some((source, busy)) = self.busy(&sources).filter(|_| !waits) {
            return Err(being_collected(&source, &busy));
        }
        let session = Session::resume(&self.inner.store, run, sources, trigger).await?;
        self.launch(session, trigger).await
    }

    /// A source of these that is being collected or waited for, and the run.
    fn busy(&self, sources: &[SourceName]) -> Option<(SourceName, RunId)> {
        let state = self.state();
        let live = state.live.values().map(|live| (&live.run, &live.sources));
        let waiting = state.waiting.iter().map(|waiting| (&waiting.run, &waiting.sources));
        live.chain(waiting).find_map(|(run, theirs)| {
            let shared = theirs.iter().find(|source| sources.contains(source))?;
            Some((shared.clone(), run.clone()))
        })
    }

    pub(super) fn tell(&self, news: News) {
        // Nobody is there any more once the server shuts down.
        let _ = self.inner.news.send(news);
    }

    fn refuse_closed(&self) -> Result<()> {
        if self.state().closed {
            return Err(Error::unavailable("the server is shutting down"));
        }
        Ok(())
    }

    pub(super) async fn launch(&self, mut session: Session, trigger: Trigger) -> Result<()> {
        let plan = match session.plan(&self.inner.wired, true).await {
            Ok(plan) => plan,
            Err(error) => {
                // Else it would be one that was cut off.
                let run = session.run().clone();
                drop(session);
                let _ = self.inner.store.abandon(&run, self.inner.clock.now()).await;
                return Err(error);
            }
        };
        let sources = plan.sources.iter().map(|source| source.name.clone()).collect();
        let usage = Usage::begin();
        let (handle, events) = busta_engine::start_heard(plan, self.inner.clock.clone());
        let live = Live::new(&handle, trigger, sources, self.inner.clock.now());
        let held = Held::take(self, live);
        tokio::spawn(self.clone().see_through(held, session, handle, events, usage));
        Ok(())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn being_collected(source: &SourceName, busy: &RunId) -> Error {
    Error::conflict(format!("run {busy} is collecting {source} right now")).hint("wait for it, or cancel it")
}
