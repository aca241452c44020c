//! `busta serve`: runs on request and by schedule, over crashes, stops and restarts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use support::Desk;
use support::landed::{assert_same, sqlite};
use support::origin::Origin;
use support::server::Server;
use support::world::twenty_sources;

const DESTINATION: &str = "{ type: sqlite, path: out.db }";

/// A source that never answers.
fn hanging(origin: &Origin, more: &str) -> Desk {
    Desk::new(&format!(
        "{more}
sources:
  - name: slow
    type: api
    base_url: {}/with/fail=hang
    streams: [{{ name: slow, path: /rest/none/slow, records: $ }}]
",
        origin.url()
    ))
}

/// A source with a page of records.
fn quick(origin: &Origin, schedule: &str) -> Desk {
    Desk::new(&format!(
        "sources:
  - name: quick
    type: api
    base_url: {}
    schedule: {schedule}
    streams: [{{ name: quick, path: /rest/none/quick, records: $, primary_key: id }}]
",
        origin.url()
    ))
}

#[test]
fn a_run_is_started_shown_and_remembered() {
    let origin = Origin::default();
    let undisturbed = twenty_sources(&origin.url(), DESTINATION);
    undisturbed.collect_well(&[]);
    let expected = sqlite(&undisturbed.file("out.db"));
    let desk = twenty_sources(&origin.url(), DESTINATION);
    let mut server = Server::start(&desk);
    assert_eq!(server.get("/health")["status"], "ok");
    server.until("/ready", |ready| ready["ready"] == true);
    let run = server.collect();
    let done = server.until_run(&run, "completed");
    assert_eq!(done["trigger"], "api");
    assert_eq!(done["by_source"].as_array().unwrap().len(), 20);
    assert_same(&sqlite(&desk.file("out.db")), &expected, "a run of the server");

    let overview = server.get("/api/v1/overview");
    assert_eq!((&overview["sources"], &overview["sources_ok"]), (&json!(20), &json!(20)));
    assert_eq!(overview["totals"]["records"], done["totals"]["records"]);
    assert_eq!(overview["recent_runs"][0]["id"], run.as_str());
    assert_eq!(server.all("/api/v1/sources", 7), server.all("/api/v1/sources", 1000));
    assert_eq!(server.all("/api/v1/sources", 7).len(), 20);
    let datasets = server.all("/api/v1/datasets", 2);
    assert_eq!(datasets, server.all("/api/v1/datasets", 1000));
    let (status, _) = server.send(Method::GET, "/api/v1/sources?cursor=nobody", None);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let mut seen = 0;
    for name in &datasets {
        let page = server.get(&format!("/api/v1/datasets/{name}/records?limit=2"));
        seen += page["items"].as_array().unwrap().len();
    }
    assert!(seen > 10, "{seen}");
    let history = format!("/api/v1/activity?run={run}&action=complete&limit=1000");
    server.until(&history, |page| page["items"].as_array().unwrap().len() > 20);
    let metrics = server.send(Method::GET, "/metrics", None).1;
    assert!(metrics.contains("busta_"), "{metrics}");

    server.signal("-TERM");
    assert_eq!(server.ended(), 0);
    let again = Server::start(&desk);
    let remembered = again.get(&format!("/api/v1/runs/{run}"));
    assert_eq!((&remembered["state"], &remembered["totals"]), (&json!("completed"), &done["totals"]));
    assert!(again.get(&history)["items"].as_array().unwrap().len() > 20);
}

#[test]
fn who_asks_after_a_commit_sees_it_however_many_ask() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "destination: {DESTINATION}
sources:
  - name: grown
    type: api
    base_url: {}
    streams:
      - name: grown
        path: /rest/next_url/grown?size=500&per_page=50
        records: $.items
        primary_key: id
        pagination: {{ type: next_url, path: $.next }}
