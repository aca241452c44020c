//! A table with a view, and short words for what is done to it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use busta_connectors::registry;
use busta_core::clock::Clock;
use busta_core::connector::DestinationContext;
use busta_core::dataset::ViewSettings;
use busta_core::destination::Purge;
use busta_core::reading::view::{Hours, Label, RecentQuery, SentimentQuery, TrendingQuery};
use busta_core::{
    Chunk, Committed, Destination, Finish, Position, Records, Step, StreamFinish, StreamSpec, WriteMode,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::oracle::Oracle;

pub const TABLE: &str = "posts";
const GROUPS: [Option<&str>; 4] = [None, Some("a"), Some("c"), Some("nobody")];
const WINDOWS: [&str; 4] = ["3h", "24h", "7d", "30d"];

/// A clock that is put on.
pub struct At(Mutex<DateTime<Utc>>);

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

impl At {
    pub fn start() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-11-20T10:20:00Z".parse().unwrap())))
    }

    pub fn pass(&self, minutes: i64) {
        *self.0.lock().unwrap() += TimeDelta::minutes(minutes);
    }
}

pub fn view() -> ViewSettings {
    let keys = json!({
        "time": "at", "group_by": "group", "text": ["title", "body"], "score": "score", "sentiment": "s"
    });
    serde_json::from_value(keys).unwrap()
}

pub fn spec(mode: WriteMode, view: Option<ViewSettings>) -> StreamSpec {
    let mut spec = StreamSpec { write_mode: mode, ..StreamSpec::new(TABLE, vec!["id".into()]) };
    spec.dataset.view = view;
    spec
}

/// A source that writes, and what it should have come to.
pub struct Desk {
    pub destination: Arc<dyn Destination>,
    pub clock: Arc<At>,
    pub oracle: Oracle,
    run: String,
    steps: usize,
}

impl Desk {
    pub fn open(folder: &Path, clock: &Arc<At>) -> Arc<dyn Destination> {
        let context =
            DestinationContext { base_dir: folder.to_owned(), clock: Arc::clone(clock) as Arc<dyn Clock> };
        (registry::destination("sqlite").unwrap().build)(json!({}), context).unwrap()
    }

    pub async fn new(folder: &Path, spec: &StreamSpec) -> Self {
        let clock = At::start();
        let destination = Self::open(folder, &clock);
        let desk = Self { destination, clock, oracle: Oracle::default(), run: "R0".into(), steps: 0 };
        desk.prepare(spec).await;
        desk
    }

    pub async fn prepare(&self, spec: &StreamSpec) {
        let (run, source) = (self.run.as_str().into(), "forum".into());
        self.destination.prepare(&run, &source, std::slice::from_ref(spec)).await.unwrap();
    }

    /// The process ends, and starts again with another run.
    pub async fn restart(&mut self, folder: &Path, spec: &StreamSpec) {
        self.steps += 1;
        self.run = format!("R{}", self.steps);
        self.destination = Self::open(folder, &self.clock);
        self.prepare(spec).await;
    }

    pub async fn write(&mut self, records: &[Value]) -> Committed {
        self.steps += 1;
        let (run, source, stream) = (self.run.as_str().into(), "forum".into(), TABLE.into());
        let texts: Vec<String> = records.iter().map(Value::to_string).collect();
        let texts: Records = texts.iter().map(String::as_str).collect();
        let chunk = Chunk {
            staged: Some(self.destination.stage(&run, &source, &stream, &texts)),
            run,
            source,
            stream,
            step: Some(Step {
                split: self.steps.to_string().into(),
                from: Position::Start,
                to: Position::Done,
            }),
            failures: vec![],
            high: None,
            found: vec![],
            starts: vec![],
        };
        self.destination.commit(&[chunk]).await.unwrap().remove(0).unwrap()
    }

    pub async fn merge(&mut self, records: &[Value]) {
        self.write(records).await;
        let now = self.clock.now();
        records.iter().for_each(|record| self.oracle.merge(record, now));
    }

    pub async fn replace(&mut self, folder: &Path, spec: &StreamSpec, records: &[Value]) {
        self.restart(folder, spec).await;
        self.write(records).await;
        self.finish().await;
        self.oracle.rows.clear();
        let now = self.clock.now();
        records.iter().for_each(|record| self.oracle.merge(record, now));
        self.oracle.rebuild();
    }

