//! Twenty sources, of which some do their worst: the others do not notice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fmt::Write;

use serde_json::Value;
use support::origin::Origin;
use support::{Desk, source};

/// Name, profile of the origin, and what the report must say about it.
const BAD: [(&str, &str, &str); 7] = [
    ("hangs", "fail=hang", "within 1s"),
    ("resets", "fail=reset", "reset"),
    ("fails", "fail=500", "500"),
    ("floods", "fail=flood", "longer than 64MiB"),
    ("garbles", "fail=garbage", "JSON"),
    ("mistypes", "fail=wrong_types", ""),
    ("redirects", "fail=redirect_loop", "redirect"),
];

fn api(yaml: &mut String, url: &str, name: &str, profile: &str) {
    let _ = write!(
        yaml,
        "  - name: {name}
    type: api
    base_url: {url}/as/{name}/with/{profile}
    streams:
      - name: {name}
        path: /rest/next_url/{name}?size=400&per_page=20
        records: $.items
        primary_key: id
        pagination: {{ type: next_url, path: $.next }}
"
    );
}

fn desk(url: &str, bad: bool) -> Desk {
    let mut yaml = "deadlines: { request: 1s }\nretry: { max_retries: 2, initial_backoff: 50ms }\n\
                    pools: { api: 20 }\nsources:\n"
        .to_owned();
    if bad {
        for (name, profile, _) in BAD {
            api(&mut yaml, url, name, profile);
        }
        if cfg!(feature = "failpoints") {
            yaml.push_str("  - { name: panics, type: scripted, panic: true }\n");
        }
    }
    for n in 0..12 {
        api(&mut yaml, url, &format!("good{n}"), "latency=40ms");
    }
    Desk::new(&yaml)
}

fn seconds(report: &Value, n: usize) -> f64 {
    source(report, &format!("good{n}"))["duration_s"].as_f64().unwrap()
}

#[test]
fn bad_sources_change_nothing_for_the_others() {
    let origin = Origin::default();
    let args = ["sources", "collect", "--parallel", "--concurrency", "20", "--json"];
    let alone = desk(&origin.url(), false);
    let alone_ended = alone.busta(&args);
    assert_eq!(alone_ended.code, 0, "{}", alone_ended.stderr);
    let alone_report: Value = serde_json::from_str(&alone_ended.stdout).unwrap();

    let mixed = desk(&origin.url(), true);
    let ended = mixed.busta(&args);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert_eq!(report["status"], "partial");

    for (name, _, reason) in BAD {
        let source = source(&report, name);
        assert_ne!(source["status"], "completed", "{source}");
        let error = source["error"].as_str().unwrap_or_else(|| panic!("{name} has no reason: {source}"));
        assert!(error.contains(reason), "{name}: {error}");
    }
    #[cfg(feature = "failpoints")]
    assert!(source(&report, "panics")["error"].as_str().unwrap().contains("panicked"));

    let (landed, expected) =
        (support::landed::sqlite(&mixed.file("busta.db")), support::landed::sqlite(&alone.file("busta.db")));
    for (table, rows) in &expected {
        assert_eq!(&landed[table], rows, "{table}");
    }
    let slowest = |report| (0..12).map(|n| seconds(report, n)).fold(0.0, f64::max);
    let (with, without) = (slowest(&report), slowest(&alone_report));
    assert!(with < without * 1.1 + 0.1, "{with} s with bad sources, {without} s without");
}