",
        origin.url()
    ));
    let server = Server::start(&desk);
    let page = "/api/v1/datasets/grown/records?limit=1000";
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let _end = End(&over);
        for _ in 0..4 {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    server.send(Method::GET, page, None);
                }
            });
        }
        for records in (50..=500).step_by(50) {
            let (_, accepted) = server.post("/api/v1/admin/collect", json!({ "limit": records }));
            let run = accepted["run_id"].as_str().unwrap();
            server.until(&format!("/api/v1/runs/{run}"), |run| run["finished_at"].is_string());
            let shown = server.get(page)["items"].as_array().unwrap().len();
            assert_eq!(shown, sqlite(&desk.file("out.db"))["grown"].len(), "it has read what was before");
            assert!(shown >= records, "{shown} of {records}");
        }
    });
}

/// Says that it is over, even if a test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_is_being_collected_is_not_collected_twice() {
    let origin = Origin::default();
    let desk = hanging(&origin, "");
    let server = Server::start(&desk);
    let run = server.collect();
    origin.until_under_way(1);
    let (status, problem) = server.post("/api/v1/admin/collect", json!({}));
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["detail"].as_str().unwrap().contains(&run), "{problem:#}");
    server.until(&format!("/api/v1/runs/{run}"), |run| run["live"]["workers"][0]["source"] == "slow");
    // From the command line neither.
    let ended = desk.busta(&["sources", "collect"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let began = Instant::now();
    let (status, _) = server.post(&format!("/api/v1/runs/{run}/cancel"), json!({}));
    assert_eq!(status, StatusCode::OK);
    server.until_run(&run, "cancelled");
    // A second is promised; a busy machine may take longer, a request's timeout is thirty.
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_queued_run_starts_when_its_sources_are_free_and_survives_a_restart() {
    let origin = Origin::default();
    let desk = hanging(&origin, "server: { on_busy: queue, initial_delay: 0s }");
    let mut server = Server::start(&desk);
    let first = server.collect();
    let (status, second) = server.post("/api/v1/admin/collect", json!({ "sources": ["slow"] }));
    assert_eq!((status, &second["state"]), (StatusCode::ACCEPTED, &json!("queued")));
    assert_eq!(second["waits_for"], first.as_str());
    let second = second["run_id"].as_str().unwrap().to_owned();
    server.signal("-KILL");
    server.ended();
    let server = Server::start(&desk);
    // The first goes on, the second waits for it.
    server.until_run(&first, "running");
    server.until_run(&second, "queued");
    server.post(&format!("/api/v1/runs/{first}/cancel"), json!({}));
    server.until_run(&first, "cancelled");
    server.until_run(&second, "running");
}

/// Killed or told to stop in the middle, it goes on at its next start, and nothing is lost or doubled.
fn goes_on_after(signal: &str) {
    let origin = Origin::default();
    let undisturbed = twenty_sources(&origin.url(), DESTINATION);
    undisturbed.collect_well(&[]);
    let expected = sqlite(&undisturbed.file("out.db"));
    for requests in [1, 60] {
        origin.sandbox().reset();
        let desk = twenty_sources(&origin.url(), DESTINATION);
        let yaml = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
        desk.write("busta.yaml", format!("server: {{ initial_delay: 0s }}\n{yaml}"));
        let mut server = Server::start(&desk);
        let run = server.collect();
        origin.until_under_way(requests);
        server.signal(signal);
        server.ended();
        let server = Server::start(&desk);
        let done = server.until_run(&run, "completed");
        assert_eq!(done["trigger"], "resume");
        assert_same(&sqlite(&desk.file("out.db")), &expected, &format!("{signal} after {requests} requests"));
    }
}

#[test]
fn a_killed_server_goes_on_where_it_was() {
    goes_on_after("-KILL");
}

#[test]
fn a_stopped_server_goes_on_where_it_was() {
    goes_on_after("-TERM");
}

#[test]
fn sources_are_collected_by_schedule_until_they_are_paused() {
    let origin = Origin::default();
    let desk = quick(&origin, "{ every: 1s, initial_delay: 0s }");
    let mut server = Server::start(&desk);
    let by_schedule = |page: &serde_json::Value| {
        page["items"].as_array().unwrap().iter().filter(|run| run["trigger"] == "schedule").count()
    };
    server.until("/api/v1/runs?source=quick&state=completed", |page| by_schedule(page) >= 2);
    let (status, source) = server.post("/api/v1/sources/quick/pause", json!({}));
    assert_eq!((status, &source["schedule"]["paused"]), (StatusCode::OK, &json!(true)));
    server.until("/api/v1/overview", |overview| overview["live_runs"].as_array().unwrap().is_empty());
    server.signal("-TERM");
    assert_eq!(server.ended(), 0);
    let server = Server::start(&desk);
    let source = server.until("/api/v1/sources/quick", |source| source["schedule"].is_object());
    assert_eq!(source["schedule"]["paused"], true, "over a restart, too");
    assert!(source["schedule"].get("next_at").is_none());
    let (_, source) = server.post("/api/v1/sources/quick/resume", json!({}));
    assert!(source["schedule"]["next_at"].is_string(), "{source:#}");
}

/// The sandbox's feed has a `ttl` of an hour; nothing else would make the pace slower than five minutes.
#[test]
fn a_source_that_says_how_long_it_holds_is_asked_no_sooner() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "sources:
  - name: news
    type: rss
    feeds: [{}/feeds/rss2/news]
    schedule: {{ auto: {{ min: 1s, max: 1d }}, initial_delay: 0s }}
",
        origin.url()
    ));
    let mut server = Server::start(&desk);
    let ended = |source: &serde_json::Value| source["last_run"]["state"] == "completed";
    server.until("/api/v1/sources/news", ended);
    let next_in = |server: &Server| {
        let planned = |source: &serde_json::Value| ended(source) && source["schedule"]["next_at"].is_string();
        let source = server.until("/api/v1/sources/news", planned);
        let time =
            |value: &serde_json::Value| value.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>();
        let next = time(&source["schedule"]["next_at"]).unwrap();
        (next - time(&source["last_run"]["finished_at"]).unwrap()).num_seconds()
    };
    assert!((3590..=3610).contains(&next_in(&server)), "{} s", next_in(&server));
    server.signal("-TERM");
    server.ended();
    let again = Server::start(&desk);
    again.until("/ready", |ready| ready["ready"] == true);
    assert!((3590..=3610).contains(&next_in(&again)), "after a restart: {} s", next_in(&again));
}

