//! Limits, judged at the origin: never one request more in flight than allowed, and never fewer while
//! work waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fmt::Write;

use support::Desk;
use support::origin::Origin;

/// Pages of a few streams, many feeds: more work for every pool than it has places.
fn yaml(url: &str, settings: &str) -> String {
    let mut yaml = format!("{settings}\nsources:\n");
    for n in 0..4 {
        let _ = write!(
            yaml,
            "  - name: api{n}
    type: api
    base_url: {url}/as/api/with/latency=300ms
    streams:
      - name: api{n}
        path: /rest/page/api{n}?size=400
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 20, total_path: $.total }}
"
        );
    }
    yaml.push_str("  - name: news\n    type: rss\n    feeds:\n");
    for n in 0..120 {
        let _ = writeln!(yaml, "      - {url}/as/rss/with/latency=300ms/feeds/rss2/f{n}?entries=3");
    }
    yaml.push_str("  - { name: drops, type: files, paths: [drops/*.json] }\n");
    yaml
}

fn collect(settings: &str, concurrency: &str) -> busta_sandbox::Stats {
    let origin = Origin::default();
    let desk = Desk::new(&yaml(&origin.url(), settings));
    for n in 0..50 {
        desk.write(&format!("drops/{n}.json"), format!(r#"{{"n": {n}}}"#));
    }
    let ended = desk.busta(&["sources", "collect", "--parallel", "--concurrency", concurrency, "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    origin.stats()
}

#[test]
fn the_global_limit_is_kept_and_used() {
    let stats = collect("pools: { api: 5, rss: 10, files: 20 }", "8");
    assert_eq!(stats.total.max_in_flight, 8);
    assert_eq!(stats.group("api").max_in_flight, 5);
    assert!(stats.group("rss").max_in_flight <= 8);
    // Places are filled while work waits: only the beginning and the end of the run are thin.
    assert!(stats.total.mean_in_flight > 6.0, "{}", stats.total.mean_in_flight);
}

#[test]
fn each_pool_has_its_own_places() {
    let stats = collect("pools: { api: 5, rss: 10, files: 20 }", "40");
    assert_eq!(stats.group("api").max_in_flight, 5);
    assert_eq!(stats.group("rss").max_in_flight, 10);
    assert_eq!(stats.total.max_in_flight, 15);
    assert!(stats.group("api").mean_in_flight > 4.0, "{}", stats.group("api").mean_in_flight);
}

#[test]
fn a_host_has_its_own_places() {
    let stats = collect("hosts: { 127.0.0.1: { max_concurrency: 3 } }", "8");
    assert_eq!(stats.total.max_in_flight, 3);
    assert!(stats.total.mean_in_flight > 2.5, "{}", stats.total.mean_in_flight);
}

#[test]
fn a_rate_is_never_exceeded() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "sources:
  - name: paced
    type: api
    base_url: {}
    rate_limit: 25/s
    streams:
      - name: paced
        path: /rest/page/paced?size=1000
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 20, total_path: $.total }}
",
        origin.url()
    ));
    let report = desk.collect_well(&[]);
    let stats = origin.stats();
    assert!(stats.total.max_per_second <= 25, "{}", stats.total.max_per_second);
    // 50 pages and at most one more to see the end, 40.8 ms apart; a busy machine adds to it.
    let seconds = report["duration_s"].as_f64().unwrap();
    assert!((1.9..5.0).contains(&seconds), "{seconds}");
    assert_eq!(report["retries"], 0);
}

#[test]
fn what_the_server_asks_for_is_heeded() {
    let origin = Origin::default();
    let source = |name: &str, profile: &str| {
        format!(
            "  - name: {name}
    type: api
    base_url: {}/as/{name}/with/{profile}
    streams:
      - name: {name}
        path: /rest/page/{name}?size=400
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 20, total_path: $.total }}
",
            origin.url()
        )
    };
    let desk = Desk::new(&format!(
        "sources:\n{}{}",
        source("seconds", "rate=8:1s"),
        source("date", "rate=8:1s,retry_after=date")
    ));
    let report = desk.collect_well(&[]);
    for name in ["seconds", "date"] {
        let source = support::source(&report, name);
        assert_eq!((&source["records"], &source["retries"]), (&400.into(), &0.into()), "{source}");
        let refused = origin.stats().group(name).rate_limited;
        assert!(refused <= 10, "{name} was refused {refused} times");
    }
}

#[test]
fn what_the_server_asks_for_is_heeded_while_a_run_is_planned_too() {
    let origin = Origin::default();
    // The landing page is refused at first, and so is the page of items.
    let desk = Desk::new(&format!(
        "sources:
  - {{ name: found, type: stac, url: '{}/with/fail=429:first:1/stac/20', split: none, method: post }}
",
        origin.url()
    ));
    let report = desk.collect_well(&[]);
    assert_eq!((&report["records"], &report["retries"]), (&20.into(), &0.into()), "{report:#}");
    assert_eq!(origin.stats().total.statuses[&429], 2);
    assert_eq!(support::source(&report, "found")["rate_limited"], 2, "{report:#}");
}
