//! `busta serve`: collects by schedule and on request, and shows what it does.
//!
//! ```text
//! timetable --due--> runs --plan--> engine --events--> activity --> browsers
//!     ^               |  ^                                |  tail -> state store
//!     +----- news ----+  +---- service <--- API           +
//! ```
//!
//! The API has a runtime of its own: collecting cannot keep it from answering, for the system shares the
//! processors among threads, and it needs little. Whatever it starts runs on the runtime that collects.

mod api;
mod board;
mod cleaning;
mod data;
mod edits;
mod failures;
mod history;
mod live;
mod lock;
mod metrics;
mod outlook;
mod paging;
mod past;
mod probing;
mod runs;
mod samples;
mod service;
mod tail;
mod timetable;
mod today;
mod tokens;
mod views;
mod waiting;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use busta_core::SourceName;
use busta_server::{Activity, RingLimits};
use busta_store::StateStore;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{BuiltSource, OnInterrupted};
use crate::exit::{Exit, Usage};
use crate::output::note;
use crate::process;
use crate::signals::Signals;
use crate::wiring::{self, Wired};
use api::Api;
use board::Board;
use lock::ServerLock;
pub use lock::holder;
use runs::Runs;
use samples::Samples;
use service::Serving;
use timetable::Timetable;
use tokens::TokenBook;

/// What is left to the API once the runs have ended.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves until a signal; `bind` overrides the configuration.
pub async fn serve(wired: Wired, bind: Option<SocketAddr>) -> Result<Exit> {
    process::raise_open_files();
    let mut signals = Signals::listen()?;
    let clock = wiring::clock();
    let wired = Arc::new(wired);
    let settings = wired.config.server.clone();
    let store = StateStore::at(&wired.config.state);
    let tokens = TokenBook::open(&store, &settings.tokens).await?;
    let address = bind.unwrap_or(settings.bind);
    if !address.ip().is_loopback() && tokens.is_empty() {
        return Err(Usage(format!(
            "{address} can be reached by others, and there is no token; make one with \
             `busta token new --name NAME --role operate`, or serve on 127.0.0.1"
        ))
        .into());
    }
    let listener = std::net::TcpListener::bind(address)
        .with_context(|| format!("{address} cannot be listened at; choose another with `--bind`"))?;
    let address = listener.local_addr()?;
    let _lock = ServerLock::take(&wired.config.state, address)?;

    let last = store.newest_event_id().await?.unwrap_or(0);
    let ring = RingLimits { events: settings.activity.ring, ..RingLimits::default() };
    let activity = Arc::new(Activity::new(clock.clone(), last, ring));
    let (news, told) = mpsc::unbounded_channel();
    let serving = Arc::new(Serving {
        runs: Runs::new(wired.clone(), store.clone(), activity.clone(), settings.on_busy, news),
        board: Arc::new(Board::default()),
        timetable: Timetable::new(store.clone(), clock.clone(), activity.clone(), settings.probe_after.0),
        samples: Arc::new(Samples::default()),
        today: Arc::default(),
        activity: activity.clone(),
        traffic: Arc::default(),
        began: Instant::now(),
        started: clock.now(),
        wired,
        store,
        clock,
    });
    // Before anybody can ask for a source that belongs to a run which was cut off.
    serving.runs.recall(settings.on_interrupted == OnInterrupted::Resume).await?;
    let api = Api::start(listener, serving.clone(), tokens.clone(), &settings)?;
    note(&format!("serving on http://{address}; Ctrl-C stops"));

    let (stop, last_word) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    if settings.activity.keep {
        let (activity, store) = (serving.activity.clone(), serving.store.clone());
        tasks.spawn(tail::keep(activity, store, last, last_word.clone()));
    }
    let (samples, wired) = (serving.samples.clone(), serving.wired.clone());
    tasks.spawn(samples.take(wired, serving.clock.clone(), stop.clone()));
    let (today, limited) = (serving.today.clone(), limited_by_day(&serving));
    tasks.spawn(today.watch(limited, serving.store.clone(), serving.clock.clone(), stop.clone()));
    tasks.spawn(tokens.keep_fresh(serving.store.clone(), stop.clone()));
    tasks.spawn(cleaning::run(serving.clone(), stop.clone()));
    begin(&serving).await?;
    {
        let (timetable, runs, board) =
            (serving.timetable.clone(), serving.runs.clone(), serving.board.clone());
        let stop = stop.clone();
        tasks.spawn(async move { timetable.run(runs, board, told, stop).await });
    }
    tasks.spawn(probing::run(serving.clone(), stop.clone()));
    tasks.spawn(take_up(serving.clone(), stop.clone()));
    tasks.close();

    let signal = tokio::select! {
        signal = signals.next() => signal,
        error = api.failed() => return Err(error.into()),
    };
    note("stopping: what is under way is committed, and goes on at the next start; again to stop at once");
    let ending = async {
        stop.cancel();
        api.stop();
        let all = serving.runs.close(settings.grace.0).await;
        last_word.cancel();
        tasks.wait().await;
        let _ = tokio::time::timeout(LAST_ANSWERS, api.ended()).await;
        all
    };
    tokio::select! {
        all = ending => {
            if !all {
                note("not all runs came to a stop in time; they go on at the next start");
            }
            Ok(Exit::Done)
        }
        _ = signals.next() => std::process::exit(signal.exit_code().into()),
    }
}

/// The sources that may send only so many requests a day.
fn limited_by_day(serving: &Serving) -> Vec<SourceName> {
    let is_limited = |source: &&BuiltSource| {
        source.settings.budget.is_some_and(|budget| budget.requests_per_day.is_some())
    };
    let sources = &serving.wired.config.sources;
    sources.iter().filter(is_limited).map(|source| source.name.clone()).collect()
}

/// Reads what earlier processes have left.
async fn begin(serving: &Serving) -> Result<()> {
    let sources = &serving.wired.config.sources;
    let names: Vec<SourceName> = sources.iter().map(|source| source.name.clone()).collect();
    serving.board.recall(&serving.store, names.clone()).await?;
    let schedules = sources
        .iter()
        .filter(|source| source.enabled)
        .filter_map(|source| Some((source.name.clone(), source.schedule.clone()?)));
    serving.timetable.begin(names, schedules.collect()).await?;
    Ok(())
}

/// Goes on with what an earlier process has left, after the first delay.
async fn take_up(serving: Arc<Serving>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => return,
        () = tokio::time::sleep(serving.wired.config.server.initial_delay.0) => {}
    }
    serving.runs.open(stop).await;
}
