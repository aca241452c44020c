//! Whole runs against a server that refuses more than it bears, under a paused clock.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use busta_core::event::Action;
use busta_core::meter::{Meter, RateHints, Request};
use busta_core::report::{HostReport, Status};
use busta_core::{
    Batch, Checkpoint, Cursor, Error, HostKey, Probe, Reader, Records, Result, Source, Split, StreamSpec,
};
use busta_engine::start;
use common::{Bench, clock, ms};

const HOST: &str = "small.example:443#5ec2e7";
const LATENCY: Duration = Duration::from_millis(50);

/// A source of one-page splits on a server that answers 429 to more than `most` at once.
struct Small {
    specs: [StreamSpec; 1],
    pages: usize,
    server: Arc<Server>,
}

struct Server {
    most: usize,
    served: AtomicUsize,
    meter: OnceLock<Arc<dyn Meter>>,
}

impl Server {
    fn tell(&self, status: u16, latency: Duration) {
        let retry_after = (status == 429).then_some(ms(1000));
        let limits = RateHints { retry_after, ..RateHints::default() };
        let seen = Request { host: &HOST.into(), status: Some(status), latency, bytes: 100, limits };
        self.meter.get().unwrap().request(&seen);
    }
}

#[async_trait]
impl Source for Small {
    fn streams(&self) -> &[StreamSpec] {
        &self.specs
    }

    async fn plan(&self, _from: &Checkpoint) -> Result<Vec<Split>> {
        let split =
            |n| Split::new(format!("p{n}"), self.specs[0].name.clone(), Some(HostKey::from(HOST)), &n);
        (0..self.pages).map(split).collect()
    }

    async fn open(&self, split: &Split, _at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        Ok(Box::new(Page { n: split.decode()?, server: self.server.clone() }))
    }

    async fn test(&self) -> Result<Probe> {
        Ok(Probe { summary: String::new(), sample: Records::default() })
    }
}

struct Page {
    n: usize,
    server: Arc<Server>,
}

#[async_trait]
impl Reader for Page {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let server = &self.server;
        if server.served.fetch_add(1, Ordering::SeqCst) >= server.most {
            tokio::time::sleep(ms(5)).await;
            server.served.fetch_sub(1, Ordering::SeqCst);
            server.tell(429, ms(5));
            return Err(Error::rate_limited("429", Some(ms(1000))));
        }
        tokio::time::sleep(LATENCY).await;
        server.served.fetch_sub(1, Ordering::SeqCst);
        server.tell(200, LATENCY);
        let mut records = busta_core::RecordsBuilder::default();
        records.push(format!(r#"{{"id":{}}}"#, self.n).as_bytes());
        Ok(Some(Batch::last(records.finish())))
    }
}

async fn collect(adaptive: bool, most: usize) -> (HostReport, Vec<String>, Duration) {
    let server = Arc::new(Server { most, served: AtomicUsize::new(0), meter: OnceLock::new() });
    let specs = [StreamSpec::new("small", vec!["id".to_owned()])];
    let mut bench = Bench::new(20).source("small", Small { specs, pages: 4000, server: server.clone() });
    bench.settings.adaptive_concurrency = adaptive;
    let plan = bench.plan();
    let _ = server.meter.set(plan.sources[0].meter.clone());
    let began = tokio::time::Instant::now();
    let handle = start(plan, clock());
    let mut events = handle.events();
    let listener = tokio::spawn(async move {
        let mut told = Vec::new();
        loop {
            match events.recv().await {
                Ok(event) if event.action == Action::Adapted => told.extend(event.message),
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return told,
            }
        }
    });
    let outcome = handle.join().await.unwrap();
    assert_eq!(outcome.report.status, Status::Completed);
    assert_eq!(outcome.report.records, 4000);
    assert_eq!(outcome.report.hosts.len(), 1);
    (outcome.report.hosts[0].clone(), listener.await.unwrap(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_host_gets_what_it_bears() {
    let (host, told, took) = collect(true, 8).await;
    assert!((7..=9).contains(&host.limit.unwrap()), "{host:?}");
    assert_eq!((host.host.as_str(), host.in_flight_max), ("small.example:443", 20));
    assert!((host.limited as f64) < 0.01 * host.requests as f64, "{host:?}");
    // 4,000 pages, 8 at once, 50 ms each are 25 s.
    assert!(took < ms(25_000).mul_f64(1.15), "{took:?}");
    assert!((1..20).contains(&told.len()), "{told:?}");
    assert!(told[0].starts_with("small.example:443: 20 -> ") && told[0].ends_with("after 429"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_healthy_host_is_not_held_back_and_not_told_of() {
    let (host, told, took) = collect(true, 100).await;
    assert_eq!((host.limit, host.rate, told.len()), (None, None, 0));
    assert!(took < ms(10_000).mul_f64(1.05), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn turned_off_it_learns_nothing() {
    let (host, told, took) = collect(false, 8).await;
    assert_eq!((host.limit, host.rate, told.len()), (None, None, 0));
    assert!(took > ms(100_000), "a storm was expected: {took:?}");
}
