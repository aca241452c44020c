//! Budgets, judged at the origin: never one request more than allowed, also when the process is killed; and
//! sources that are paused after too many failures, and go on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::process::Command;

use busta_sandbox::{CLIENT_ID, CLIENT_SECRET};
use chrono::{NaiveDate, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::landed::{assert_same, sqlite};
use support::origin::Origin;
use support::server::Server;
use support::{COLLECT, Desk, source};

/// Orders in pages and the lines of each, behind a token, from a server that refuses some requests; and
/// another source that has no budget.
fn shop(url: &str, budget: &str) -> Desk {
    Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
retry: {{ max_retries: 9, initial_backoff: 1ms, max_backoff: 5ms }}
breaker: {{ failures: 0 }}
sources:
  - name: paid
    type: api
    base_url: {url}/as/paid/with/fail=503:every:7/auth/oauth
    auth: {{ type: oauth2, grant: client_credentials, token_url: '{url}/as/paid/oauth/token', client_id: {CLIENT_ID}, client_secret: {CLIENT_SECRET} }}
    {budget}
    streams:
      - name: orders
        path: /rest/page/orders?size=60
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 10, total_path: $.total }}
      - name: lines
        path: /rest/none/orders/{{orders.id}}/lines
        records: $
        primary_key: [order_id, line]
  - name: free
    type: api
    base_url: {url}/as/free
    streams: [{{ name: free, path: /rest/none/free, records: $, primary_key: id }}]
"
    ))
}

fn sent(origin: &Origin) -> u64 {
    origin.stats().groups.get("paid").map_or(0, |group| group.requests)
}

#[test]
fn the_cap_holds_at_the_origin_and_the_run_goes_on_to_the_same_end() {
    let origin = Origin::default();
    let undisturbed = shop(&origin.url(), "");
    undisturbed.collect_well(&[]);
    let whole = sent(&origin);
    assert!(whole > 66, "6 pages, 60 orders, a token, and what was tried again: {whole}");
    let expected = sqlite(&undisturbed.file("out.db"));

    origin.sandbox().reset();
    let desk = shop(&origin.url(), "budget: { cost_per_request: 0.01, per_run: 0.2 }");
    let mut parts = 0;
    loop {
        let before = sent(&origin);
        let more: &[&str] = if parts == 0 { &[] } else { &["--resume"] };
        let (ended, report) = desk.collect(more);
        let paid = source(&report, "paid");
        let sent = sent(&origin) - before;
        assert_eq!(paid["requests"], sent, "tokens and what is tried again are counted too");
        assert!((paid["cost"].as_f64().unwrap() - 0.01 * sent as f64).abs() < 1e-9);
        assert_eq!(source(&report, "free")["status"], "completed");
        parts += 1;
        if ended.code == 0 {
            break;
        }
        assert_eq!((ended.code, &paid["status"], sent), (3, &json!("partial"), 20), "{report:#}");
        assert_eq!(paid["stopped"]["by"], "budget");
        assert!(paid["error"].as_str().unwrap().contains("`budget.per_run: 0.20`"), "{paid:#}");
    }
    assert!((4..=7).contains(&parts), "{parts} parts of 20 for about {whole}");
    assert_same(&sqlite(&desk.file("out.db")), &expected, "a run in parts");
}

