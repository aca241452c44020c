//! Twenty sources, of which some do their worst: the others do not notice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fmt::Write;

use serde_json::Value;
use support::origin::Origin;
use support::{Desk, source};

/// Name, profile of the origin, more keys, and what the report must say about it. Only who hangs is given a second:
/// on a busy machine the others may take longer.
const BAD: [(&str, &str, &str, &str); 7] = [
    ("hangs", "fail=hang", "    request_timeout: 1s\n", "within 1s"),
    ("resets", "fail=reset", "", "reset"),
    ("fails", "fail=500", "", "500"),
    ("floods", "fail=flood", "", "longer than 64MiB"),
    ("garbles", "fail=garbage", "", "JSON"),
    ("mistypes", "fail=wrong_types", "", ""),
    ("redirects", "fail=redirect_loop", "", "redirect"),
];

fn api(yaml: &mut String, url: &str, name: &str, profile: &str, more: &str) {
    let _ = write!(
        yaml,
        "  - name: {name}
    type: api
    base_url: {url}/as/{name}/with/{profile}
{more}    streams:
      - name: {name}
        path: /rest/next_url/{name}?size=400&per_page=20
        records: $.items
        primary_key: id
        pagination: {{ type: next_url, path: $.next }}
"
    );
}

fn desk(url: &str, bad: bool) -> Desk {
    let mut yaml = "retry: { max_retries: 2, initial_backoff: 50ms }\n\
                    pools: { api: 20 }\nsources:\n"
        .to_owned();
    if bad {
        for (name, profile, more, _) in BAD {
            api(&mut yaml, url, name, profile, more);
        }
        if cfg!(feature = "failpoints") {
            yaml.push_str("  - { name: panics, type: scripted, panic: true }\n");
        }
    }
    for n in 0..12 {
        api(&mut yaml, url, &format!("good{n}"), "latency=40ms", "");
    }
    Desk::new(&yaml)
}

/// How long the slowest of the good sources took.
fn slowest(report: &Value) -> f64 {
    let seconds = |n: usize| source(report, &format!("good{n}"))["duration_s"].as_f64().unwrap();
    (0..12).map(seconds).fold(0.0, f64::max)
}

fn collect(desk: &Desk, code: i32) -> Value {
    let ended = desk.busta(&["sources", "collect", "--parallel", "--concurrency", "20", "--json"]);
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// How long the good sources took with bad ones beside them, and without; what landed is the same.
fn compare() -> [f64; 2] {
    let origin = Origin::default();
    let alone = desk(&origin.url(), false);
    let alone_report = collect(&alone, 0);

    let mixed = desk(&origin.url(), true);
    let report = collect(&mixed, 3);
    assert_eq!(report["status"], "partial");

    for (name, _, _, reason) in BAD {
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
    [slowest(&report), slowest(&alone_report)]
}

#[test]
fn bad_sources_change_nothing_for_the_others() {
    // Whatever else the machine does can only make it slower: one time of three is enough.
    let mut times = Vec::new();
    let is_undisturbed = (0..3).any(|_| {
        let [with, without] = compare();
        times.push((with, without));
        with < without * 1.1 + 0.1
    });
    assert!(is_undisturbed, "seconds with bad sources, and without: {times:?}");
}
