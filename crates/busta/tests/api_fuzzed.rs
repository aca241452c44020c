//! schemathesis asks a real `busta serve` everything that its description allows, and much that it forbids.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::process::Command;

use busta_testkit::judges;
use support::Desk;
use support::origin::Origin;
use support::server::Server;

/// The same questions in each run of the test.
const SEED: &str = "20240501";

/// Quick sources, so that what is started ends; one of which some records fail, one with a schedule.
fn desk(origin: &Origin) -> Desk {
    let desk = Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
sources:
  - name: orders
    type: api
    base_url: {}
    schedule: {{ every: 1d, initial_delay: 1d }}
    streams: [{{ name: orders, path: /rest/none/orders, records: $, primary_key: id }}]
  - {{ name: drops, type: files, paths: [drops/*.ndjson] }}
",
        origin.url()
    ));
    desk.write("drops/first.ndjson", "{\"id\": 1}\n{\"id\": 2\n{\"id\": 3}\n");
    desk
}

#[test]
fn the_api_does_what_it_says() {
    let Some(python) = judges::python() else { return };
    let origin = Origin::default();
    let desk = desk(&origin);
    let token = desk.new_token("operate");
    let server = Server::start(&desk).with_token(&token);
    let run = server.collect();
    server.until_run(&run, "completed");
    desk.write("schemathesis.toml", include_str!("judges/schemathesis.toml").replace("@run@", &run));

    let output = Command::new(python.with_file_name("schemathesis"))
        .args(["run", &format!("{}/api/v1/openapi.json", server.url)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", "all", "--continue-on-failure", "--no-color"])
        // It never ends.
        .args(["--exclude-path", "/api/v1/activity/stream"])
        .args(["--max-examples", "30", "--seed", SEED, "--generation-database", "none", "--no-shrink"])
        .args(["--request-timeout", "20"])
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "wrong_tokens")
        .current_dir(desk.path())
        .output()
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis has found something; see above");
    assert_eq!(server.get("/health")["status"], "ok");
}
