//! The activity feed: every event goes to whoever listens, and becomes a line of the log.

use std::collections::HashMap;
use std::sync::Arc;

use busta_core::clock::Clock;
use busta_core::event::{Action, Event};
use busta_core::{RunId, SourceName, StreamName, StreamSpec};
use tokio::sync::broadcast;
use tracing::Level;

/// Where the events of a run go.
#[derive(Clone)]
pub struct Feed {
    run: RunId,
    clock: Arc<dyn Clock>,
    listeners: broadcast::Sender<Event>,
    /// The streams that belong to a phase of their source's work.
    phases: Arc<HashMap<SourceName, HashMap<StreamName, String>>>,
}

impl Feed {
    /// The feed of a run of these sources.
    pub fn new<'a>(
        run: RunId,
        clock: Arc<dyn Clock>,
        listeners: broadcast::Sender<Event>,
        sources: impl Iterator<Item = (&'a SourceName, &'a [StreamSpec])>,
    ) -> Self {
        let phases = |specs: &[StreamSpec]| {
            specs.iter().filter_map(|spec| Some((spec.name.clone(), spec.phase.clone()?))).collect()
        };
        let phases = sources.map(|(name, specs)| (name.clone(), phases(specs))).collect();
        Self { run, clock, listeners, phases: Arc::new(phases) }
    }

    /// The phase of its source's work that a stream belongs to.
    pub fn phase(&self, source: &SourceName, stream: &StreamName) -> Option<String> {
        self.phases.get(source)?.get(stream).cloned()
    }

    /// Tells of `action`; `fill` adds what applies, and is not called if nobody would know.
    pub fn emit(&self, action: Action, fill: impl FnOnce(&mut Event)) {
        let logged = match level(action) {
            Level::INFO => tracing::enabled!(Level::INFO),
            _ => tracing::enabled!(Level::DEBUG),
        };
        let heard = self.listeners.receiver_count() > 0;
        if !logged && !heard {
            return;
        }
        let mut event = Event::new(self.clock.now(), &self.run, action);
        fill(&mut event);
        if logged {
            log(&event);
        }
        if heard {
            let _ = self.listeners.send(event);
        }
    }
}

/// What an operator reads through is `info`; what happens many times a second is `debug`.
fn level(action: Action) -> Level {
    match action {
        Action::Started
        | Action::Complete
        | Action::Error
        | Action::Retrying
        | Action::RateLimited
        | Action::Paused
        | Action::Resumed
        | Action::Adapted
        | Action::Schema => Level::INFO,
        Action::Fetching
        | Action::Found
        | Action::Warning
        | Action::Uploading
        | Action::Inserted
        | Action::Updated
        | Action::Deduped => Level::DEBUG,
    }
}

fn log(event: &Event) {
    macro_rules! line {
        ($level:expr) => {
            tracing::event!(
                $level,
                run = event.run.as_str(),
                worker = event.worker_id,
                source = event.source.as_ref().map(|name| name.as_str()),
                stream = event.stream.as_ref().map(|name| name.as_str()),
                split = event.split.as_ref().map(|id| id.as_str()),
                phase = event.phase,
                count = event.count,
                duration_ms = event.duration_ms,
                attempt = event.attempt,
                error = event.error.map(|kind| kind.as_str()),
                stage = event.stage.map(|stage| stage.as_str()),
                url = event.url,
                "{}{}{}",
                event.action.as_str(),
                if event.message.is_some() { ": " } else { "" },
                event.message.as_deref().unwrap_or_default(),
            )
        };
    }
    if level(event.action) == Level::INFO { line!(Level::INFO) } else { line!(Level::DEBUG) }
}