#[test]
fn what_a_run_will_take_is_known_before_it() {
    let origin = Origin::default();
    let desk = shop(&origin.url(), "budget: { cost_per_request: 0.01, requests_per_run: 500 }");
    let dry = || {
        let ended = desk.busta(&["sources", "collect", "paid", "--dry-run"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    assert!(dry().contains("how many requests it takes is not known"), "{}", dry());
    let first = desk.collect_well(&["paid"]);
    let took = source(&first, "paid")["requests"].as_u64().unwrap();

    // Where its splits are known, what it takes is known to a few: of pages and lines, not of tokens.
    let words = dry();
    let estimate: u64 = {
        let behind = words.split("expected to take ").nth(1).unwrap_or_else(|| panic!("{words}"));
        behind.split(' ').next().unwrap().parse().unwrap()
    };
    assert!(estimate.abs_diff(took) <= 3, "{estimate} were expected, {took} taken");
    assert!(words.contains("of 500 requests (5.00) that `budget.requests_per_run: 500` allows"), "{words}");
    let table = desk.busta(&["runs", "show"]).stdout;
    assert!(table.lines().any(|line| line.ends_with("  cost")), "{table}");

    // Too little for it: it is not begun.
    let config = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
    desk.write("busta.yaml", config.replace("requests_per_run: 500", "requests_per_run: 30"));
    assert!(dry().contains("it would not be collected"), "{}", dry());
    let before = sent(&origin);
    let (ended, report) = desk.collect(&[]);
    let paid = source(&report, "paid");
    assert_eq!((ended.code, &paid["status"], &paid["estimate"]), (3, &json!("failed"), &json!(estimate)));
    let error = paid["error"].as_str().unwrap();
    for words in [&*format!("{estimate} requests"), "`budget.requests_per_run: 30`", "raise the cap"] {
        assert!(error.contains(words), "{error}");
    }
    assert!(sent(&origin) - before <= 2, "to plan it may take a token and a page");
    assert_eq!(source(&report, "free")["status"], "completed");
}

/// The day of a test, unless it has changed meanwhile.
struct OneDay(NaiveDate);

impl OneDay {
    #[allow(
        clippy::disallowed_methods,
        reason = "the test's own clock is the machine's, as the process's is"
    )]
    fn now() -> Self {
        Self(Utc::now().date_naive())
    }

    fn is_over(&self) -> bool {
        Self::now().0 != self.0
    }
}

#[test]
fn the_requests_of_a_day_survive_kills() {
    const CAP: u64 = 300;
    const KILLS: u64 = 3;
    let today = OneDay::now();
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
pools: {{ api: 8 }}
sources:
  - name: paid
    type: api
    base_url: {}/as/paid/with/latency=5ms
    budget: {{ requests_per_day: {CAP} }}
    streams:
      - name: orders
        path: /rest/page/orders?size=4000
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 5, total_path: $.total }}
",
        origin.url()
    ));
    for n in 0..KILLS {
        let mut child = desk.spawn(&COLLECT);
        origin.until_under_way(60 * (n + 1));
        let killed = Command::new("kill").args(["-KILL", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        child.wait().unwrap();
    }
    let (ended, report) = desk.collect(&["--resume"]);
    let paid = source(&report, "paid");
    if today.is_over() {
        return;
    }
    assert_eq!((ended.code, &paid["stopped"]["by"]), (3, &json!("budget")), "{report:#}");
    assert!(paid["error"].as_str().unwrap().contains("of this day (UTC)"), "{paid:#}");
    // Each killed process may have counted eight that were about to be sent, and the rest of a block of three.
    let total = sent(&origin);
    assert!((CAP - KILLS * 10..=CAP).contains(&total), "{total} of {CAP}");
    let info = desk.busta(&["sources", "info", "paid"]).stdout;
    assert!(info.contains("300 requests a day, 300 of them counted today"), "{info}");

    let (ended, report) = desk.collect(&[]);
    if today.is_over() {
        return;
    }
    assert_eq!((ended.code, &source(&report, "paid")["requests"]), (3, &json!(0)), "{report:#}");
    assert_eq!(sent(&origin), total, "nothing more is sent today");
}

/// Twelve feeds on a schedule, from an origin that can be told to fail.
fn news(origin: &Origin, more: &str) -> Desk {
    let feeds: String =
        (0..12).map(|n| format!("      - {}/feeds/rss2/f{n}?entries=2\n", origin.url())).collect();
    Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
retry: {{ max_retries: 0 }}
breaker: {{ failures: 0 }}
pools: {{ rss: 1 }}
server: {{ initial_delay: 0s, {more} }}
sources:
  - name: news
    type: rss
    pause_after: 5
    schedule: {{ every: 1s }}
    feeds:
{feeds}"
    ))
}

