//! Whole runs over scripted sources, under a paused clock: order, limits, isolation, resume.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use busta_core::event::Action;
use busta_core::report::Status;
use busta_core::settings::{BreakerSettings, HostSettings, RetrySettings};
use busta_core::units::Rate;
use busta_core::{Destination as _, Error, Priority};
use busta_engine::start;
use busta_testkit::scripted::Scripted;
use common::{Bench, clock, ms, span};
use tokio::time::Instant;

fn many(name: &str, splits: usize, batches: usize, latency: u64) -> Scripted {
    (0..splits).fold(Scripted::new(name), |s, n| s.split(&format!("{name}-{n}"), batches, ms(latency)))
}

#[tokio::test(start_paused = true)]
async fn everything_lands_once() {
    let bench = Bench::new(8).source("a", many("a", 5, 4, 50)).source("b", many("b", 30, 1, 10));
    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Completed);
    assert_eq!(outcome.report.records, 5 * 4 * 10 + 30 * 10);
    for (source, count) in [("a", 200), ("b", 300)] {
        let rows = bench.memory.rows(source);
        assert_eq!(rows.len(), count);
        let mut unique = rows.clone();
        unique.dedup();
        assert_eq!(unique.len(), count);
    }
    assert_eq!(bench.memory.finishes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn slots_are_never_idle_and_never_too_many() {
    let source = many("a", 40, 1, 100);
    let watch = source.watch();
    let began = Instant::now();
    Bench::new(8).source("a", source).pool("files").run().await;
    assert_eq!(watch.max_in_flight(), 8);
    // 40 splits of 100 ms in 8 slots: 500 ms, and no more than the runtime's own ticks on top.
    assert!(began.elapsed() < ms(520), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn pools_sources_and_hosts_have_their_own_limits() {
    let api = many("api", 30, 1, 100);
    let rss = many("rss", 30, 1, 100).host("one.example:80");
    let files = many("files", 60, 1, 100);
    let watches = [api.watch(), rss.watch(), files.watch()];
    let mut bench = Bench::new(100)
        .source("api", api)
        .pool("api")
        .source("rss", rss)
        .pool("rss")
        .source("files", files)
        .pool("files")
        .with(|settings| settings.max_concurrency = Some(7));
    let host = HostSettings { max_concurrency: Some(3), ..HostSettings::default() };
    bench.settings.hosts.insert("one.example".into(), host);
    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Completed);
    assert_eq!(watches.map(|watch| watch.max_in_flight()), [5, 3, 7]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_and_used() {
    let source = many("a", 4, 10, 1).host("paced.example:443");
    let mut bench = Bench::new(8).source("a", source);
    let rate = Rate { count: 10, per: ms(1000) };
    let host = HostSettings { rate_limit: Some(rate), ..HostSettings::default() };
    bench.settings.hosts.insert("paced.example".into(), host);
    let began = Instant::now();
    let outcome = bench.run().await;
    // 40 requests, the first at once, 102 ms between two.
    let floor = ms(39 * 102);
    assert!(began.elapsed() >= floor && began.elapsed() < floor + ms(200), "{:?}", began.elapsed());
    assert_eq!(outcome.report.sources[0].retries, 0);
}

#[tokio::test(start_paused = true)]
async fn the_rate_of_a_source_holds_on_each_of_its_hosts() {
    let rate = Rate { count: 10, per: ms(1000) };
    let source = many("a", 20, 1, 1).host("one.example:443");
    let bench = Bench::new(8).source("a", source).with(|s| s.rate_limit = Some(rate));
    let began = Instant::now();
    bench.run().await;
    assert!(began.elapsed() >= ms(19 * 102), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn sequential_is_one_source_after_the_other() {
    let (a, b) = (many("a", 3, 2, 10), many("b", 3, 2, 10));
    let (watch_a, watch_b) = (a.watch(), b.watch());
    let mut bench = Bench::new(8).source("a", a).source("b", b).with(|s| s.priority = Priority::Critical);
    bench.parallel = false;
    let began = Instant::now();
    let handle = start(bench.plan(), clock());
    let mut events = handle.events();
    handle.join().await.unwrap();
    assert_eq!((watch_a.max_in_flight(), watch_b.max_in_flight()), (1, 1));
    assert!(began.elapsed() < ms(12 * 10 + 30), "{:?}", began.elapsed());
    let mut order = Vec::new();
    while let Ok(event) = events.try_recv() {
        if event.action == Action::Found {
            order.push(event.source.unwrap().as_str().to_owned());
        }
    }
    assert_eq!(order.join(""), "aaaaaabbbbbb");
}

#[tokio::test(start_paused = true)]
async fn higher_priority_goes_first() {
    let bench = Bench::new(1)
        .source("low", many("low", 3, 1, 10))
        .with(|s| s.priority = Priority::Low)
        .source("critical", many("critical", 3, 1, 10))
        .with(|s| s.priority = Priority::Critical)
        .source("high", many("high", 3, 1, 10))
        .with(|s| s.priority = Priority::High);
    let handle = start(bench.plan(), clock());
    let mut events = handle.events();
    handle.join().await.unwrap();
    let mut order = Vec::new();
    while let Ok(event) = events.try_recv() {
        if event.action == Action::Fetching {
            order.push(event.source.unwrap().as_str().to_owned());
        }
    }
    let expected = ["critical", "high", "low"].map(|name| [name; 3]).concat();
    assert_eq!(order, expected);
}

#[tokio::test(start_paused = true)]
async fn longest_first_shortens_the_run() {
    // One long source named last: in order of arrival it starts when the others are done.
    let run = |known: bool| async move {
        let mut bench = Bench::new(4);
        for n in 0..12 {
            bench = bench.source(&format!("short-{n}"), many(&format!("short-{n}"), 1, 1, 1000));
            bench = if known { bench.expected(ms(1000)) } else { bench };
        }
        bench = bench.source("long", many("long", 1, 1, 6000));
        bench = if known { bench.expected(ms(6000)) } else { bench };
        let began = Instant::now();
        bench.run().await;
        began.elapsed()
    };
    let (arrival, longest_first) = (run(false).await, run(true).await);
    assert!(arrival >= ms(9000), "{arrival:?}");
    assert!(longest_first < ms(6100), "{longest_first:?}");
}

#[tokio::test(start_paused = true)]
async fn one_bad_source_changes_nothing_for_the_others() {
    let good = |bench: Bench| {
        (0..19).fold(bench, |b, n| b.source(&format!("g{n}"), many(&format!("g{n}"), 2, 3, 50)))
    };
    let alone = good(Bench::new(8));
    let began = Instant::now();
    alone.run().await;
    let undisturbed = began.elapsed();

    let hang = many("hang", 1, 1, 3_600_000);
    let broken = many("broken", 1, 1, 0).fault(|_, _| Some(Error::data("garbage")));
    let panics = many("panics", 2, 2, 0).fault(|_, _| panic!("scripted"));
    let bench = good(
        Bench::new(8)
            .source("hang", hang)
            .with(|s| s.request_timeout = Some(span(50)))
            .with(|s| s.retry = Some(RetrySettings { max_retries: 0, ..RetrySettings::default() }))
            .source("broken", broken)
            .source("panics", panics),
    );
    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Partial);
    for n in 0..19 {
        let name = format!("g{n}");
        assert_eq!(bench.memory.rows(&name), alone.memory.rows(&name));
    }
    let slowest = outcome.report.sources[3..].iter().map(|s| s.duration_s).fold(0.0, f64::max);
    assert!(slowest < undisturbed.as_secs_f64() * 1.5, "{slowest} against {undisturbed:?}");
    for (index, word) in ["no batch within", "garbage", "panicked: scripted"].into_iter().enumerate() {
        let source = &outcome.report.sources[index];
        assert_eq!(source.status, Status::Failed);
        assert!(source.error.as_ref().unwrap().contains(word), "{:?}", source.error);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_left_alone_and_given_up() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let dead = many("dead", 200, 1, 1).host("dead.example:80").fault(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Some(Error::unavailable("connection refused"))
    });
    let mut bench = Bench::new(4).source("dead", dead);
    bench.settings.breaker = BreakerSettings {
        failures: 5,
        pause: span(1000),
        max_pause: span(8000),
        give_up_after: span(30_000),
    };
    let began = Instant::now();
    let handle = start(bench.plan(), clock());
    let mut events = handle.events();
    let outcome = handle.join().await.unwrap();
    let source = &outcome.report.sources[0];
    assert_eq!((source.status, source.failures), (Status::Failed, 200));
    assert!(tries.load(Ordering::SeqCst) < 40, "{tries:?} requests to a dead host");
    assert!(began.elapsed() < ms(60_000), "{:?}", began.elapsed());
    let paused = std::iter::from_fn(|| events.try_recv().ok()).filter(|e| e.action == Action::Paused).count();
    assert!(paused >= 3, "{paused}");
}

#[tokio::test(start_paused = true)]
async fn found_splits_are_read() {
    let source = Scripted::new("a")
        .split("parent", 2, ms(10))
        .finds("parent", 0, "child-1", 2)
        .finds("parent", 1, "child-2", 1)
        .finds("child-1", 1, "grandchild", 1);
    let bench = Bench::new(2).source("a", source);
    let outcome = bench.run().await;
    assert_eq!(outcome.report.sources[0].splits, 4);
    assert_eq!(bench.memory.rows("a").len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_is_resumed_where_it_stopped() {
    let source = many("a", 6, 10, 100);
    let watch = source.watch();
    let bench = Bench::new(3).source("a", source);
    let handle = start(bench.plan(), clock());
    let stop = handle.stopper();
    tokio::time::sleep(ms(550)).await;
    stop();
    let outcome = handle.join().await.unwrap();
    assert_eq!(outcome.report.status, Status::Cancelled);
    let so_far = bench.memory.rows("a").len();
    assert!(so_far > 0 && so_far < 600, "{so_far}");
    assert_eq!(bench.memory.finishes().len(), 0);

    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Completed);
    assert_eq!(bench.memory.rows("a").len(), 600);
    let mut pulls = watch.pulls();
    let total = pulls.len();
    pulls.sort();
    pulls.dedup();
    assert_eq!((pulls.len(), total), (60, 60), "nothing was read twice");
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_read_again_when_resumed_and_the_rest_is_not() {
    let well = Arc::new(AtomicUsize::new(0));
    let state = well.clone();
    let source = many("a", 4, 2, 1).fault(move |split, batch| {
        (split == "a-2" && batch == 1 && state.load(Ordering::SeqCst) == 0).then(|| Error::not_found("gone"))
    });
    let watch = source.watch();
    let bench = Bench::new(2).source("a", source);
    assert_eq!(bench.run().await.report.status, Status::Partial);
    well.store(1, Ordering::SeqCst);
    let outcome = bench.run().await;
    assert_eq!((outcome.report.status, outcome.report.records), (Status::Completed, 10));
    assert_eq!(watch.pulls().len(), 8);
    assert_eq!(bench.memory.rows("a").len(), 80);
}

/// The start cursors that the next run would find, in order.
#[allow(clippy::unwrap_used, reason = "a test")]
async fn starts(bench: &Bench) -> Vec<(String, String)> {
    let checkpoint = bench.memory.prepare(&"next".into(), &"a".into(), &[]).await.unwrap();
    let starts = checkpoint.starts.iter().map(|(key, cursor)| (key.clone(), cursor.as_str().to_owned()));
    let mut starts: Vec<_> = starts.collect();
    starts.sort();
    starts
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, cursor)| ((*key).to_owned(), (*cursor).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn splits_with_starts_of_their_own_move_each_for_itself() {
    let source = many("a", 3, 2, 1)
        .starts_per_split()
        .finds("a-0", 0, "found", 5)
        .fault(|split, _| (split == "a-1").then(|| Error::not_found("gone")));
    let bench = Bench::new(2).source("a", source);
    assert_eq!(bench.run().await.report.status, Status::Partial);
    assert_eq!(starts(&bench).await, pairs(&[("a-0", "1"), ("a-2", "1")]));

    let bench = Bench::new(2).source("a", many("a", 2, 3, 1).starts_per_split());
    assert_eq!(bench.run().await.report.status, Status::Completed);
    assert_eq!(starts(&bench).await, pairs(&[("a-0", "2"), ("a-1", "2")]));
}

#[tokio::test(start_paused = true)]
async fn no_split_starts_anew_before_what_was_found_is_read() {
    let found = || {
        let source = Scripted::new("a").split("first", 1, ms(10)).finds("first", 0, "found", 40);
        source.starts_per_split()
    };
    let slow = Scripted::new("a").split("first", 1, ms(10)).split("last", 50, ms(100)).starts_per_split();
    let bench = Bench::new(1).source("a", slow.finds("first", 0, "found", 40));
    let handle = start(bench.plan(), clock());
    let stop = handle.stopper();
    tokio::time::sleep(ms(1000)).await;
    stop();
    assert_eq!(handle.join().await.unwrap().report.status, Status::Cancelled);
    assert_eq!(starts(&bench).await, pairs(&[]), "what it found is not read yet");

    // What was done before the stop starts anew at the end of the resumed run too.
    assert_eq!(bench.run().await.report.status, Status::Completed);
    assert_eq!(starts(&bench).await, pairs(&[("first", "0"), ("last", "49")]));

    let mut bench = Bench::new(1).source("a", found());
    bench.limit = Some(20);
    bench.run().await;
    assert_eq!(starts(&bench).await, pairs(&[]), "the limit has left what it found");
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_comes_back_loses_nothing() {
    let bench = Bench::new(4).source("a", many("a", 4, 5, 10));
    bench.memory.fail_commits((0..4).map(|_| Error::unavailable("database is locked")));
    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Completed);
    assert_eq!(bench.memory.rows("a").len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_stays_away_ends_the_run_and_it_can_be_resumed() {
    let bench = Bench::new(4).source("a", many("a", 4, 5, 10)).source("b", many("b", 1, 1, 1));
    bench.memory.fail_commits((0..6).map(|_| Error::unavailable("no space left on device")));
    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Failed);
    assert!(outcome.report.sources[0].error.as_ref().unwrap().contains("no space left"));
    assert_eq!(bench.run().await.report.status, Status::Completed);
    assert_eq!(bench.memory.rows("a").len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_panics_ends_the_run() {
    let bench = Bench::new(4).source("a", many("a", 10, 5, 10)).source("b", many("b", 3, 3, 7));
    bench.memory.panic_once();
    let outcome = tokio::time::timeout(ms(60_000), bench.run()).await.expect("the run hangs");
    assert_eq!(outcome.report.status, Status::Failed);
    assert!(outcome.report.sources[0].error.as_ref().unwrap().contains("panicked"));
    assert_eq!(bench.run().await.report.status, Status::Completed);
    assert_eq!((bench.memory.rows("a").len(), bench.memory.rows("b").len()), (500, 90));
}

#[tokio::test(start_paused = true)]
async fn deadlines_end_splits_and_sources() {
    let mut bench = Bench::new(4)
        .source("slow", many("slow", 2, 1000, 100))
        .with(|s| s.deadline = Some(span(2000)))
        .source("quick", many("quick", 2, 2, 100));
    bench.settings.deadlines.split = Some(span(60_000));
    let began = Instant::now();
    let outcome = bench.run().await;
    assert!(began.elapsed() < ms(2300), "{:?}", began.elapsed());
    let [slow, quick] = &outcome.report.sources[..] else { panic!() };
    assert_eq!((slow.status, quick.status), (Status::Partial, Status::Completed));
    assert!(slow.error.as_ref().unwrap().contains("deadline"));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_source_begins_with_the_source() {
    let mut bench =
        Bench::new(1).source("first", many("first", 1, 2, 1000)).source("second", many("second", 1, 2, 1000));
    bench.parallel = false;
    bench.settings.deadlines.source = Some(span(3000));
    assert_eq!(bench.run().await.report.status, Status::Completed);
    bench =
        Bench::new(1).source("first", many("first", 1, 2, 1000)).source("second", many("second", 1, 4, 1000));
    bench.parallel = false;
    bench.settings.deadlines.run = Some(span(3000));
    let outcome = bench.run().await;
    assert_eq!(outcome.report.sources[0].status, Status::Completed);
    assert_eq!(outcome.report.sources[1].status, Status::Partial);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_reaches_what_waits_for_its_turn() {
    let rate = Rate { count: 1, per: ms(20_000) };
    let source = many("slow", 1, 5, 1).host("slow.example:80");
    let bench = Bench::new(1).source("slow", source).with(|s| {
        s.rate_limit = Some(rate);
        s.deadline = Some(span(3000));
    });
    let began = Instant::now();
    let outcome = bench.run().await;
    assert!(began.elapsed() <= ms(3100), "{:?}", began.elapsed());
    assert!(outcome.report.sources[0].error.as_ref().unwrap().contains("deadline"));
}

#[tokio::test(start_paused = true)]
async fn a_small_steady_source_does_not_keep_a_large_one_waiting() {
    let budget = busta_core::units::ByteSize(1 << 10);
    let mut bench =
        Bench::new(8).source("steady", many("steady", 4, 200, 10)).source("other", many("other", 2, 5, 10));
    bench.settings.memory_budget = budget;
    let outcome = bench.run().await;
    let [steady, other] = &outcome.report.sources[..] else { panic!() };
    assert!(other.duration_s < steady.duration_s / 4.0, "{} of {}", other.duration_s, steady.duration_s);
}

#[tokio::test(start_paused = true)]
async fn a_limit_stops_each_stream_and_the_run_is_complete() {
    let mut bench = Bench::new(4).source("a", many("a", 4, 10, 10));
    bench.limit = Some(25);
    let outcome = bench.run().await;
    // Whole batches of ten: the three that reach it, and those that were under way meanwhile.
    assert_eq!(outcome.report.status, Status::Completed);
    assert!((30..=70).contains(&outcome.report.records), "{}", outcome.report.records);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_sources_in_a_few_slots() {
    let mut bench = Bench::new(50);
    for n in 0..1000 {
        bench = bench.source(&format!("s{n}"), many(&format!("s{n}"), 1, 2, 50)).pool("wide");
    }
    bench.settings.pools.insert("wide".into(), 1000);
    let began = Instant::now();
    let outcome = bench.run().await;
    assert_eq!((outcome.report.status, outcome.report.records), (Status::Completed, 20_000));
    assert!(began.elapsed() < ms(2300), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_splits_of_one_id_fail_their_source_and_no_other() {
    let twice = Scripted::new("twice").split("same", 1, ms(1)).split("same", 1, ms(1));
    let clash = Scripted::new("clash").split("same", 1, ms(1)).split("same", 2, ms(1)).weight(2.0);
    let bench = Bench::new(8).source("clash", clash).source("good", many("good", 3, 1, 1));
    let report = bench.source("twice", twice).run().await.report;
    let status: Vec<_> = report.sources.iter().map(|source| (source.status, source.records)).collect();
    // The same split named twice is read once.
    assert_eq!(status, [(Status::Failed, 0), (Status::Completed, 30), (Status::Completed, 10)]);
    let error = report.sources[0].error.as_ref().unwrap();
    assert!(error.contains("two different splits have the id same"), "{error}");
}

#[tokio::test]
#[ignore = "a measurement: 6,000 hosts in a few slots, by the processor's time"]
async fn thousands_of_hosts_cost_little() {
    let mut source = Scripted::new("feeds");
    for number in 0..6000 {
        source = source.split(&format!("f{number}"), 1, ms(0)).last_host(&format!("h{number}.example:80"));
    }
    let began = std::time::Instant::now();
    let outcome = Bench::new(10).source("feeds", source).run().await;
    println!("{} records in {:?}", outcome.report.records, began.elapsed());
    assert_eq!(outcome.report.records, 60_000);
}
