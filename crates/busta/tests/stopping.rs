//! SIGTERM leaves a run that can be resumed; the second one ends at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use support::landed::{assert_same, sqlite};
use support::origin::Origin;
use support::world::twenty_sources;
use support::{COLLECT, Desk, exit_code};

const DESTINATION: &str = "{ type: sqlite, path: out.db }";

fn terminate(child: &Child) {
    send("-TERM", child);
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Every page takes a program without an end; Ctrl-C waits for one page, and the others are read when it is resumed.
#[test]
fn a_program_without_an_end_does_not_hold_it() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "destination: {DESTINATION}
sources:
  - name: endless
    type: api
    base_url: {}
    streams:
      - name: endless
        path: /rest/page/endless?size=4000
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 100, total_path: $.total }}
    transforms:
      - jq: 'until(false; .)'
",
        origin.url()
    ));
    let mut child = desk.spawn(&COLLECT);
    origin.until_under_way(2);
    send("-INT", &child);
    let began = Instant::now();
    let code = exit_code(child.wait().unwrap());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(code, 130);
}

#[test]
fn a_terminated_run_is_resumed() {
    let origin = Origin::default();
    let undisturbed = twenty_sources(&origin.url(), DESTINATION);
    undisturbed.collect_well(&[]);
    let expected = sqlite(&undisturbed.file("out.db"));
    for requests in [1, 40, 150] {
        origin.sandbox().reset();
        let desk = twenty_sources(&origin.url(), DESTINATION);
        let mut child = desk.spawn(&COLLECT);
        origin.until_under_way(requests);
        terminate(&child);
        let began = Instant::now();
        assert_eq!(exit_code(child.wait().unwrap()), 143);
        assert!(began.elapsed() < Duration::from_secs(10));
        let runs = desk.busta(&["runs", "list"]);
        assert!(runs.stdout.contains("cancelled"), "{}", runs.stdout);
        desk.collect_well(&["--resume"]);
        assert_same(&sqlite(&desk.file("out.db")), &expected, &format!("stopped after {requests} requests"));
        let twice: Vec<_> =
            origin.stats().served_more_than(1).map(|(url, f)| format!("{url} {f:?}")).collect();
        assert!(twice.is_empty(), "what was in flight is committed, not read again: {twice:#?}");
    }
}

#[test]
fn the_second_signal_ends_at_once() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "sources:
  - name: slow
    type: api
    base_url: {}/with/fail=hang
    streams: [{{ name: slow, path: /rest/none/slow, records: $ }}]
",
        origin.url()
    ));
    let mut child = desk.spawn(&COLLECT);
    origin.until_under_way(1);
    let began = Instant::now();
    terminate(&child);
    while child.try_wait().unwrap().is_none() {
        terminate(&child);
        assert!(began.elapsed() < Duration::from_secs(4), "the second signal did not end it");
        std::thread::yield_now();
    }
    assert_ne!(exit_code(child.wait().unwrap()), 0);
}
