//! The judge counts exactly under concurrency, and limits are held.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use std::time::{Duration, Instant, SystemTime};

use busta_sandbox::{Sandbox, SandboxConfig, Stats};
use common::{client, start};
use reqwest::{Client, Response};

/// Sends `count` requests at once, and waits for all of them.
async fn at_once(client: &Client, url: &str, count: usize) -> Vec<Response> {
    let requests: Vec<_> = (0..count).map(|_| tokio::spawn(client.get(url).send())).collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap().unwrap());
    }
    answers
}

fn count(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status() == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn most_in_flight_is_what_the_client_had_in_flight() {
    let sandbox = start(SandboxConfig { groups: vec!["/as/shop".into()], ..Default::default() }).await;
    let url = format!("{}/as/shop/with/latency=100ms/rest/page/orders", sandbox.url());
    let client = client();
    at_once(&client, &url, 7).await;
    at_once(&client, &url, 3).await;
    let stats = sandbox.stats();
    for tally in [
        stats.total.clone(),
        stats.route("/as/shop/with/latency=100ms/rest/page/orders"),
        stats.group("shop"),
        stats.group("/rest"),
        stats.group("/as/shop"),
    ] {
        assert_eq!((tally.requests, tally.max_in_flight, tally.in_flight), (10, 7, 0));
        assert!((3.0..=7.0).contains(&tally.mean_in_flight), "{}", tally.mean_in_flight);
        assert!(tally.span() >= Duration::from_millis(200));
    }
    assert_eq!(stats.group("other").requests, 0);
}

/// Workers that each start a request as soon as their last one is read must never be counted as more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_a_limit_is_never_counted_over_it() {
    let sandbox = start(SandboxConfig::default()).await;
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let url = format!("{}/rest/page/orders?per_page=200&worker={worker}", sandbox.url());
            tokio::spawn(async move {
                let client = client();
                for _ in 0..100 {
                    client.get(&url).send().await.unwrap().bytes().await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let total = sandbox.stats().total;
    assert_eq!(total.requests, 400);
    // How many meet depends on the machine; that more are never counted does not.
    assert!((1..=4).contains(&total.max_in_flight), "{}", total.max_in_flight);
    assert_eq!(total.abandoned, 0);
}

#[tokio::test]
async fn a_rate_limit_answers_429_and_says_when_to_come_back() {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}/with/rate=3:2s/rest/page/orders", sandbox.url());
    let client = client();
    let mut remaining = Vec::new();
    for _ in 0..3 {
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-ratelimit-limit"]),
            (200, &"3".parse().unwrap())
        );
        remaining.push(answer.headers()["x-ratelimit-remaining"].to_str().unwrap().to_owned());
    }
    assert_eq!(remaining, ["2", "1", "0"]);
    let refused = client.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let header = |name: &str| refused.headers()[name].to_str().unwrap().to_owned();
    let wait: u64 = header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!((now..=now + 3).contains(&header("x-ratelimit-reset").parse().unwrap()));
    assert!(header("ratelimit").starts_with("\"default\";r=0;t="));
    assert_eq!(header("ratelimit-policy"), "\"default\";q=3;w=2");
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "after the wait it is let in");
    let tally = sandbox.stats().total;
    assert_eq!((tally.rate_limited, tally.statuses[&200]), (1, 4));
}

#[tokio::test]
async fn a_date_to_come_back_at_lies_behind_the_window() {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}/with/rate=1:5s,retry_after=date/opml", sandbox.url());
    let begun = SystemTime::now();
    client().get(&url).send().await.unwrap();
    let refused = client().get(&url).send().await.unwrap();
    let at = httpdate::parse_http_date(refused.headers()["retry-after"].to_str().unwrap()).unwrap();
    let wait = at.duration_since(begun).unwrap();
    assert!(wait >= Duration::from_secs(5) && wait <= Duration::from_secs(7), "{wait:?}");
}

