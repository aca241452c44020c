use std::sync::OnceLock;

use busta_core::event::Event;
use bytes::Bytes;
use serde::Serialize;

use crate::model::ActivityEvent;

/// An event with its place in the feed.
#[derive(Debug)]
pub struct StoredEvent {
    id: u64,
    event: Event,
    /// Its SSE message, made once, by whoever sends it first: not by the one who published it.
    message: OnceLock<Bytes>,
}

/// How an event goes over the wire: [`ActivityEvent`], without its copies.
#[derive(Serialize)]
struct Wire<'a> {
    id: u64,
    #[serde(flatten)]
    event: &'a Event,
}

impl StoredEvent {
    pub(super) fn new(id: u64, event: Event) -> Self {
        Self { id, event, message: OnceLock::new() }
    }

    /// Its place.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What happened.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// It as JSON: an [`ActivityEvent`].
    pub fn json(&self) -> String {
        // Nothing in an event can fail to be JSON: no foreign types, and names for keys.
        serde_json::to_string(&Wire { id: self.id, event: &self.event }).unwrap_or_default()
    }

    /// It as an SSE message.
    pub(super) fn message(&self) -> &Bytes {
        self.message.get_or_init(|| format!("id: {}\ndata: {}\n\n", self.id, self.json()).into())
    }

    /// About how many bytes it keeps, its message among them, which has every text once more.
    pub(super) fn weight(&self) -> usize {
        let event = &self.event;
        let names = [
            event.source.as_ref().map(|name| name.as_str()),
            event.stream.as_ref().map(|name| name.as_str()),
            event.split.as_ref().map(|name| name.as_str()),
            event.phase.as_deref(),
            event.url.as_deref(),
            event.message.as_deref(),
        ];
        let text: usize = names.iter().flatten().map(|name| name.len()).sum();
        let subject: usize = event.subject.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
        size_of::<Self>() + 200 + 2 * (text + subject)
    }
}

impl From<&StoredEvent> for ActivityEvent {
    fn from(stored: &StoredEvent) -> Self {
        let event = &stored.event;
        Self {
            id: stored.id,
            at: event.at,
            run: event.run.to_string(),
            worker_id: event.worker_id,
            action: event.action.as_str().to_owned(),
            source: event.source.as_ref().map(ToString::to_string),
            stream: event.stream.as_ref().map(ToString::to_string),
            split: event.split.as_ref().map(ToString::to_string),
            phase: event.phase.clone(),
            subject: event.subject.clone(),
            count: event.count,
            duration_ms: event.duration_ms,
            attempt: event.attempt,
            error: event.error.map(|kind| kind.as_str().to_owned()),
            stage: event.stage.map(|stage| stage.to_string()),
            url: event.url.clone(),
            message: event.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use busta_core::event::Action;
    use busta_core::{ErrorKind, Stage};
    use chrono::DateTime;

    use super::*;

    #[test]
    fn the_wire_speaks_the_model() {
        let event = Event {
            source: Some("news".into()),
            stream: Some("entries".into()),
            split: Some("feed 1".into()),
            phase: Some("search".into()),
            subject: [("title".into(), "a lamp".into())].into(),
            count: Some(3),
            duration_ms: Some(7),
            attempt: Some(2),
            error: Some(ErrorKind::RateLimited),
            stage: Some(Stage::Read),
            url: Some("https://news.example/feed".into()),
            message: Some("line one\nline two".into()),
            ..Event::new(DateTime::UNIX_EPOCH, &"run".into(), Action::RateLimited)
        };
        let stored = StoredEvent::new(42, event);
        let model = serde_json::to_value(ActivityEvent::from(&stored)).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&stored.json()).unwrap(), model);
        let message = std::str::from_utf8(stored.message()).unwrap();
        assert_eq!(message.lines().count(), 3, "an id, one line of data, and the end: {message}");
        assert!(message.starts_with("id: 42\ndata: {") && message.ends_with("}\n\n"));
    }
}
