//! The second run reads only what is new: conditional requests, start cursors, changed files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fmt::Write;

use busta_sandbox::SandboxConfig;
use support::Desk;
use support::landed::sqlite;
use support::origin::Origin;

fn feeds(url: &str) -> Desk {
    let mut yaml = "sources:\n  - name: news\n    type: rss\n    feeds:\n".to_owned();
    for n in 0..20 {
        let _ =
            writeln!(yaml, "      - {url}/feeds/{}/f{n}?entries=20", ["rss2", "atom", "json", "rdf"][n % 4]);
    }
    Desk::new(&yaml)
}

#[test]
fn unchanged_feeds_answer_304_and_nothing_is_written() {
    let origin = Origin::default();
    let desk = feeds(&origin.url());
    assert_eq!(desk.collect_well(&[])["records"], 400);
    let db = desk.file("busta.db");
    let before = std::fs::read(&db).unwrap();
    origin.sandbox().reset();

    let report = desk.collect_well(&[]);
    assert_eq!((&report["records"], &report["requests"]), (&0.into(), &20.into()));
    assert_eq!(origin.stats().total.not_modified, 20);
    let after = std::fs::read(&db).unwrap();
    assert!(before == after, "the database was written to");

    origin.sandbox().advance_feed("f3", 4);
    let report = desk.collect_well(&[]);
    assert_eq!(report["records"], 4, "{report:#}");
    assert_eq!(sqlite(&db)["entries"].len(), 404);
}

fn orders(url: &str) -> Desk {
    Desk::new(&format!(
        "sources:
  - name: shop
    type: api
    base_url: {url}
    streams:
      - name: orders
        path: /rest/page/orders
        records: $.items
        primary_key: id
        cursor: {{ field: updated_at, param: since }}
        pagination: {{ type: page, per_page: 50, total_path: $.total }}
"
    ))
}

#[test]
fn only_new_and_changed_records_are_asked_for() {
    let origin = Origin::new(SandboxConfig { records: 1000, ..SandboxConfig::default() });
    let desk = orders(&origin.url());
    assert_eq!(desk.collect_well(&[])["records"], 1000);
    let first = origin.stats().total.requests;
    assert!(first >= 20, "{first}");

    origin.sandbox().advance("orders", 30, 12);
    let report = desk.collect_well(&[]);
    // The newest record of the first run may come once more, because `since` includes it.
    assert!((42..=43).contains(&report["records"].as_u64().unwrap()), "{report:#}");
    assert!(origin.stats().total.requests - first <= 3);
    assert_eq!(sqlite(&desk.file("busta.db"))["orders"].len(), 1030);

    let report = desk.collect_well(&["--full-refresh"]);
    assert_eq!(report["records"], 1030);
    assert_eq!(sqlite(&desk.file("busta.db"))["orders"].len(), 1030);
}

#[test]
fn only_new_and_changed_files_are_read() {
    let desk = Desk::new("sources:\n  - { name: drops, type: files, paths: [drops], primary_key: id }\n");
    for n in 0..300 {
        desk.write(&format!("drops/{n}.json"), format!(r#"{{"id": {n}, "v": 1}}"#));
    }
    assert_eq!(desk.collect_well(&[])["records"], 300);
    assert_eq!(desk.collect_well(&[])["bytes"], 0);
    desk.write("drops/7.json", r#"{"id": 7, "v": 777777}"#);
    desk.write("drops/new.json", r#"{"id": 1000, "v": 1}"#);
    assert_eq!(desk.collect_well(&[])["records"], 2);
    let rows = &sqlite(&desk.file("busta.db"))["drops"];
    assert_eq!(rows.len(), 301);
    assert_eq!(rows.iter().filter(|row| row.contains("777777")).count(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_and_the_rest_goes_on() {
    let desk = Desk::new("sources:\n  - { name: drops, type: files, paths: [drops], primary_key: id }\n");
    desk.write("drops/good.json", r#"[{"id": 1}, {"id": 2}]"#);
    desk.write("drops/broken.json", r#"[{"id": 3}, {"id": "#);
    desk.write("drops/html.json", "<!doctype html><title>Login</title>");
    let (ended, report) = desk.collect(&[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(report["failures"].as_u64().unwrap() >= 2, "{report:#}");
    let failures = desk.busta(&["runs", "failures"]);
    assert_eq!(failures.code, 0, "{}", failures.stderr);
    for name in ["broken.json", "html.json"] {
        assert!(failures.stdout.contains(name), "{}", failures.stdout);
    }
    assert!(sqlite(&desk.file("busta.db"))["drops"].len() >= 2);
}

#[cfg(feature = "failpoints")]
#[test]
fn a_refresh_that_dies_leaves_nothing_out() {
    let origin = Origin::default();
    let desk = feeds(&origin.url());
    desk.collect_well(&[]);
    origin.sandbox().advance_feed("f3", 4);
    assert!(desk.dies_at("engine.finish.before", &["--full-refresh"]));
    // Everything of the refresh was read and nothing of it is visible: the next run must not believe
    // that it has seen the new entries.
    assert_eq!(sqlite(&desk.file("busta.db"))["entries"].len(), 400);
    desk.collect_well(&[]);
    assert_eq!(sqlite(&desk.file("busta.db"))["entries"].len(), 404);
}

/// An item that the operator's own program refuses is asked for anew by each run, until he has mended it; the others
/// are not.
#[test]
fn a_refused_item_comes_in_when_its_transform_is_mended() {
    let origin = Origin::default();
    let config = |program: &str| {
        format!(
            "sources:
  - name: still
    type: stac
    url: {}/stac-static/60/catalog.json
    transforms: [{{ jq: '{program}' }}]
",
            origin.url()
        )
    };
    let refusing = r#"if .properties["eo:cloud_cover"] > 50 then error("cloudy") else . end"#;
    let desk = Desk::new(&config(refusing));
    let first = desk.collect_well(&[]);
    // A link of the catalogue is dead.
    let refused = first["failures"].as_u64().unwrap() - 1;
    assert!((5..55).contains(&refused), "{first:#}");
    assert_eq!(first["records"], 60 - refused);
    origin.sandbox().reset();
    // Nothing but failures is told by the exit status.
    let (ended, again) = desk.collect(&[]);
    assert_eq!((ended.code, &again["records"]), (3, &0.into()), "{again:#}");
    assert_eq!(again["failures"], refused + 1, "{again:#}");
    assert_eq!(origin.stats().total.not_modified, 60 - refused);

    desk.write("busta.yaml", config("."));
    let mended = desk.collect_well(&[]);
    assert_eq!((&mended["records"], &mended["failures"]), (&refused.into(), &1.into()), "{mended:#}");
    assert_eq!(sqlite(&desk.file("busta.db"))["items"].len(), 60);
    assert_eq!(desk.collect(&[]).1["records"], 0);
}