#[tokio::test]
async fn those_over_the_cap_on_concurrency_are_refused() {
    let sandbox = start(SandboxConfig::default()).await;
    let url =
        |over: &str| format!("{}/with/latency=200ms,concurrency=2{over}/rest/page/orders", sandbox.url());
    let client = client();
    let answers = at_once(&client, &url(""), 5).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (2, 3));
    let answers = at_once(&client, &url(",over=503"), 5).await;
    assert_eq!((count(&answers, 200), count(&answers, 503)), (2, 3));
}

#[tokio::test]
async fn prefixes_keep_limits_apart() {
    let sandbox = start(SandboxConfig::default()).await;
    let get = async |name: &str, path: &str| {
        let url = format!("{}/as/{name}/with/rate=1:60s{path}", sandbox.url());
        client().get(url).send().await.unwrap().status().as_u16()
    };
    assert_eq!(get("a", "/rest/page/x").await, 200);
    assert_eq!(get("b", "/rest/page/x").await, 200);
    assert_eq!(get("a", "/rest/cursor/y").await, 429, "the limit is the prefix's, whatever the route");
    sandbox.reset();
    assert_eq!(get("a", "/rest/page/x").await, 200);
}

#[tokio::test]
async fn hosts_are_counted_apart_and_share_the_rest() {
    let sandbox = start(SandboxConfig { hosts: 3, ..Default::default() }).await;
    let urls = sandbox.urls();
    assert_eq!((urls.len(), &urls[0]), (3, &sandbox.url()));
    for (n, url) in urls.iter().enumerate() {
        at_once(&client(), &format!("{url}/opml"), n + 1).await;
    }
    let stats = sandbox.stats();
    let requests = |url: &String| stats.group(url.strip_prefix("http://").unwrap()).requests;
    assert_eq!(urls.iter().map(requests).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(stats.total.requests, 6);
}

#[tokio::test]
async fn latency_jitter_and_capacity_add_up() {
    let sandbox = start(SandboxConfig::default()).await;
    let client = client();
    let took = async |profile: &str, requests: usize| {
        let begun = Instant::now();
        at_once(&client, &format!("{}/with/{profile}/opml", sandbox.url()), requests).await;
        begun.elapsed()
    };
    assert!(took("latency=50ms", 1).await >= Duration::from_millis(50));
    assert!(took("latency=50ms,capacity=1", 4).await >= Duration::from_millis(200));
}

#[tokio::test]
async fn the_control_page_and_its_json_show_what_the_api_shows() {
    let sandbox = start(SandboxConfig::default()).await;
    let get = async |path: &str| client().get(format!("{}{path}", sandbox.url())).send().await.unwrap();
    get("/rest/page/orders").await;
    let stats: Stats = get("/_sandbox/stats").await.json().await.unwrap();
    assert_eq!(stats.total.requests, 1);
    assert_eq!(stats.routes, sandbox.stats().routes);
    assert!(stats.total.first_request_unix_us.unwrap() > 1_600_000_000_000_000);
    let page = get("/_sandbox").await.text().await.unwrap();
    assert!(page.contains("<td>/rest/page/orders</td><td>1</td>"), "{page}");
    let reset = client().post(format!("{}/_sandbox/reset", sandbox.url())).send().await.unwrap();
    assert_eq!(reset.status(), 200);
    assert_eq!(sandbox.stats().total.requests, 0);
    assert_eq!(get("/_sandbox/reset").await.status(), 405);
    assert_eq!(get("/_sandbox/nonsense").await.status(), 404);
}

#[tokio::test]
async fn a_stopped_sandbox_frees_its_port() {
    let sandbox = start(SandboxConfig::default()).await;
    let (port, url) = (sandbox.address().port(), sandbox.url());
    let hanging = tokio::spawn(client().get(format!("{url}/with/fail=hang/opml")).send());
    while sandbox.stats().total.in_flight == 0 {
        tokio::task::yield_now().await;
    }
    sandbox.shutdown().await;
    assert!(hanging.await.unwrap().is_err());
    assert!(client().get(url).send().await.is_err());
    let again = Sandbox::start(SandboxConfig { port, ..Default::default() }).await.unwrap();
    let taken = Sandbox::start(SandboxConfig { port, ..Default::default() }).await.err().unwrap();
    assert!(taken.to_string().contains(&format!("127.0.0.1:{port}")), "{taken}");
    drop(again);
}
