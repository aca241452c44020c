//! Budgets and pauses, under a paused clock: what is sent, what lands, and how a run goes on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use busta_core::event::{Action, Event};
use busta_core::report::{PhaseProgress, RunReport, SourceReport, Status, StoppedBy};
use busta_core::{BudgetSettings, Error};
use busta_engine::{EarlierRequests, RunOutcome, StreamRequests, start_heard};
use busta_testkit::scripted::Scripted;
use common::paid::Paid;
use common::{Bench, clock, ms};

fn requests(most: u64) -> Option<BudgetSettings> {
    Some(BudgetSettings {
        cost_per_request: Some(0.01),
        requests_per_run: Some(most),
        ..BudgetSettings::default()
    })
}

fn bench(source: &Paid, budget: Option<BudgetSettings>) -> Bench {
    Bench::new(8).source("paid", source.clone()).metered(&source.meter).with(|s| s.budget = budget)
}

async fn heard(bench: &Bench) -> (RunOutcome, Vec<Event>) {
    let (handle, mut events) = start_heard(bench.plan(), clock());
    let outcome = handle.join().await.unwrap();
    let mut all = Vec::new();
    while let Ok(event) = events.try_recv() {
        all.push(event);
    }
    (outcome, all)
}

fn part(report: &RunReport) -> &SourceReport {
    &report.sources[0]
}

