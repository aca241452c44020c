//! A batch is made ready while the next one is asked for, under a paused clock.
//!
//! The clock stands still while anything runs on a thread for blocking work, so the transform of these tests
//! moves it on itself, once what it is to overlap with has begun.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use busta_core::destination::{Readable, SchemaChange};
use busta_core::report::Status;
use busta_core::settings::HostSettings;
use busta_core::transform::Transformed;
use busta_core::{
    Checkpoint, Chunk, Committed, Destination, Error, Finish, Records, Result, RunId, SourceName, Staged,
    StreamName, StreamSpec, Transform,
};
use busta_engine::{RunOutcome, SharedDestination, start};
use busta_testkit::memory::Memory;
use busta_testkit::scripted::{Scripted, Watch};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use common::{Bench, clock, ms};

/// What happens while batch number `n`, from 0, is transformed.
type During = dyn Fn(usize) + Send + Sync;

/// A transform that changes nothing and takes its time.
struct Slow {
    cost: Duration,
    begun: AtomicUsize,
    during: Box<During>,
}

impl Slow {
    fn new(cost: Duration, during: impl Fn(usize) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { cost, begun: AtomicUsize::new(0), during: Box::new(during) })
    }
}

#[async_trait]
impl Transform for Slow {
    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, _stream: &StreamName, records: &Records) -> Transformed {
        (self.during)(self.begun.fetch_add(1, Ordering::SeqCst));
        Handle::current().block_on(tokio::time::advance(self.cost));
        Transformed { records: records.clone(), ..Transformed::default() }
    }
}

/// Waits for what another thread is about to do.
fn patiently(what: &str, is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10), "in vain: {what}");
        std::thread::yield_now();
    }
}

/// One chain, whose batch `n` is transformed while the next is pulled.
fn chain(batches: usize, latency: u64, cost: u64) -> (Bench, Arc<Watch>) {
    let source = Scripted::new("a").split("chain", batches, ms(latency));
    let watch = Arc::new(source.watch());
    let mut bench = Bench::new(1).source("a", source);
    let seen = watch.clone();
    bench.transform = Some(Slow::new(ms(cost), move |n| {
        patiently("the next pull", || seen.begun() >= (n + 2).min(batches));
        assert!(seen.begun() <= n + 2, "two batches ahead");
    }));
    (bench, watch)
}

/// The run, and an error if it does not end.
async fn run(bench: &Bench) -> RunOutcome {
    tokio::time::timeout(ms(3_600_000), bench.run()).await.expect("the run hangs")
}

