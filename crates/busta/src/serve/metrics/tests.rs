use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use busta_core::meter::{Meter as _, RateHints, Request};
use busta_core::settings::EngineSettings;
use busta_core::{BudgetSettings, Pool};
use busta_engine::{HostState, Hosts, PoolProgress, SourceFigures, SourceMeter, StreamFigures, WorkerAction};
use busta_server::model::SourceHealth;
use busta_server::{ActivityCounts, RouteTraffic};
use chrono::{DateTime, TimeZone as _, Utc};

use super::families::ALL;
use super::input::{
    BudgetMetrics, MetricsInput, PausedBy, ProcessMetrics, RunCounts, ScheduleMetrics, SourceMetrics,
};
use super::render::all as render;
use super::text::Kind;

fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(seconds, 0).unwrap()
}

fn figures(statuses: &[Option<u16>]) -> SourceFigures {
    let meter = SourceMeter::new(Arc::new(Hosts::new(&EngineSettings::default())));
    for status in statuses {
        let host = &"x.example:443".into();
        let (latency, limits) = (Duration::from_millis(30), RateHints::default());
        meter.request(&Request { host, status: *status, latency, bytes: 100, limits });
    }
    let counts = StreamFigures { inserted: 5, updated: 3, deduped: 2 };
    SourceFigures { streams: [("posts".into(), counts)].into(), ..meter.figures() }
}

/// Two routes that were asked for.
fn traffic() -> BTreeMap<String, RouteTraffic> {
    let mut route = RouteTraffic::default();
    route.requests = [(("GET", 200), 7), (("GET", 404), 1)].into();
    [("/api/v1/runs/{id}".to_owned(), route.clone()), ("(pages)".to_owned(), route)].into()
}

fn source(name: &str) -> SourceMetrics {
    SourceMetrics {
        name: name.into(),
        figures: figures(&[Some(200), Some(200), Some(429), None]),
        health: SourceHealth::Degraded,
        last_run_at: Some(at(1000)),
        last_success_at: Some(at(500)),
        schedule: Some(ScheduleMetrics { next_at: Some(at(2000)), paused: false }),
        paused: Some(PausedBy::Failures),
        budget: Some(BudgetMetrics {
            settings: BudgetSettings {
                cost_per_request: Some(0.25),
                per_run: Some(10.0),
                requests_per_day: Some(500),
                ..BudgetSettings::default()
            },
            of_run: 3,
            of_day: Some(120),
        }),
    }
}

fn host(host: &str, key: &str) -> HostState {
    HostState {
        host: host.to_owned(),
        key: key.into(),
        in_flight: 2,
        limit: Some(4),
        rate: Some(2.5),
        paused: false,
        requests: 10,
        limited: 1,
        latency_mean_ms: 30.0,
    }
}

/// An input in which nothing is missing.
fn full() -> MetricsInput {
    MetricsInput {
        version: "1.2.3",
        started_at: at(100),
        process: ProcessMetrics {
            memory: Some(1 << 20),
            processor: Some(Duration::from_millis(1500)),
            open_files: Some(7),
            most_files: Some(1024),
        },
        tasks: 12,
        runs: RunCounts {
            running: 1,
            queued: 2,
            ended: [("completed", 3), ("failed", 1)].into(),
            oldest: Some(Duration::from_secs(90)),
        },
        sources: vec![source("orders"), source("a \"b\"\\\n")],
        pools: vec![PoolProgress { name: Pool::new("api"), places: Some(5), taken: 3, waiting: 9 }],
        queued: 11,
        workers: vec![WorkerAction::Fetching, WorkerAction::Fetching, WorkerAction::Idle],
        hosts: vec![host("x.example:443", "x.example:443#1"), host("x.example:443", "x.example:443#2")],
        activity: ActivityCounts { events: 1000, gaps: 3, clients: 2 },
        traffic: traffic(),
    }
}

#[test]
fn everything_that_is_named_is_given() {
    let text = render(&full());
    for family in ALL {
        let head = format!("# TYPE {} {}\n", family.name, family.kind.as_str());
        assert_eq!(text.matches(&head).count(), 1, "{}", family.name);
    }
    for line in [
        "busta_records_total{source=\"orders\",stream=\"posts\",outcome=\"updated\"} 3",
        "busta_requests_total{source=\"orders\",code=\"none\"} 1",
        "busta_requests_total{source=\"orders\",code=\"429\"} 1",
        "busta_request_duration_seconds_bucket{source=\"orders\",le=\"0.05\"} 3",
        "busta_request_duration_seconds_count{source=\"orders\"} 3",
        "busta_source_health{source=\"orders\",health=\"degraded\"} 1",
        "busta_source_health{source=\"orders\",health=\"ok\"} 0",
        "busta_source_paused{source=\"orders\",by=\"failures\"} 1",
        "busta_source_paused{source=\"orders\",by=\"person\"} 0",
        "busta_cost_total{source=\"orders\"} 1",
        "busta_budget_requests{source=\"orders\",cap=\"run\"} 3",
        "busta_budget_requests_limit{source=\"orders\",cap=\"run\"} 40",
        "busta_budget_requests{source=\"orders\",cap=\"day\"} 120",
        "busta_workers{action=\"fetching\"} 2",
        "busta_pool_waiting{pool=\"api\"} 9",
        "busta_host_concurrency_limit{host=\"x.example:443\"} 8",
        "busta_host_requests_total{host=\"x.example:443\"} 20",
        "busta_http_server_requests_total{route=\"/api/v1/runs/{id}\",method=\"GET\",status=\"404\"} 1",
        "busta_http_server_request_duration_seconds_bucket{route=\"(pages)\",le=\"+Inf\"} 0",
        "process_cpu_seconds_total 1.5",
    ] {
        assert!(text.lines().any(|given| given == line), "{line} is not in\n{text}");
    }
}