/// From now on feeds are served `how`: as they should be, if it says nothing.
fn behave(origin: &Origin, how: &str) {
    origin.sandbox().set_profile("/feeds", how.parse().unwrap());
}

fn news_now(server: &Server, holds: impl Fn(&Value) -> bool) -> Value {
    server.until("/api/v1/sources/news", holds)
}

#[test]
fn a_source_that_fails_is_paused_and_goes_on_when_it_answers() {
    let origin = Origin::default();
    let desk = news(&origin, "probe_after: 300ms");
    let server = Server::start(&desk);
    news_now(&server, |source| source["health"] == "ok");
    assert_eq!(news_now(&server, |_| true)["pause"], Value::Null);

    behave(&origin, "fail=500");
    let paused = news_now(&server, |source| source["pause"] != Value::Null);
    assert!(
        paused["pause"]["reason"].as_str().unwrap().contains("5 splits in a row have failed"),
        "{paused:#}"
    );
    assert!(
        paused["pause"]["next_probe_at"].is_string() && paused["schedule"]["paused"] == true,
        "{paused:#}"
    );
    let run = paused["last_run"]["id"].as_str().unwrap().to_owned();
    let detail = server.get(&format!("/api/v1/runs/{run}"));
    assert_eq!(detail["by_source"][0]["stopped"]["by"], "failures", "{detail:#}");
    assert_eq!(detail["totals"]["failures"], 5, "the other feeds are left");
    let listed = desk.busta(&["sources", "list"]).stdout;
    assert!(listed.contains("paused since"), "{listed}");
    let info = desk.busta(&["sources", "info", "news"]).stdout;
    assert!(info.contains("5 splits in a row") && info.contains("whether it answers again"), "{info}");

    // It is asked ever more rarely, by one request each time, and nothing else is collected.
    let until_asked = |times: u64| {
        server.until("/api/v1/activity?action=warning", |page| {
            page["items"].as_array().unwrap().len() as u64 >= times
        })
    };
    until_asked(2);
    assert_eq!(news_now(&server, |_| true)["last_run"]["id"], run.as_str());

    behave(&origin, "");
    news_now(&server, |source| source["pause"] == Value::Null && source["health"] == "ok");
    let events = server
        .until("/api/v1/activity?action=paused,resumed", |page| page["items"].as_array().unwrap().len() == 2);
    assert_eq!(
        (&events["items"][1]["action"], &events["items"][1]["source"]),
        (&json!("paused"), &json!("news"))
    );
    assert_eq!((&events["items"][0]["action"], &events["items"][0]["run"]), (&json!("resumed"), &json!(run)));
    assert!(events["items"][0]["message"].as_str().unwrap().contains("answers again"), "{events:#}");
}

#[test]
fn a_pause_survives_a_restart_until_somebody_ends_it() {
    let origin = Origin::default();
    let desk = news(&origin, "probe_after: 0s");
    let server = Server::start(&desk);
    behave(&origin, "fail=500");
    let paused = news_now(&server, |source| source["pause"] != Value::Null);
    assert_eq!(paused["pause"]["next_probe_at"], Value::Null, "nobody asks");
    drop(server);

    behave(&origin, "");
    let server = Server::start(&desk);
    server.until("/ready", |ready| ready["ready"] == true);
    let again = news_now(&server, |_| true);
    assert_eq!(again["pause"]["reason"], paused["pause"]["reason"], "{again:#}");
    assert_eq!(server.get("/api/v1/overview")["sources_paused"], 1);
    let resumed = desk.busta(&["sources", "resume", "news"]);
    assert_eq!((resumed.code, resumed.stdout.trim()), (0, "news goes on"));
    news_now(&server, |source| source["pause"] == Value::Null && source["health"] == "ok");
    let (status, _) = server.post("/api/v1/sources/news/pause", json!({}));
    assert_eq!(status, StatusCode::OK);
    let by_hand = news_now(&server, |source| source["pause"] != Value::Null);
    assert_eq!(by_hand["pause"]["reason"], Value::Null);
    let (_, answer) = server.post("/api/v1/sources/news/resume", json!({}));
    assert_eq!(answer["pause"], Value::Null, "{answer:#}");
}