fn is_read_once(watch: &Watch, batches: usize) {
    let mut pulls = watch.pulls();
    let count = pulls.len();
    pulls.sort();
    pulls.dedup();
    assert_eq!((count, pulls.len()), (batches, batches), "{pulls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_chain_takes_as_long_as_its_server() {
    let (bench, _) = chain(10, 50, 20);
    let began = Instant::now();
    let outcome = run(&bench).await;
    assert_eq!((outcome.report.status, outcome.report.records), (Status::Completed, 100));
    // One after the other they take 700 ms.
    let took = began.elapsed();
    assert!(took >= ms(10 * 50 + 20) && took < ms(10 * 50 + 20 + 10), "{took:?}");
    let phases = &outcome.report.sources[0].phases;
    assert!((0.2..0.21).contains(&phases.transform_s), "{phases:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_transform_takes_as_long_as_itself() {
    let (bench, _) = chain(10, 50, 80);
    let began = Instant::now();
    assert_eq!(run(&bench).await.report.records, 100);
    let took = began.elapsed();
    assert!(took >= ms(50 + 10 * 80) && took < ms(50 + 10 * 80 + 10), "{took:?}");
}

/// A chain of pages that come at once, with something to happen when batch 3 is asked for while batch 2 is
/// still being transformed.
fn trouble(batches: usize, mut at_three: impl FnMut() -> Option<Error> + Send + 'static) -> (Bench, Watch) {
    let asked = Arc::new(AtomicBool::new(false));
    let asks = asked.clone();
    let source = Scripted::new("a").split("chain", batches, ms(0)).fault(move |_, n| {
        let is_first = n == 3 && !asks.swap(true, Ordering::SeqCst);
        if is_first { at_three() } else { None }
    });
    let watch = source.watch();
    let mut bench = Bench::new(1).source("a", source);
    bench.transform = Some(Slow::new(ms(5), move |n| {
        patiently("batch 3 to be asked for", || n != 2 || asked.load(Ordering::SeqCst));
    }));
    (bench, watch)
}

#[tokio::test(start_paused = true)]
async fn what_has_come_lands_before_the_next_pull_is_tried_again() {
    let (bench, watch) = trouble(6, || Some(Error::unavailable("503")));
    let outcome = run(&bench).await;
    assert_eq!((outcome.report.status, outcome.report.records), (Status::Completed, 60));
    assert_eq!((outcome.report.sources[0].retries, watch.opens().len()), (1, 2));
    is_read_once(&watch, 6);
}

#[tokio::test(start_paused = true)]
async fn what_has_come_lands_before_the_next_pull_is_given_up() {
    let (bench, watch) = trouble(6, || Some(Error::not_found("gone")));
    let outcome = run(&bench).await;
    let source = &outcome.report.sources[0];
    assert_eq!((source.status, source.records, source.failures), (Status::Partial, 30, 1));
    assert_eq!(run(&bench).await.report.status, Status::Completed);
    is_read_once(&watch, 6);
    assert_eq!(bench.memory.rows("a").len(), 60);
}

#[tokio::test(start_paused = true)]
async fn what_has_come_lands_if_the_reader_panics() {
    let (bench, watch) = trouble(6, || panic!("scripted"));
    let outcome = run(&bench).await;
    let source = &outcome.report.sources[0];
    assert_eq!((source.status, source.records), (Status::Partial, 30));
    assert!(source.error.as_ref().unwrap().contains("panicked: scripted"), "{:?}", source.error);
    // A scripted fault that has panicked is not asked again.
    assert_eq!(run(&bench).await.report.status, Status::Completed);
    is_read_once(&watch, 6);
}

#[tokio::test(start_paused = true)]
async fn a_transform_that_panics_fails_its_split_and_no_other() {
    for at in [2, 5] {
        let source = Scripted::new("a").split("chain", 6, ms(10)).split("other", 1, ms(200));
        let watch = source.watch();
        let mut bench = Bench::new(2).source("a", source);
        let panicked = AtomicBool::new(false);
        bench.transform = Some(Slow::new(ms(5), move |n| {
            assert!(n != at || panicked.swap(true, Ordering::SeqCst), "scripted");
        }));
        let outcome = run(&bench).await;
        let source = &outcome.report.sources[0];
        let landed = at as u64 * 10 + 10;
        assert_eq!((source.status, source.records, source.failures), (Status::Partial, landed, 1));
        assert!(source.error.as_ref().unwrap().contains("panicked"), "{:?}", source.error);
        assert_eq!(run(&bench).await.report.status, Status::Completed);
        assert_eq!(bench.memory.rows("a").len(), 70);
        // Read twice: what had panicked, and what was under way beside it.
        assert!((8..=9).contains(&watch.pulls().len()), "{:?}", watch.pulls());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_loses_nothing_that_has_come() {
    let source = Scripted::new("a").split("chain", 6, ms(5000));
    let watch = Arc::new(source.watch());
    let mut bench = Bench::new(1).source("a", source);
    let (making, stopped) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (seen, begins, told) = (watch.clone(), making.clone(), stopped.clone());
    bench.transform = Some(Slow::new(ms(5), move |n| {
        if n == 2 {
            patiently("the next pull", || seen.begun() == 4);
            begins.notify_one();
            patiently("the stop", || told.load(Ordering::SeqCst));
        }
    }));
    let handle = start(bench.plan(), clock());
    let stop = handle.stopper();
    making.notified().await;
    stop();
    stopped.store(true, Ordering::SeqCst);
    let began = Instant::now();
    let outcome = handle.join().await.unwrap();
    assert_eq!((outcome.report.status, outcome.report.records), (Status::Cancelled, 30));
    assert!(began.elapsed() < ms(1000), "{:?}", began.elapsed());
    assert_eq!((run(&bench).await.report.status, watch.begun()), (Status::Completed, 4 + 3));
    is_read_once(&watch, 6);
    assert_eq!(bench.memory.rows("a").len(), 60);
}

/// A source of splits of one batch each, of which each is transformed while the next is pulled.
fn one_after_another(splits: usize) -> Scripted {
    (0..splits).fold(Scripted::new("a"), |source, n| source.split(&format!("{n}"), 1, ms(50)))
}

#[tokio::test(start_paused = true)]
async fn the_last_batch_of_a_split_takes_no_place() {
    let by_host = HostSettings { max_concurrency: Some(1), ..HostSettings::default() };
    for (concurrency, host) in [(1, None), (4, Some(by_host))] {
        let source = one_after_another(8).host("one.example:80");
        let watch = Arc::new(source.watch());
        let mut bench = Bench::new(concurrency).source("a", source);
        bench.settings.hosts.extend(host.map(|host| ("one.example".to_owned(), host)));
        let seen = watch.clone();
        bench.transform =
            Some(Slow::new(ms(20), move |n| patiently("the next split", || seen.begun() >= (n + 2).min(8))));
        let began = Instant::now();
        assert_eq!(run(&bench).await.report.status, Status::Completed);
        assert_eq!((watch.max_in_flight(), watch.begun()), (1, 8));
        let took = began.elapsed();
        assert!(took >= ms(8 * 50 + 20) && took < ms(8 * 50 + 20 + 20), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn sources_are_still_read_one_after_another() {
    let (a, b) = (one_after_another(4), Scripted::new("b").split("b", 3, ms(50)));
    let watches = [Arc::new(a.watch()), Arc::new(b.watch())];
    let mut bench = Bench::new(8).source("a", a).source("b", b);
    bench.parallel = false;
    let seen = watches.clone();
    bench.transform = Some(Slow::new(ms(20), move |n| {
        let [a, b] = &seen;
        assert!(n >= 4 || b.begun() == 0, "the second source has begun");
        patiently("the next pull", || n == 3 || n == 6 || a.begun() + b.begun() >= n + 2);
    }));
    let outcome = run(&bench).await;
    assert_eq!((outcome.report.status, outcome.report.records), (Status::Completed, 70));
}

#[tokio::test(start_paused = true)]
async fn a_small_budget_is_kept_and_stops_nobody() {
    let source = (0..4).fold(Scripted::new("a"), |source, n| source.split(&format!("{n}"), 10, ms(1)));
    let mut bench = Bench::new(4).source("a", source);
    bench.settings.memory_budget = busta_core::units::ByteSize(1 << 10);
    bench.transform = Some(Slow::new(ms(1), |_| {}));
    let plan = bench.plan();
    let budget = plan.budget.clone();
    let outcome = tokio::time::timeout(ms(3_600_000), start(plan, clock()).join()).await.expect("it hangs");
    assert_eq!((outcome.unwrap().report.records, budget.used()), (400, 0));
}

/// A destination whose commits wait until they may.
struct Waiting {
    memory: Memory,
    may: Semaphore,
}

#[async_trait]
impl Destination for Waiting {
    async fn prepare(&self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<Checkpoint> {
        self.memory.prepare(run, source, streams).await
    }

    fn stage(&self, run: &RunId, source: &SourceName, stream: &StreamName, records: &Records) -> Staged {
        self.memory.stage(run, source, stream, records)
    }

    async fn commit(&self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        let _may = self.may.acquire().await.unwrap();
        self.memory.commit(chunks).await
    }

    async fn finish(&self, finish: &Finish) -> Result<()> {
        self.memory.finish(finish).await
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        self.memory.schema_changes()
    }

    fn readable(&self) -> &dyn Readable {
        &self.memory
    }
}

/// How many pulls there are while nothing is committed. Later all of it is.
async fn pulls_without_commits(source: Scripted, records: u64) -> usize {
    let watch = source.watch();
    let mut bench = Bench::new(1).source("a", source);
    bench.transform = Some(Slow::new(ms(5), |_| {}));
    let destination = Arc::new(Waiting { memory: bench.memory.clone(), may: Semaphore::new(0) });
    let mut plan = bench.plan();
    plan.destinations = vec![SharedDestination::new(destination.clone())];
    let handle = start(plan, clock());
    tokio::time::sleep(ms(10_000)).await;
    let begun = watch.begun();
    destination.may.add_permits(1);
    assert_eq!(handle.join().await.unwrap().report.records, records);
    begun
}

#[tokio::test(start_paused = true)]
async fn a_split_reads_no_further_ahead_than_one_batch() {
    let chain = Scripted::new("a").split("chain", 6, ms(50));
    // One is on its way, one has been read.
    assert_eq!(pulls_without_commits(chain, 60).await, 2);
    let short = (0..3).fold(Scripted::new("a"), |source, n| source.split(&format!("{n}"), 2, ms(50)));
    // Nothing is read ahead of the last one, so these wait for nobody.
    assert_eq!(pulls_without_commits(short, 60).await, 6);
}

#[tokio::test(start_paused = true)]
async fn a_limit_counts_what_has_come() {
    let (mut bench, watch) = chain(10, 50, 20);
    bench.limit = Some(25);
    // No further page is asked for once the third has come.
    bench.transform = Some(Slow::new(ms(20), |_| {}));
    let outcome = run(&bench).await;
    assert_eq!((outcome.report.status, outcome.report.records, watch.begun()), (Status::Completed, 30, 3));
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_panics_ends_the_run_beside_a_transform() {
    for batches in [1, 5] {
        let source =
            (0..6).fold(Scripted::new("a"), |source, n| source.split(&format!("{n}"), batches, ms(7)));
        let mut bench = Bench::new(3).source("a", source);
        bench.transform = Some(Slow::new(ms(3), |_| {}));
        bench.memory.panic_once();
        let outcome = run(&bench).await;
        assert_eq!(outcome.report.status, Status::Failed);
        assert!(outcome.report.sources[0].error.as_ref().unwrap().contains("panicked"));
        assert_eq!(run(&bench).await.report.status, Status::Completed);
        assert_eq!(bench.memory.rows("a").len(), 6 * batches * 10);
    }
}