#[test]
fn what_is_not_known_is_not_given() {
    let mut input = full();
    input.process = ProcessMetrics::default();
    input.sources[0].schedule = Some(ScheduleMetrics { next_at: None, paused: true });
    let text = render(&input);
    assert!(!text.contains("process_open_fds") && text.contains("process_start_time_seconds 100\n"));
    assert!(!text.contains("next_run_timestamp_seconds{source=\"orders\"}"));
    assert!(text.contains("busta_schedule_paused{source=\"orders\"} 1\n"));
}

#[test]
fn labels_are_bounded_and_sums_stay_right() {
    let mut input = full();
    input.sources = (0..10_000).map(|n| source(&format!("s{n}"))).collect();
    let streams =
        (0..500).map(|n| (format!("t{n}").into(), StreamFigures { inserted: 1, ..Default::default() }));
    input.sources[0].figures.streams = streams.collect();
    input.sources[0].figures.statuses = [(Some(999), 4), (Some(777), 1)].into();
    input.hosts = (0..1000).map(|n| host(&format!("h{n}"), &format!("h{n}"))).collect();
    let text = render(&input);
    assert!(text.lines().count() < 30_000, "{}", text.lines().count());
    let sum = |start: &str| {
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum::<f64>()
    };
    assert_eq!(sum("busta_read_bytes_total{"), 10_000.0 * 400.0);
    assert_eq!(sum("busta_request_duration_seconds_count{"), 30_000.0);
    assert_eq!(sum("busta_records_total{"), 9_999.0 * 10.0 + 500.0);
    assert_eq!(sum("busta_requests_total{source=\"s0\",code=\"(others)\"}"), 5.0);
    assert_eq!(text.matches("busta_host_paused{").count(), 50);
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of metrics in `text`.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .filter(|word| word.starts_with("busta_") || word.starts_with("process_"))
        .collect()
}

/// Whether a metric of that name is given.
fn is_given(name: &str) -> bool {
    ALL.iter().any(|family| {
        let parts: &[&str] =
            if family.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        name.strip_prefix(family.name).is_some_and(|rest| parts.contains(&rest))
    })
}

#[test]
fn dashboard_and_alerts_use_what_is_given() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("deploy/grafana/busta.json")).unwrap();
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    assert!(expressions.len() > 40, "{expressions:?}");
    let alerts = read("deploy/prometheus/alerts.yaml");
    // What descriptions say to a reader stands in backticks, too, and has to be right as well.
    let alerts = alerts.replace("busta_read_token", "");
    let texts = expressions.iter().map(String::as_str).chain([alerts.as_str()]);
    let used: BTreeSet<&str> = texts.flat_map(names).collect();
    let unknown: Vec<_> = used.iter().filter(|name| !is_given(name)).collect();
    assert!(unknown.is_empty(), "no such metrics: {unknown:?}");
    let unused: Vec<_> = ALL
        .iter()
        .filter(|family| !used.iter().any(|name| name.starts_with(family.name)))
        .map(|family| family.name)
        .collect();
    assert!(unused.is_empty(), "nobody looks at {unused:?}");
}

/// All expressions of a dashboard.
fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("expr" | "definition", serde_json::Value::String(text)) => into.push(text.clone()),
                    _ => collect(value, into),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

#[test]
fn the_guide_has_every_metric() {
    let kept = read("docs/guide-metrics.md");
    let mut table = String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for family in ALL {
        let labels = family.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let kind = family.kind.as_str();
        table.push_str(&format!("| `{}` | {kind} | {labels} | {} |\n", family.name, family.help));
    }
    assert!(kept.contains(&table), "the table in docs/guide-metrics.md should be\n{table}");
}

/// Runs promtool and gives what it says, if it is not content.
fn promtool(arguments: &[&str], input: &str) -> Option<Result<(), String>> {
    let folder = busta_testkit::judges::prometheus()?;
    let mut promtool = Command::new(folder.join("bin/promtool"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some(if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) })
}

#[test]
fn promtool_is_content_with_the_metrics() {
    let Some(judged) = promtool(&["check", "metrics"], &render(&full())) else { return };
    judged.unwrap();
    let wrong = promtool(&["check", "metrics"], "# TYPE busta_x_total gauge\nbusta_x_total 1\n").unwrap();
    assert!(wrong.is_err(), "it looks at nothing");
}

#[test]
fn promtool_is_content_with_rules_and_configuration() {
    let rules = project("deploy/prometheus/alerts.yaml");
    let Some(judged) = promtool(&["check", "rules", rules.to_str().unwrap()], "") else { return };
    judged.unwrap();
    let config = project("deploy/prometheus/prometheus.yaml");
    // The token's file is on another machine.
    promtool(&["check", "config", "--syntax-only", config.to_str().unwrap()], "").unwrap().unwrap();
}
