//! Learnt limits in real time, judged by the origin's own figures. The strict bounds hold in simulation
//! (`busta-engine`, `hosts/simulation`); here machines are loaded and clocks run. So the best fixed limit and what
//! is learnt run at the same time, on the same machine, with a server each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::thread;

use busta_sandbox::Tally;
use serde_json::Value;
use support::Desk;
use support::origin::Origin;

/// What is learnt may take so much longer than what was known before: 15 %, and what a busy machine adds.
const LONGER: f64 = 1.3;

/// A machine may be so busy that its noise passes for a server's strain, but not so many times in a row.
const TRIES: usize = 3;

/// So many pages from a server of its own, with 32 of them allowed at once.
fn collect(profile: &str, pages: u32, settings: &str) -> (Value, Tally) {
    let origin = Origin::default();
    let yaml = format!(
        "{settings}
concurrency: 32
pools: {{ api: 32 }}
sources:
  - name: small
    type: api
    base_url: {}/as/small/with/{profile}
    streams:
      - name: small
        path: /rest/page/small?size={}
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 10, total_path: $.total }}
",
        origin.url(),
        pages * 10
    );
    let desk = Desk::new(&yaml);
    let ended = desk.busta(&["sources", "collect", "--parallel", "--concurrency", "32", "--json"]);
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr));
    assert_eq!(ended.code, 0, "{}\n{report:#}", ended.stderr);
    assert_eq!(report["records"], pages * 10);
    (report, origin.stats().group("small"))
}

/// Collects with what is learnt, and at the same time with `best`, which must not be much faster from the first
/// request to the last answer. Gives what the first came to.
fn beside(profile: &str, pages: u32, best: &str) -> (Value, Tally) {
    let fixed = format!("hosts: {{ 127.0.0.1: {{ {best}, adaptive_concurrency: false }} }}");
    let took = |tally: &Tally| (tally.last_answer_us.unwrap() - tally.first_request_us.unwrap()) as f64;
    let mut longer = Vec::new();
    for _ in 0..TRIES {
        let ((report, learnt), (_, known)) = thread::scope(|scope| {
            let known = scope.spawn(|| collect(profile, pages, &fixed));
            (collect(profile, pages, ""), known.join().unwrap())
        });
        longer.push(took(&learnt) / took(&known));
        if longer.last().is_some_and(|longer| *longer < LONGER) {
            return (report, learnt);
        }
    }
    panic!("it took {longer:.2?} times as long");
}

#[test]
fn what_a_small_server_bears_is_found_at_once() {
    let (report, seen) = beside("latency=50ms,concurrency=4", 480, "max_concurrency: 4");
    // Of the first round, and one of each trial.
    assert!(seen.rate_limited <= 20, "{} of {} refused", seen.rate_limited, seen.requests);
    let host = &report["hosts"][0];
    assert!((4..=5).contains(&host["limit"].as_u64().unwrap()), "{host}");
    assert!(!host["host"].as_str().unwrap().contains('#'));
}

#[test]
fn a_server_with_a_rate_is_paced_at_it() {
    let (report, seen) = beside("latency=30ms,rate=50:1s", 400, "rate_limit: 50/s");
    assert!(seen.rate_limited <= 9, "{} of {} refused", seen.rate_limited, seen.requests);
    assert!((35.0..52.0).contains(&report["hosts"][0]["rate"].as_f64().unwrap()), "{}", report["hosts"][0]);
}
