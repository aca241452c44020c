//! The dashboard in a real browser (`ui/e2e`), over a real `busta serve` that really collects.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use busta_sandbox::{CLIENT_ID, CLIENT_SECRET};
use busta_testkit::judges;
use support::Desk;
use support::origin::Origin;
use support::server::Server;

/// Two weeks of posts that end now, so that each day has some, and terms have a past.
const FORUM: &str = "subreddits=rust+cooking+science,posts=100,new=4,step=12h,start=now";

/// Sellers enough for several pages.
const MARKET: &str = "products=6,listings=10,sellers=60";

/// What the pages have to show: sources of all types that take some seconds, one with records that cannot be
/// read, one that fails as a whole, one with a schedule, one whose tables have a view, one with phases, a budget
/// and a table whose changes are logged.
fn desk(origin: &Origin) -> Desk {
    let url = origin.url();
    let desk = Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
concurrency: 4
retry: {{ initial_backoff: 100ms, max_backoff: 200ms, max_retries: 2 }}
sources:
  - name: orders
    type: api
    base_url: {url}/as/orders/with/latency=120ms,jitter=60ms
    schedule: {{ every: 1d, initial_delay: 1d }}
    streams:
      - name: orders
        path: /rest/next_url/orders?size=240&per_page=20
        records: $.items
        primary_key: id
        pagination: {{ type: next_url, path: $.next }}
      - name: order_lines
        path: /rest/none/orders/{{orders.id}}/lines
        records: $
        primary_key: [order_id, line]
  - name: parcels
    type: api
    base_url: {url}/as/parcels/with/latency=150ms,jitter=50ms,fail=500:every:9
    streams:
      - name: parcels
        path: /rest/page/parcels?size=400
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 20, total_path: $.total }}
  - name: search
    type: stac
    url: {url}/as/search/with/latency=100ms/stac/600
    limit: 50
    table: scenes
  - name: news
    type: rss
    feeds: [{feeds}]
  - name: klines
    type: archive
    preset: binance
    base_url: {url}/archive/symbols=1,from=2024-01-01,to=2024-01-20,gone=2024-01-05+2024-01-06+2024-01-17
    market: spot
    data_type: klines
    symbols: BTCUSDT
    intervals: 1h
    from: 2024-01-01
    to: 2024-01-20
  - {{ name: drops, type: files, paths: [drops/*.ndjson], primary_key: id }}
  - name: partner-prices-with-a-rather-long-name
    type: api
    base_url: {url}/as/partner/with/latency=200ms,fail=503
    streams: [{{ name: prices, path: /rest/none/prices, records: $ }}]
  - name: forum
    type: reddit
    base_url: {url}/with/latency=40ms/reddit/{FORUM}
    subreddits: [rust, cooking, science]
    max_posts: 100
    comments: false
    auth: {{ client_id: {CLIENT_ID}, client_secret: {CLIENT_SECRET} }}
    user_agent: {{ app: org.example.busta, username: sandbox }}
    rate_limit: 1000/s
    transforms: [sentiment: {{ fields: [title, selftext, body], into: sentiment }}]
  - name: market
    type: amazon
    base_url: {url}/with/latency=60ms/amazon/{MARKET}
    preset: electronics
    max_products: 4
    auth: {{ api_key: sandbox-key }}
    budget: {{ cost_per_request: 0.0025, per_run: 5.00, requests_per_day: 50000 }}
    pause_after: 50
    then:
      - type: ebay
        of: products
        base_url: {url}/with/latency=60ms/ebay/{MARKET}
        include: {{ product_id: products.asin }}
        query: \"{{products.title}}\"
        auth: {{ client_id: {CLIENT_ID}, client_secret: {CLIENT_SECRET} }}
",
        feeds = feeds(&url),
    ));
    let lines: String = (0..200).fold(String::new(), |mut lines, id| {
        let _ = match id % 50 {
            49 => writeln!(lines, r#"{{"id": {id}, "name": "<script>half a th"#),
            _ => writeln!(lines, r#"{{"id": {id}, "name": "drop {id}", "price": {id}.5}}"#),
        };
        lines
    });
    desk.write("drops/first.ndjson", lines);
    desk
}

fn feeds(url: &str) -> String {
    let formats = ["rss2", "atom", "json", "rdf"];
    let feed = |n: usize| format!("{url}/as/news/with/latency=250ms/feeds/{}/feed{n}", formats[n % 4]);
    (0..24).map(feed).collect::<Vec<_>>().join(", ")
}

/// A copy of the browser tests beside what they import.
fn tests(folder: &Path, playwright: &Path) {
    let e2e = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/e2e");
    for entry in std::fs::read_dir(e2e).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    std::os::unix::fs::symlink(playwright.join("node_modules"), folder.join("node_modules")).unwrap();
}

/// What runs `ui/e2e`, if it can be had.
struct Browser {
    node: PathBuf,
    chromium: PathBuf,
    folder: tempfile::TempDir,
}

impl Browser {
    fn new() -> Option<Self> {
        let node = judges::node()?.join("bin/node");
        let (playwright, chromium) = (judges::playwright()?, judges::chromium()?);
        let folder = tempfile::TempDir::new().unwrap();
        tests(folder.path(), &playwright);
        Some(Self { node, chromium, folder })
    }

    /// Runs a file of tests; stops and starts the server when they ask for it (`ui/e2e/parent.mjs`). The
    /// screenshots stay below `target/tmp`.
    fn run(&self, file: &str, desk: &Desk, server: Server, env: &[(&str, &str)]) {
        let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
        let bind = server.url.strip_prefix("http://").unwrap().to_owned();
        let mut tests = Command::new(&self.node)
            .arg(self.folder.path().join(file))
            .env("BUSTA_URL", &server.url)
            .env("BUSTA_CHROMIUM", &self.chromium)
            .env("BUSTA_SHOTS", shots)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = tests.stdin.take().unwrap();
        let mut server = Some(server);
        for line in BufReader::new(tests.stdout.take().unwrap()).lines() {
            match line.unwrap().as_str() {
                "@busta stop" => {
                    let mut stopped = server.take().expect("it runs");
                    stopped.signal("-TERM");
                    assert_eq!(stopped.ended(), 0);
                    writeln!(answers, "@busta stopped").unwrap();
                }
                "@busta start" => {
                    server = Some(Server::start_at(desk, &bind));
                    writeln!(answers, "@busta started").unwrap();
                }
                line => println!("{line}"),
            }
        }
        assert!(tests.wait().unwrap().success(), "the browser has found something; see above");
    }
}

#[test]
fn people_see_what_happens() {
    let Some(browser) = Browser::new() else { return };
    let origin = Origin::default();
    let desk = desk(&origin);
    let server = Server::start(&desk);
    browser.run("all.mjs", &desk, server, &[]);
}

#[test]
fn people_sign_in() {
    let Some(browser) = Browser::new() else { return };
    let origin = Origin::default();
    let desk = desk(&origin);
    // Before the server starts: it looks for new ones only now and then.
    let (token, reader) = (desk.new_token("operate"), desk.new_token("read"));
    let server = Server::start(&desk).with_token(&token);
    let (_, accepted) = server.post("/api/v1/sources/drops/collect", serde_json::json!({}));
    server.until_run(accepted["run_id"].as_str().unwrap(), "completed");
    browser.run("secured.mjs", &desk, server, &[("BUSTA_TOKEN", &token), ("BUSTA_READ_TOKEN", &reader)]);
}
