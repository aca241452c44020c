//! Every error is a problem document.

use std::time::Duration;

use busta_server::RingLimits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Server, request};

#[tokio::test]
async fn errors_of_the_service() {
    let server = Server::open().await;
    for (name, status) in [("missing", 404), ("busy", 409), ("locked", 503), ("limited", 429), ("wrong", 400)]
    {
        let answer = server.get(&format!("/api/v1/sources/{name}")).await;
        let problem = answer.problem(status);
        assert!(problem["detail"].is_string(), "{problem}");
        assert_eq!(problem["instance"], format!("/api/v1/sources/{name}"));
    }
    assert_eq!(server.get("/api/v1/runs/missing").await.problem(404)["hint"], "there are news and orders");
    assert_eq!(server.get("/api/v1/runs/limited").await.header("retry-after"), Some("7"));
    assert_eq!(server.get("/api/v1/runs/locked").await.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn mistakes_are_not_explained_to_clients() {
    let server = Server::open().await;
    for name in ["secret", "panic"] {
        let answer = server.get(&format!("/api/v1/datasets/{name}")).await;
        answer.problem(500);
        assert!(!answer.text().contains("/var/lib"), "{}", answer.text());
    }
    assert_eq!(server.get("/health").await.status, 200, "it goes on");
}

#[tokio::test]
async fn a_service_that_does_not_answer() {
    let short = |settings: &mut busta_server::ServerSettings| {
        settings.limits.answer_timeout = Duration::from_millis(50);
    };
    let server = Server::with(short, false, RingLimits::default());
    assert!(server.get("/api/v1/runs/hangs").await.header("retry-after").is_some());
    server.get("/api/v1/runs/hangs").await.problem(503);
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let server = Server::open().await;
    for path in ["/api/v1/nothing", "/api/v2/overview", "/api/", "/assets/missing.js"] {
        server.get(path).await.problem(404);
    }
    for (method, path) in
        [("DELETE", "/api/v1/runs"), ("PUT", "/health"), ("POST", "/"), ("TRACE", "/metrics")]
    {
        let answer = server.send(method, path, &[], "").await;
        answer.problem(405);
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{}", answer.head);
    }
    assert_eq!(server.get("/api/v1/admin/collect").await.header("allow"), Some("POST"));
    let head = server.send("HEAD", "/api/v1/nothing", &[], "").await;
    assert_eq!((head.status, head.body.len()), (404, 0));
}

#[tokio::test]
async fn queries_that_are_wrong() {
    let server = Server::open().await;
    let wrong = [
        ("/api/v1/runs?limit=0", "limit"),
        ("/api/v1/runs?limit=1001", "limit"),
        ("/api/v1/runs?limit=ten", "limit"),
        ("/api/v1/runs?limit=-1", "limit"),
        ("/api/v1/runs?limit=1&limit=2", "limit"),
        ("/api/v1/runs?state=unknown", "state"),
        ("/api/v1/failures/groups?by=colour", "by"),
        ("/api/v1/failures?limit=0", "limit"),
        ("/api/v1/activity?limit=0", "limit"),
        ("/api/v1/sources?limit=0", "limit"),
        ("/api/v1/datasets?limit=1001", "limit"),
        ("/api/v1/activity?action=downloading", "action"),
        ("/api/v1/activity/stream?action=found,downloading", "action"),
        ("/api/v1/activity/stream?worker=one", "worker"),
        ("/api/v1/activity/stream?last_event_id=x", "last_event_id"),
        ("/api/v1/datasets/entries/records?limit=0", "limit"),
        ("/api/v1/datasets/entries/export?format=xls", "format"),
        ("/api/v1/runs?colour=blue", "colour"),
    ];
    for (path, parameter) in wrong {
        let problem = server.get(path).await.problem(400);
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{path}: {problem}");
    }
    let unknown = server.get("/api/v1/activity/stream?action=downloading").await.problem(400);
    assert!(
        unknown["detail"].as_str().unwrap().contains("rate_limited"),
        "it names those there are: {unknown}"
    );
    let id = server.send("GET", "/api/v1/activity/stream", &[("Last-Event-ID", "x")], "").await;
    assert_eq!(id.problem(400)["errors"][0]["parameter"], "Last-Event-ID");
}

#[tokio::test]
async fn bodies_that_are_wrong() {
    let server = Server::open().await;
    let wrong = [
        ("{", "."),
        ("[]", "."),
        ("nonsense", "."),
        ("{} {}", "."),
        ("{\"limit\": 0}", "limit"),
        ("{\"limit\": \"many\"}", "limit"),
        ("{\"limit\": 1.5}", "limit"),
        ("{\"limit\": -1}", "limit"),
        ("{\"limit\": 9223372036854775808}", "limit"),
        ("{\"sources\": [1]}", "sources[0]"),
        ("{\"colour\": 1}", "colour"),
    ];
    for (body, field) in wrong {
        let problem = server.post("/api/v1/admin/collect", body).await.problem(400);
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    let deep = "[".repeat(30_000);
    server.post("/api/v1/admin/collect", &deep).await.problem(400);
    server.post("/api/v1/sources/news/collect", "{\"sources\": [\"orders\"]}").await.problem(400);
    let untyped = server.send("POST", "/api/v1/admin/collect", &[("Content-Type", "text/plain")], "{}").await;
    untyped.problem(415);
    server.send("POST", "/api/v1/admin/collect", &[], "{}").await.problem(415);
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let server = Server::open().await;
    let large = format!("{{\"sources\": [\"{}\"]}}", "x".repeat(70_000));
    server.post("/api/v1/admin/collect", &large).await.problem(413);
    let announced = [("Content-Type", "application/json"), ("Content-Length", "99999999999")];
    server.send("POST", "/api/v1/admin/collect", &announced, "{").await.problem(413);
    let chunks = format!("11170\r\n{}\r\n0\r\n\r\n", "x".repeat(0x11170));
    let chunked = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
    server.send("POST", "/api/v1/runs/R1/retry", &chunked, &chunks).await.problem(413);
}

#[tokio::test]
async fn names_that_are_none() {
    let server = Server::open().await;
    let names = ["..%2f..%2fetc%2fpasswd", "..", "%2e%2e%2fetc", "a%2fb", "a%5cb", "a%00b", "%0a", "..%5c"];
    for name in names {
        for path in [format!("/api/v1/datasets/{name}"), format!("/api/v1/datasets/{name}/export?format=csv")]
        {
            let answer = server.get(&path).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            answer.problem(404);
        }
    }
    server.get(&format!("/api/v1/datasets/{}", "x".repeat(300))).await.problem(404);
    server.get("/api/v1/datasets/%ff").await.problem(400);
    // Names of other languages are names.
    assert_eq!(server.get("/api/v1/datasets/%C3%A4rzte").await.json()["name"], "ärzte");
}

#[tokio::test]
async fn a_body_that_does_not_come() {
    let short = |settings: &mut busta_server::ServerSettings| {
        settings.limits.read_timeout = Duration::from_millis(100);
    };
    let server = Server::with(short, false, RingLimits::default());
    let headers = [("Content-Type", "application/json"), ("Content-Length", "100")];
    server.send("POST", "/api/v1/admin/collect", &headers, "{").await.problem(408);
}

#[tokio::test]
async fn a_head_that_does_not_come() {
    let short = |settings: &mut busta_server::ServerSettings| {
        settings.limits.read_timeout = Duration::from_millis(100);
    };
    let server = Server::with(short, false, RingLimits::default());
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /health HTTP/1.1\r\nHost: local").await.unwrap();
    let mut bytes = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut slow, &mut bytes);
    tokio::time::timeout(Duration::from_secs(5), closed).await.expect("it is closed").unwrap();
}

#[tokio::test]
async fn what_is_no_http() {
    let server = Server::open().await;
    let answer = request(server.address, "GET  HTTP\r\n\r\n").await;
    assert_eq!(answer.status, 400);
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert_eq!(request(server.address, &huge).await.status, 431);
}