#[test]
fn nobody_else_is_let_in() {
    let origin = Origin::default();
    let desk = quick(&origin, "none");
    let refused = desk.busta(&["serve", "--bind", "0.0.0.0:0"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("busta token new"), "{}", refused.stderr);
    let token = desk.new_token("read");
    let server = Server::start(&desk).with_token(&token);
    assert_eq!(server.get("/api/v1/overview")["sources"], 1);
    let (status, _) = server.post("/api/v1/admin/collect", json!({}));
    assert_eq!(status, StatusCode::FORBIDDEN);
    let server = server.with_token("busta_0123456789abcdef");
    assert_eq!(server.send(Method::GET, "/api/v1/overview", None).0, StatusCode::UNAUTHORIZED);
    let second = desk.busta(&["serve", "--bind", "127.0.0.1:0"]);
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("another `busta serve`"), "{}", second.stderr);
}

#[test]
fn a_revoked_token_does_not_open_the_door() {
    let origin = Origin::default();
    let desk = quick(&origin, "none");
    let made = desk.busta(&["token", "new", "--name", "me", "--role", "operate"]);
    let token = made.stdout.trim().to_owned();
    assert_eq!(desk.busta(&["token", "revoke", "me"]).code, 0);
    let server = Server::start(&desk);
    assert_eq!(server.send(Method::GET, "/api/v1/overview", None).0, StatusCode::UNAUTHORIZED);
    let server = server.with_token(&token);
    assert_eq!(server.send(Method::GET, "/api/v1/overview", None).0, StatusCode::UNAUTHORIZED);
}