#[test]
fn the_answer_to_a_request_says_what_it_is_expected_to_take() {
    let origin = Origin::default();
    let desk = shop(&origin.url(), "budget: { cost_per_request: 0.5, per_run: 1000 }");
    let server = Server::start(&desk);
    let (_, first) = server.post("/api/v1/admin/collect", json!({ "sources": ["paid"] }));
    assert_eq!(first["estimates"], json!([{ "source": "paid", "allowed": 2000 }]));
    let done = server.until_run(first["run_id"].as_str().unwrap(), "completed");
    let took = done["totals"]["requests"].as_u64().unwrap();
    assert_eq!(done["by_source"][0]["cost"], 0.5 * took as f64);
    let (_, second) = server.post("/api/v1/admin/collect", json!({}));
    let estimate = &second["estimates"][0];
    assert!(estimate["requests"].as_u64().unwrap().abs_diff(took) <= 3, "{second:#}");
    assert_eq!(second["estimates"].as_array().unwrap().len(), 1, "of the sources with a budget");
    let run = second["run_id"].as_str().unwrap();
    server.until_run(run, "completed");
    // Events are stored a moment after they have happened.
    server.until(&format!("/api/v1/activity?run={run}&action=started,found&worker=0&limit=100"), |page| {
        let words = page["items"].to_string();
        words.contains("its last complete run took") && words.contains("expected to take")
    });
}

#[test]
fn a_server_shows_what_a_source_may_use_and_how_it_is_configured() {
    let origin = Origin::default();
    let budget = "budget: { cost_per_request: 0.01, requests_per_run: 500, requests_per_day: 5000 }";
    let desk = shop(&origin.url(), budget);
    let server = Server::start(&desk);
    let before = server.get("/api/v1/sources/paid");
    assert_eq!(before["budget"]["requests_today"], 0);
    assert_eq!(before["budget"]["expected_requests"], Value::Null, "nobody knows before a first run");
    let (_, accepted) = server.post("/api/v1/sources/paid/collect", json!({}));
    server.until_run(accepted["run_id"].as_str().unwrap(), "completed");

    let paid = server.get("/api/v1/sources/paid");
    let sent = sent(&origin);
    assert_eq!(paid["budget"]["requests_today"], sent);
    let expected = paid["budget"]["expected_requests"].as_u64().unwrap();
    assert!(expected.abs_diff(sent) <= 3, "{expected} are expected after {sent}");
    assert_eq!(
        (&paid["budget"]["requests_per_run"], &paid["budget"]["per_run"]),
        (&json!(500), &Value::Null)
    );
    let names: Vec<&str> =
        paid["settings"]["values"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["base_url", "auth", "streams"], "in the order of the file; the budget stands apart");
    let shown = paid.to_string();
    assert!(!shown.contains(CLIENT_SECRET) && shown.contains("\"client_secret\":\"***\""), "{shown}");
    assert_eq!(server.get("/api/v1/sources/free")["budget"], Value::Null);

    let (_, metrics) = server.send(reqwest::Method::GET, "/metrics", None);
    for line in [
        &*format!("busta_cost_total{{source=\"paid\"}} {}", 0.01 * sent as f64),
        "busta_budget_requests{source=\"paid\",cap=\"run\"} 0",
        "busta_budget_requests_limit{source=\"paid\",cap=\"day\"} 5000",
        "busta_source_paused{source=\"paid\",by=\"failures\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains("busta_cost_total{source=\"free\"}"));
}
