//! A real Prometheus scrapes a `busta serve` while it collects.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use busta_testkit::judges;
use reqwest::{Client, Method};
use serde_json::Value;
use support::origin::Origin;
use support::server::Server;
use support::world::twenty_sources;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// A Prometheus with a folder and a port of its own.
struct Prometheus {
    child: Child,
    url: String,
    client: Client,
    runtime: Runtime,
    _folder: TempDir,
}

impl Prometheus {
    fn start(installed: &Path, target: &str, token: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("prometheus.yaml");
        let text = format!(
            "global: {{ scrape_interval: 200ms }}
scrape_configs:
  - job_name: busta
    static_configs: [{{ targets: ['{target}'] }}]
    authorization: {{ credentials: {token} }}
"
        );
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new(installed.join("bin/prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It tells the port that it was given in its log.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| {
            let said = line.contains("Listening on").then(|| line.split("address=").nth(1))??;
            Some(said.split_whitespace().next()?.to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{}", address.expect("it listens"));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let prometheus = Self {
            child,
            url,
            client: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            runtime,
            _folder: folder,
        };
        prometheus.wait_until_ready();
        prometheus
    }

    /// It listens before its storage is open, and refuses queries until then.
    fn wait_until_ready(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        let ready = async || self.client.get(format!("{}/-/ready", self.url)).send().await.unwrap().status();
        while !self.runtime.block_on(ready()).is_success() {
            assert!(Instant::now() < until, "Prometheus does not get ready");
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
        }
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let request = self.client.get(format!("{}{path}", self.url)).query(query);
        let text = self.runtime.block_on(async { request.send().await?.text().await }).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    }

    /// Waits until a query gives something, and gives the first value.
    fn until(&self, query: &str) -> f64 {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = self.get("/api/v1/query", &[("query", query)]);
            if let Some(value) = answer["data"]["result"][0]["value"][1].as_str() {
                return value.parse().unwrap();
            }
            assert!(Instant::now() < until, "{query}: {answer:#}\n{:#}", self.get("/api/v1/targets", &[]));
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What promtool says of a text of metrics.
fn assert_fine(installed: &Path, metrics: &str) {
    let mut promtool = Command::new(installed.join("bin/promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let ended = promtool.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}\n{metrics}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn prometheus_follows_a_run() {
    let Some(installed) = judges::prometheus() else { return };
    let origin = Origin::default();
    let desk = twenty_sources(&origin.url(), "{ type: sqlite, path: out.db }");
    let (operator, reader) = (desk.new_token("operate"), desk.new_token("read"));
    let server = Server::start(&desk).with_token(&operator);
    let target = server.url.strip_prefix("http://").unwrap();
    let prometheus = Prometheus::start(&installed, target, &reader);
    // It knows how things stood before, so that it sees the run as growth.
    assert_eq!(prometheus.until("up{job=\"busta\"} == 1"), 1.0);
    let run = server.collect();
    prometheus.until("busta_records_total > 0");
    assert_fine(&installed, &server.send(Method::GET, "/metrics", None).1);

    let done = server.until_run(&run, "completed");
    let records = &done["totals"]["records"];
    let seen = prometheus.until(&format!("sum(busta_records_total) == {records}"));
    assert_eq!(Some(seen), records.as_f64());
    assert!(
        prometheus
            .until("sum(busta_http_server_requests_total{route=\"/api/v1/runs/{id}\", method=\"GET\"})")
            > 0.0
    );
    // All that is given is taken: no sample is refused, none comes twice.
    let metrics = server.send(Method::GET, "/metrics", None).1;
    assert_fine(&installed, &metrics);
    for family in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = family.split_once(' ').unwrap();
        let series = if kind == "histogram" { format!("{name}_count") } else { name.to_owned() };
        if metrics.lines().any(|line| line.starts_with(&series)) {
            prometheus.until(&format!("{{__name__=\"{series}\"}}"));
        }
    }
    let targets = prometheus.get("/api/v1/targets", &[]);
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "", "{targets:#}");
}