#[test]
fn the_command_line_has_the_server_stop_a_run_of_its_own() {
    let origin = Origin::default();
    let desk = hanging(&origin, "");
    let server = Server::start(&desk);
    let run = server.collect();
    let asked = desk.busta(&["runs", "cancel", &run]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    assert!(asked.stdout.contains(&run) && asked.stdout.contains("busta serve"), "{}", asked.stdout);
    server.until_run(&run, "cancelled");
    assert_eq!(server.get("/health")["status"], "ok", "it goes on");
}

#[test]
fn a_server_that_asks_for_tokens_stops_a_run_for_who_may_operate() {
    let origin = Origin::default();
    let desk = hanging(&origin, "");
    let (operate, read) = (desk.new_token("operate"), desk.new_token("read"));
    let server = Server::start(&desk).with_token(&operate);
    let run = server.collect();
    for more in [&[][..], &["--token", &read], &["--token", "busta_made_up"]] {
        let refused = desk.busta(&[&["runs", "cancel", &run], more].concat());
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains("BUSTA_TOKEN"), "{}", refused.stderr);
        assert!(!refused.stderr.contains(&read), "{}", refused.stderr);
    }
    assert_eq!(server.get(&format!("/api/v1/runs/{run}"))["state"], "running");
    let asked = desk.command(&["runs", "cancel", &run]).env("BUSTA_TOKEN", &operate).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    server.until_run(&run, "cancelled");
}

/// After a crash the schedule is due as well; the run that was cut off comes first, and its records land once.
#[test]
fn a_schedule_does_not_take_the_place_of_a_run_that_was_cut_off() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "sources:
  - name: slow
    type: api
    base_url: {}/with/latency=30ms
    schedule: {{ every: 1s, initial_delay: 0s }}
    streams:
      - name: slow
        path: /rest/next_url/slow?size=300&per_page=10
        records: $.items
        pagination: {{ type: next_url, path: $.next }}
server: {{ initial_delay: 0s }}
",
        origin.url()
    ));
    let mut server = Server::start(&desk);
    origin.until_under_way(8);
    let first = server.get("/api/v1/runs")["items"][0]["id"].as_str().unwrap().to_owned();
    server.signal("-KILL");
    server.ended();
    let mut server = Server::start(&desk);
    let done = server.until_run(&first, "completed");
    assert_eq!(done["trigger"], "resume");
    server.signal("-TERM");
    server.ended();
    let db = rusqlite::Connection::open(desk.file("busta.db")).unwrap();
    let rows: i64 =
        db.query_row("SELECT count(*) FROM slow WHERE _busta_run = ?1", [&first], |row| row.get(0)).unwrap();
    assert_eq!(rows, 300);
}

#[test]
fn what_is_free_starts_when_what_was_before_it_is_cancelled() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "server: {{ on_busy: queue, initial_delay: 0s }}
sources:
  - name: one
    type: api
    base_url: {0}/with/fail=hang
    streams: [{{ name: one, path: /rest/none/one, records: $ }}]
  - name: two
    type: api
    base_url: {0}/with/fail=hang
    streams: [{{ name: two, path: /rest/none/two, records: $ }}]
",
        origin.url()
    ));
    let server = Server::start(&desk);
    let start = |sources: &[&str]| {
        let (_, accepted) = server.post("/api/v1/admin/collect", json!({ "sources": sources }));
        accepted["run_id"].as_str().unwrap().to_owned()
    };
    let (_first, both, second) = (start(&["one"]), start(&["one", "two"]), start(&["two"]));
    server.until_run(&second, "queued");
    server.post(&format!("/api/v1/runs/{both}/cancel"), json!({}));
    server.until_run(&second, "running");
}

#[test]
fn groups_of_failures_come_in_parts() {
    let mut config = format!("destination: {DESTINATION}\nsources:\n");
    for name in ["a", "b", "c"] {
        config.push_str(&format!(
            "  - {{ name: {name}, type: files, paths: [{name}.ndjson], stream: {name} }}\n"
        ));
    }
    let desk = Desk::new(&config);
    for (name, broken) in [("a", 1), ("b", 3), ("c", 2)] {
        desk.write(&format!("{name}.ndjson"), format!("{{\"id\": 1}}\n{}", "{\"id\": half\n".repeat(broken)));
    }
    let server = Server::start(&desk);
    server.until_run(&server.collect(), "completed");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/failures/groups?by=source&limit=2{cursor}"));
        let groups = page["items"].as_array().unwrap();
        seen.extend(groups.iter().map(|group| (group["title"].clone(), group["count"].clone())));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(groups.len(), 2);
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, [(json!("b"), json!(3)), (json!("c"), json!(2)), (json!("a"), json!(1))]);
    let (status, _) = server.send(Method::GET, "/api/v1/failures/groups?cursor=x", None);
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