fn unique(rows: &[String]) -> BTreeSet<&String> {
    rows.iter().collect()
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_never_exceeded_and_the_run_goes_on_to_the_same_end() {
    let all = Paid { items: 3, ..Paid::new(8, 10) };
    let undisturbed = bench(&all, None);
    assert_eq!(undisturbed.run().await.report.status, Status::Completed);
    let total = all.all_sent().len();
    assert_eq!(total, 8 * 10 + 8 * 3);

    for cap in [1, 7, 30, 103] {
        let source = Paid { items: 3, ..Paid::new(8, 10) };
        let other = Scripted::new("other").split("a", 40, ms(50));
        let mut bench = bench(&source, requests(cap)).source("other", other);
        let mut parts = 1;
        loop {
            let report = bench.run().await.report;
            let sent = source.all_sent().len() as u64;
            assert!(sent <= cap * parts, "{sent} sent in {parts} parts of {cap}");
            let paid = part(&report);
            assert_eq!(paid.requests, sent - cap * (parts - 1));
            assert_eq!(
                bench.memory.rows("paid").len(),
                source.all_sent().len() * 3,
                "what was paid for is there"
            );
            assert_eq!(report.sources[1].status, Status::Completed, "the other source is not touched");
            assert!((paid.cost.unwrap() - 0.01 * paid.requests as f64).abs() < 1e-9);
            if paid.status == Status::Completed {
                break;
            }
            assert_eq!((paid.status, paid.requests), (Status::Partial, cap), "all of the budget is used");
            let stopped = paid.stopped.as_ref().unwrap();
            assert_eq!(stopped.by, StoppedBy::Budget);
            assert!(stopped.reason.contains(&format!("{cap} request")), "{}", stopped.reason);
            assert_eq!(paid.error.as_ref(), Some(&stopped.reason));
            assert_eq!((report.status, paid.failures), (Status::Partial, 0));
            (bench.resumed, parts) = (true, parts + 1);
        }
        assert_eq!(parts, (total as u64).div_ceil(cap));
        let (rows, expected) = (bench.memory.rows("paid"), undisturbed.memory.rows("paid"));
        assert_eq!(unique(&rows), unique(&expected));
        assert_eq!(
            (rows.len(), source.all_sent().len()),
            (expected.len(), total),
            "nothing is paid for twice"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_is_just_enough_stops_nothing() {
    let source = Paid::new(8, 10);
    let (outcome, events) = heard(&bench(&source, requests(80))).await;
    assert_eq!((outcome.report.status, part(&outcome.report).stopped.as_ref()), (Status::Completed, None));
    assert_eq!((outcome.report.requests, outcome.report.cost), (80, Some(0.8)));
    let found = events.iter().find(|e| e.action == Action::Found && e.worker_id == 0).unwrap();
    assert_eq!(found.count, Some(8));
    assert!(found.message.as_ref().unwrap().contains("not known yet"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_costs_again() {
    let failed = AtomicBool::new(false);
    let source = Paid::new(1, 10).fault(move |_, page| {
        (page == 2 && !failed.swap(true, Ordering::Relaxed)).then(|| Error::unavailable("500"))
    });
    let bench = bench(&source, requests(6));
    let (outcome, events) = heard(&bench).await;
    let paid = part(&outcome.report);
    assert_eq!((paid.requests, paid.retries, paid.records, paid.failures), (6, 1, 5 * 3, 0));
    let told = events.iter().filter(|e| e.action == Action::Warning).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "it is told once");
    assert!(told[0].message.as_ref().unwrap().contains("is used up"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_made_without_an_answer_counts_for_nothing() {
    let source = Paid { careless: true, ..Paid::new(3, 4) };
    let mut bench = bench(&source, requests(5));
    assert_eq!(part(&bench.run().await.report).status, Status::Partial);
    bench.resumed = true;
    while part(&bench.run().await.report).status != Status::Completed {}
    assert_eq!(bench.memory.rows("paid").len(), 3 * 4 * 3);
}

fn took(lists: (u64, u64), items: (u64, u64)) -> EarlierRequests {
    let of = |(requests, splits)| StreamRequests { requests, splits, planned: splits };
    let whole = [("lists".into(), of(lists)), ("items".into(), of(items))].into();
    EarlierRequests { whole, ..EarlierRequests::default() }
}

#[tokio::test(start_paused = true)]
async fn what_would_cost_too_much_is_not_begun() {
    let source = Paid { items: 3, ..Paid::new(8, 10) };
    // 8 lists of 10 requests, which find 3 items each, of one request.
    let earlier = || took((20, 2), (6, 6));
    let bench = bench(&source, requests(100))
        .took(earlier())
        .source("other", Scripted::new("other").split("a", 4, ms(5)));
    let (outcome, events) = heard(&bench).await;
    let paid = part(&outcome.report);
    assert_eq!((paid.status, paid.requests, paid.estimate), (Status::Failed, 0, Some(104)));
    let error = paid.error.as_ref().unwrap();
    for word in ["104 requests (1.04)", "`budget.requests_per_run: 100`", "100 requests (1.00)"] {
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(paid.stopped.as_ref().unwrap().by, StoppedBy::Budget);
    assert!(source.all_sent().is_empty() && bench.memory.rows("paid").is_empty());
    assert_eq!(outcome.report.sources[1].status, Status::Completed);
    let started = events.iter().find(|e| e.action == Action::Started && e.source.is_some()).unwrap();
    assert_eq!(started.message.as_deref(), Some("its last complete run took 26 requests (0.26)"));
    assert!(outcome.requests.iter().all(|learnt| learnt.source.as_str() != "paid"), "nothing was learnt");
}

#[tokio::test(start_paused = true)]
async fn what_a_complete_run_took_is_learnt_and_expected_of_the_next() {
    let source = Paid { items: 3, ..Paid::new(8, 10) };
    let outcome = bench(&source, requests(104)).run().await;
    assert_eq!(outcome.report.status, Status::Completed);
    let [learnt] = &outcome.requests[..] else { panic!("{:?}", outcome.requests) };
    assert_eq!(learnt.requests["lists"], StreamRequests { requests: 80, splits: 8, planned: 8 });
    assert_eq!(learnt.requests["items"], StreamRequests { requests: 24, splits: 24, planned: 0 });
    let earlier = EarlierRequests { whole: learnt.requests.clone(), ..EarlierRequests::default() };
    let again = Paid { items: 3, ..Paid::new(4, 10) };
    let outcome = bench(&again, requests(60)).took(earlier).run().await;
    assert_eq!((part(&outcome.report).estimate, outcome.report.requests), (Some(52), 52));

    // What was cut short shows nothing of a whole run.
    let cut = Paid::new(8, 10);
    assert!(bench(&cut, requests(20)).run().await.requests.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_with_a_run_wants_to_spend_more() {
    let source = Paid::new(8, 10);
    let mut bench = bench(&source, requests(30)).took(took((1000, 1), (0, 0)));
    assert_eq!(part(&bench.run().await.report).status, Status::Failed);
    bench.resumed = true;
    let report = bench.run().await.report;
    assert_eq!((part(&report).status, part(&report).requests), (Status::Partial, 30));
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_in_a_row_pause_a_source() {
    let bad = Arc::new(AtomicBool::new(true));
    let is_bad = bad.clone();
    let source = Paid::new(20, 1).fault(move |split, _| {
        let n: usize = split.trim_start_matches("list-").parse().unwrap();
        // Four fail, one goes well, and from the tenth on all fail.
        let fails = n % 5 != 4 || n >= 10;
        (fails && is_bad.load(Ordering::Relaxed)).then(|| Error::not_found(format!("{split} is gone")))
    });
    let mut bench = Bench::new(1)
        .source("paid", source.clone())
        .metered(&source.meter)
        .with(|settings| settings.pause_after = Some(5))
        .source("other", Scripted::new("other").split("a", 30, ms(50)));
    let (outcome, events) = heard(&bench).await;
    let paid = part(&outcome.report);
    assert_eq!((paid.status, paid.records, paid.failures), (Status::Partial, 6, 8 + 5));
    assert_eq!(source.all_sent().len(), 15, "what comes behind is left");
    let stopped = paid.stopped.as_ref().unwrap();
    assert_eq!(stopped.by, StoppedBy::Failures);
    assert!(
        stopped.reason.contains("5 splits in a row") && stopped.reason.contains("list-14 is gone"),
        "{stopped:?}"
    );
    assert_eq!(outcome.report.sources[1].status, Status::Completed);
    let paused: Vec<_> = events.iter().filter(|event| event.action == Action::Paused).collect();
    assert_eq!((paused.len(), paused[0].count, paused[0].worker_id), (1, Some(5), 0));
    assert_eq!(paused[0].source.as_ref().unwrap().as_str(), "paid");

    bad.store(false, Ordering::Relaxed);
    bench.resumed = true;
    assert_eq!(bench.run().await.report.status, Status::Completed);
    assert_eq!(unique(&bench.memory.rows("paid")).len(), 60);
    assert_eq!(bench.memory.rows("paid").len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_source_of_which_nothing_came_has_failed() {
    let source = Paid::new(20, 1).fault(|_, _| Some(Error::not_found("gone")));
    let bench = bench(&source, None).with(|settings| settings.pause_after = Some(5));
    let report = bench.run().await.report;
    assert_eq!((part(&report).status, part(&report).records), (Status::Failed, 0));
    assert!(source.all_sent().len() < 20, "{}", source.all_sent().len());
    assert_eq!(part(&report).stopped.as_ref().unwrap().by, StoppedBy::Failures);
}

#[tokio::test(start_paused = true)]
async fn events_say_what_they_are_about_and_progress_goes_by_phases() {
    let source = Paid { items: 3, ..Paid::new(2, 2) };
    let (outcome, events) = heard(&bench(&source, None)).await;
    let phase = |phase: &str, splits, records| PhaseProgress {
        phase: phase.to_owned(),
        splits_done: splits,
        splits_total: splits,
        records,
    };
    assert_eq!(part(&outcome.report).progress, [phase("search", 2, 12), phase("look", 6, 18)]);
    for action in [Action::Fetching, Action::Found, Action::Inserted, Action::Complete] {
        let of_list = |event: &&Event| event.split.as_ref().is_some_and(|split| split.as_str() == "list-1");
        let event = events.iter().filter(of_list).find(|event| event.action == action).unwrap();
        assert_eq!(event.phase.as_deref(), Some("search"), "{event:?}");
        assert_eq!(event.subject["list"], "1");
    }
    let uploading: Vec<_> = events.iter().filter(|event| event.action == Action::Uploading).collect();
    let count = |phase: &str| -> u64 {
        let of = uploading.iter().filter(|event| event.phase.as_deref() == Some(phase));
        of.map(|event| event.count.unwrap()).sum()
    };
    assert_eq!((count("search"), count("look")), (12, 18));
    let inserted = events.iter().filter(|event| event.action == Action::Inserted).count();
    assert!(uploading.len() <= inserted, "{} of {inserted}", uploading.len());
    assert!(events.iter().all(|event| event.action != Action::Paused && event.action != Action::Warning));
}
