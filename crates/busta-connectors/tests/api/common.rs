//! What the tests share: a source from YAML-like JSON, and a meter that keeps what it is told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use busta_connectors::sources::api::CONNECTOR;
use busta_core::clock::SystemClock;
use busta_core::connector::{ConfigProblem, SourceContext};
use busta_core::meter::{Meter, RateHints, Request};
use busta_core::{Checkpoint, Error, Source};
use busta_sandbox::{Sandbox, SandboxConfig};
use busta_testkit::drive::{Harvest, read_all, read_all_reopening};
use serde_json::{Value, json};

/// One request as the meter was told of it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub host: String,
    pub status: Option<u16>,
    pub bytes: u64,
    pub limits: RateHints,
}

/// A meter that remembers.
#[derive(Default)]
pub struct Memory {
    seen: Mutex<Vec<Seen>>,
    fresh: Mutex<Vec<Duration>>,
}

impl Memory {
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// For how long its answers stay as they are, in seconds.
    pub fn fresh(&self) -> Vec<u64> {
        self.fresh.lock().unwrap().iter().map(Duration::as_secs).collect()
    }

    pub fn statuses(&self) -> Vec<Option<u16>> {
        self.seen().iter().map(|seen| seen.status).collect()
    }
}

impl Meter for Memory {
    fn request(&self, seen: &Request<'_>) {
        self.seen.lock().unwrap().push(Seen {
            host: seen.host.to_string(),
            status: seen.status,
            bytes: seen.bytes,
            limits: seen.limits,
        });
    }

    fn bytes(&self, _: u64) {}

    fn waited(&self, _time: Duration) {}

    fn fresh_for(&self, time: Duration) {
        self.fresh.lock().unwrap().push(time);
    }
}

pub fn context(meter: Arc<dyn Meter>) -> SourceContext {
    SourceContext {
        name: "test".into(),
        base_dir: PathBuf::new(),
        meter,
        clock: Arc::new(SystemClock),
        request_timeout: Duration::from_secs(5),
        readers: 8,
    }
}

pub fn build_with(config: Value, meter: Arc<dyn Meter>) -> Box<dyn Source> {
    (CONNECTOR.build)(config, context(meter)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub fn build(config: Value) -> Box<dyn Source> {
    build_with(config, Arc::new(Memory::default()))
}

pub fn problems(config: Value) -> Vec<ConfigProblem> {
    match (CONNECTOR.build)(config, context(Arc::new(Memory::default()))) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

/// A source with one stream, `orders`, whose keys are `stream` besides its name.
pub fn one_stream(base_url: &str, mut stream: Value) -> Value {
    stream["name"] = json!("orders");
    json!({ "base_url": base_url, "streams": [stream] })
}

/// Reads everything, with readers kept open and with readers opened anew for each batch, which must
/// give the same.
pub async fn read_both(source: &dyn Source, from: &Checkpoint) -> Harvest {
    let kept = read_all(source, from).await.unwrap();
    let anew = read_all_reopening(source, from).await.unwrap();
    assert_eq!(kept.records, anew.records);
    assert_eq!(kept.failures, anew.failures);
    assert_eq!(kept.highs, anew.highs);
    assert_eq!(kept.splits, anew.splits);
    kept
}

pub async fn fails(source: &dyn Source) -> Error {
    read_all(source, &Checkpoint::default()).await.expect_err("an error was expected")
}

pub async fn sandbox(records: u64) -> Sandbox {
    Sandbox::start(SandboxConfig { records, ..Default::default() }).await.unwrap()
}

/// Asserts that `harvest` has the first `count` records of the sandbox's `orders`, each once.
pub fn assert_orders(sandbox: &Sandbox, harvest: &Harvest, count: u64) {
    let by_id = |records: &[Value]| -> BTreeMap<u64, Value> {
        records.iter().map(|record| (record["id"].as_u64().unwrap(), record.clone())).collect()
    };
    let read = harvest.stream("orders");
    assert_eq!(read.len() as u64, count);
    let expected: Vec<_> = (0..count).map(|index| sandbox.record("orders", index)).collect();
    assert_eq!(by_id(read), by_id(&expected));
}
