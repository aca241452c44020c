//! What is tried again, when, and how often: pulls, plans, and long work. Under a paused clock.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use busta_core::Error;
use busta_core::report::{SourceReport, Status};
use busta_core::settings::RetrySettings;
use busta_engine::start;
use busta_testkit::scripted::Scripted;
use common::{Bench, clock, ms, span};
use tokio::time::{Duration, Instant};

fn many(name: &str, splits: usize, batches: usize, latency: u64) -> Scripted {
    (0..splits).fold(Scripted::new(name), |s, n| s.split(&format!("{name}-{n}"), batches, ms(latency)))
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_delayed_and_bounded() {
    let at = Arc::new(Mutex::new(Vec::new()));
    let seen = at.clone();
    let source = many("a", 1, 3, 0).fault(move |_, batch| {
        (batch == 1).then(|| {
            seen.lock().unwrap().push(Instant::now());
            Error::unavailable("answered 500")
        })
    });
    let mut bench = Bench::new(2).source("a", source);
    bench.settings.retry =
        RetrySettings { max_retries: 3, initial_backoff: span(500), max_backoff: span(30_000) };
    let outcome = bench.run().await;
    let times = at.lock().unwrap().clone();
    assert_eq!(times.len(), 4, "one attempt and three retries");
    for (pair, bound) in times.windows(2).zip([500, 1000, 2000]) {
        let wait = pair[1] - pair[0];
        assert!(wait <= ms(bound + 2), "{wait:?} is beyond {bound} ms");
    }
    let source = &outcome.report.sources[0];
    assert_eq!((source.status, source.retries, source.failures, source.records), (Status::Partial, 3, 1, 10));
    assert!(source.error.as_ref().unwrap().contains("500"));
    assert_eq!(bench.memory.finishes().len(), 0, "an incomplete stream is not finished");
}

#[tokio::test(start_paused = true)]
async fn some_errors_are_not_retried() {
    type Make = fn(String) -> Error;
    let kinds: [Make; 6] =
        [Error::auth, Error::not_found, Error::data, Error::config, Error::corrupt, Error::bug];
    for make in kinds {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let source = many("a", 1, 1, 0).fault(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            Some(make("no".into()))
        });
        let outcome = Bench::new(1).source("a", source).run().await;
        assert_eq!(tries.load(Ordering::SeqCst), 1);
        assert_eq!(outcome.report.status, Status::Failed);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_that_the_server_asks_for_cost_no_retry() {
    let mut left = 20;
    let source = many("a", 1, 1, 0).host("busy.example:80").fault(move |_, _| {
        left -= 1;
        (left >= 0).then(|| Error::rate_limited("answered 429", Some(ms(7000))))
    });
    let began = Instant::now();
    let outcome = Bench::new(1).source("a", source).run().await;
    let source = &outcome.report.sources[0];
    assert_eq!((source.status, source.retries, source.rate_limited), (Status::Completed, 0, 20));
    assert!(began.elapsed() >= ms(140_000) && began.elapsed() < ms(141_000), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_split_holds_no_slot() {
    let mut first = true;
    let slow = many("slow", 1, 1, 0).fault(move |_, _| {
        std::mem::take(&mut first).then(|| Error::unavailable("503").retry_after(Some(ms(60_000))))
    });
    let quick = many("quick", 10, 1, 100);
    let bench = Bench::new(1).source("slow", slow).source("quick", quick);
    let outcome = bench.run().await;
    let quick = &outcome.report.sources[1];
    assert!(quick.duration_s < 1.3, "{}", quick.duration_s);
    assert_eq!(outcome.report.status, Status::Completed);
}

/// The report of a source whose planning fails so often with `error`, and how long its run took.
async fn planned_after(
    times: usize,
    error: fn() -> Error,
    deadline: Option<u64>,
) -> (SourceReport, Duration) {
    let mut left = times;
    let source = many("a", 2, 1, 0).fault_in_plan(move || {
        let fails = left > 0;
        left = left.saturating_sub(1);
        fails.then(error)
    });
    let bench = Bench::new(1).source("a", source).with(|s| s.deadline = deadline.map(span));
    let began = Instant::now();
    let mut report = bench.run().await.report;
    (report.sources.remove(0), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_plan_waits_as_long_as_the_server_asks() {
    let busy = || Error::rate_limited("answered 429", Some(ms(7000)));
    let (report, took) = planned_after(10, busy, None).await;
    assert_eq!((report.status, report.records, report.error), (Status::Completed, 20, None));
    assert_eq!((report.retries, report.rate_limited), (0, 10));
    assert!(took >= ms(70_000) && took < ms(71_000), "{took:?}");

    // It begins anew each time, so this would never end.
    let (report, _) = planned_after(11, busy, None).await;
    assert_eq!(report.status, Status::Failed);
    assert!(report.error.as_ref().unwrap().contains("slow down 10 times"), "{:?}", report.error);

    let (report, took) = planned_after(1, busy, Some(6000)).await;
    assert_eq!(report.status, Status::Failed);
    assert!(report.error.as_ref().unwrap().contains("429"), "{:?}", report.error);
    assert!(took < ms(100), "it has waited for an attempt that its deadline forbids: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_tried_as_often_as_a_split() {
    let full = || Error::rate_limited("answered 429", None);
    let lost = || Error::unavailable("connection reset");
    for (times, error, status) in [
        (3, lost as fn() -> Error, Status::Completed),
        (4, lost, Status::Failed),
        (10, full, Status::Completed),
        (11, full, Status::Failed),
        (1, || Error::auth("answered 403"), Status::Failed),
    ] {
        let (report, took) = planned_after(times, error, None).await;
        assert_eq!(report.status, status, "after {times} times {}", error());
        assert!(report.retries <= 3 && report.rate_limited <= 10, "{report:?}");
        assert_eq!(report.retries + report.rate_limited > 0, times > 1, "{report:?}");
        assert!(took < ms(10 * 30_000), "{took:?}");
    }
}

/// A batch after ten pulls of 100 s each, where no pull may take longer than four requests of 30 s.
fn long_work() -> Scripted {
    many("a", 1, 3, 100_000).steps(9)
}

#[tokio::test(start_paused = true)]
async fn long_work_is_not_given_up_as_long_as_it_shows_that_it_lives() {
    let bench = Bench::new(1).source("a", long_work());
    let began = Instant::now();
    let outcome = bench.run().await;
    assert_eq!((outcome.report.status, outcome.report.retries), (Status::Completed, 0));
    assert_eq!((began.elapsed().as_secs(), bench.memory.rows("a").len()), (3000, 30));

    let source = many("a", 1, 1, 121_000);
    let report = Bench::new(1).source("a", source).run().await.report;
    assert_eq!(report.status, Status::Failed, "a pull that takes as long is given up");
    assert!(report.sources[0].error.as_ref().unwrap().contains("no batch within 120s"));
}

#[tokio::test(start_paused = true)]
async fn long_work_is_stopped_between_two_of_its_steps() {
    let source = long_work();
    let watch = source.watch();
    let bench = Bench::new(1).source("a", source);
    let handle = start(bench.plan(), clock());
    let stop = handle.stopper();
    tokio::time::sleep(ms(1_450_000)).await;
    let began = Instant::now();
    stop();
    assert_eq!(handle.join().await.unwrap().report.status, Status::Cancelled);
    assert!(began.elapsed() < ms(60_000), "it has waited for more than the step: {:?}", began.elapsed());
    assert_eq!((bench.memory.rows("a").len(), watch.begun()), (10, 15));

    // The work that led to nothing is done again, and what was there is not.
    assert_eq!(bench.run().await.report.status, Status::Completed);
    assert_eq!((bench.memory.rows("a").len(), watch.begun()), (30, 35));
    assert_eq!(watch.pulls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_the_midst_of_long_work_is_not_tried_for_ever() {
    let mut pulls = 0;
    let source = many("a", 1, 3, 1).steps(9).fault(move |_, _| {
        pulls += 1;
        (pulls > 12 && pulls % 5 == 0).then(|| Error::unavailable("the disk is away"))
    });
    let mut bench = Bench::new(1).source("a", source);
    bench.settings.retry.max_retries = 3;
    let report = bench.run().await.report;
    assert_eq!((report.status, report.retries, report.records), (Status::Partial, 3, 10));
}