    pub async fn finish(&self) {
        let streams = vec![StreamFinish { stream: TABLE.into(), starts: vec![] }];
        let finish = Finish::completed(self.run.as_str().into(), "forum".into(), streams);
        self.destination.finish(&finish).await.unwrap();
    }

    pub async fn purge(&mut self, older_than: DateTime<Utc>) {
        let mut purge = Purge { source: "forum".into(), older_than, batch: 7, after: None };
        loop {
            purge.after = self.destination.purge(&purge).await.unwrap().next;
            if purge.after.is_none() {
                break;
            }
        }
        self.oracle.rows.retain(|_, known| known.loaded_at >= older_than.timestamp_millis());
    }

    pub fn hours(&self, window: &str, bucket: &str) -> Hours {
        let span = |text: &str| text.parse::<busta_core::units::Span>().unwrap().0;
        Hours::ending(self.clock.now(), span(window), span(bucket)).unwrap()
    }

    /// Asks everything, and compares.
    pub async fn check(&self) {
        self.check_counts().await;
        for group in GROUPS {
            for window in WINDOWS {
                self.check_fastest(self.trends(group, window)).await;
            }
        }
    }

    /// Asks all but for the velocities, which depend on more than the rows as they are.
    pub async fn check_counts(&self) {
        for group in GROUPS {
            for label in [None, Some(Label::Negative)] {
                self.check_recent(group, label).await;
            }
            for (window, bucket) in [("6h", "1h"), ("24h", "2h"), ("4d", "1d"), ("100h", "1h")] {
                self.check_sentiment(group, self.hours(window, bucket)).await;
            }
            for window in WINDOWS {
                self.check_terms(self.trends(group, window)).await;
            }
        }
    }

    pub fn trends(&self, group: Option<&str>, window: &str) -> TrendingQuery {
        let (now, group) = (self.clock.now(), group.map(str::to_owned));
        TrendingQuery { table: TABLE.into(), group, hours: self.hours(window, "1h"), now, limit: 5 }
    }

    async fn check_recent(&self, group: Option<&str>, label: Option<Label>) {
        let mut query = RecentQuery {
            table: TABLE.into(),
            group: group.map(str::to_owned),
            label,
            limit: 7,
            ..RecentQuery::default()
        };
        let expected = self.oracle.recent(group, label);
        let mut ids = Vec::new();
        loop {
            let page = self.destination.readable().recent(&query).await.unwrap();
            let id = |row: &[u8]| serde_json::from_slice::<Value>(row).unwrap()["id"].as_i64().unwrap();
            ids.extend(page.rows.iter().map(id));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        let at = |id: &i64| expected.iter().find(|(_, known)| known == id).map(|(at, _)| *at);
        let times: Vec<Option<i64>> = ids.iter().map(at).collect();
        let wanted: Vec<Option<i64>> = expected.iter().map(|(at, _)| Some(*at)).collect();
        assert_eq!(times, wanted, "{query:?} gave {ids:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), expected.len());
    }

    async fn check_sentiment(&self, group: Option<&str>, hours: Hours) {
        let query = SentimentQuery { table: TABLE.into(), group: group.map(str::to_owned), hours };
        let stats = self.destination.readable().sentiment(&query).await.unwrap();
        assert_eq!(stats, self.oracle.sentiment(&query), "{query:?}");
    }

    async fn check_terms(&self, query: TrendingQuery) {
        let found = self.destination.readable().trending(&query).await.unwrap();
        let terms: Vec<_> =
            found.terms.iter().map(|t| (t.term.clone(), t.count, t.before, t.growth)).collect();
        assert_eq!(terms, self.oracle.terms(&query), "{query:?}");
    }

    async fn check_fastest(&self, query: TrendingQuery) {
        let found = self.destination.readable().trending(&query).await.unwrap();
        let velocities = self.oracle.velocities(&query);
        let mut expected: Vec<f64> = velocities.values().copied().collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        expected.truncate(query.limit);
        assert_eq!(found.velocities, expected, "{query:?}");
        for (row, velocity) in found.records.iter().zip(&found.velocities) {
            let id = serde_json::from_slice::<Value>(row).unwrap()["id"].as_i64().unwrap();
            assert_eq!(velocities.get(&id), Some(velocity), "row {id}: {query:?}");
        }
    }
}
