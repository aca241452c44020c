//! Learnt limits in real time, judged by the origin's own figures. The strict bounds hold in simulation
//! (`busta-engine`, `hosts/simulation`); here machines are loaded and clocks run, so the bounds are wide.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use serde_json::Value;
use support::Desk;
use support::origin::Origin;

/// 400 pages from a server that refuses more than six requests at once, with sixteen allowed.
fn collect(settings: &str) -> (Value, busta_sandbox::Tally) {
    let origin = Origin::default();
    let yaml = format!(
        "{settings}
concurrency: 16
pools: {{ api: 16 }}
retry: {{ initial_backoff: 50ms }}
sources:
  - name: small
    type: api
    base_url: {}/as/small/with/latency=25ms,concurrency=6,retry_after=none
    streams:
      - name: small
        path: /rest/page/small?size=4000
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 10, total_path: $.total }}
",
        origin.url()
    );
    let desk = Desk::new(&yaml);
    let ended = desk.busta(&["sources", "collect", "--parallel", "--concurrency", "16", "--json"]);
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr));
    assert_eq!(ended.code, 0, "{}\n{report:#}", ended.stderr);
    (report, origin.stats().group("small"))
}

#[test]
fn a_small_server_is_not_stormed_and_not_left_idle() {
    let (best, _) = collect("hosts: { 127.0.0.1: { max_concurrency: 6, adaptive_concurrency: false } }");
    let (report, seen) = collect("");
    assert_eq!(report["records"], 4000);
    // The first round is the only one that is too large: sixteen at once, of which ten are refused.
    let share = seen.rate_limited as f64 / seen.requests as f64;
    assert!(share < 0.06, "{} of {} refused", seen.rate_limited, seen.requests);
    let (took, floor) = (report["duration_s"].as_f64().unwrap(), best["duration_s"].as_f64().unwrap());
    assert!(took < 2.0 * floor + 1.0, "{took} s instead of {floor} s");
    let host = &report["hosts"][0];
    assert!(host["limit"].as_u64().unwrap_or(16) <= 8 || host["rate"].is_number(), "{host}");
    assert!(!host["host"].as_str().unwrap().contains('#'));
}

#[test]
fn a_server_with_a_rate_is_paced_at_it() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "sources:
  - name: paced
    type: api
    base_url: {}/as/paced/with/rate=50:1s,latency=5ms
    streams:
      - name: paced
        path: /rest/page/paced?size=3000
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 10, total_path: $.total }}
",
        origin.url()
    ));
    let report = desk.collect_well(&[]);
    let stats = origin.stats();
    let seen = stats.group("paced");
    assert!(seen.rate_limited <= 9, "{} of {} refused", seen.rate_limited, seen.requests);
    // 300 pages at 50 a second are 6 s.
    let took = report["duration_s"].as_f64().unwrap();
    assert!(took < 15.0, "{took} s");
}
