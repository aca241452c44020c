//! A server without tokens: this machine may do everything, pages of others nothing.

use crate::support::Server;

#[tokio::test]
async fn other_names_are_refused() {
    let server = Server::open().await;
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example"] {
        server.send("GET", "/api/v1/overview", &[("Host", host)], "").await.problem(403);
        server.send("GET", "/", &[("Host", host)], "").await.problem(403);
    }
    for host in ["localhost", "localhost:99", "[::1]:8080"] {
        let answer = server.send("GET", "/api/v1/overview", &[("Host", host)], "").await;
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[tokio::test]
async fn other_pages_are_refused() {
    let server = Server::open().await;
    let foreign = [
        ("Origin", "http://evil.example".to_owned()),
        ("Origin", "null".to_owned()),
        ("Origin", "http://127.0.0.1:1".to_owned()),
        ("Sec-Fetch-Site", "cross-site".to_owned()),
    ];
    for (name, value) in &foreign {
        let answer = server.send("POST", "/api/v1/admin/collect", &[(name, value)], "").await;
        answer.problem(403);
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let own = format!("http://{}", server.address);
    let headers = [("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(server.send("POST", "/api/v1/admin/collect", &headers, "").await.status, 202);
    let preflight = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")];
    let answer = server.send("OPTIONS", "/api/v1/admin/collect", &preflight, "").await;
    assert!(answer.status >= 400 && answer.header("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let server = Server::open().await;
    for path in ["/", "/health", "/api/v1/overview", "/api/v1/nothing", "/api/v1/docs", "/metrics"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe-eval"), "{path}");
        assert!(!policy.contains("script-src 'unsafe"), "no script stands in a page: {path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("permissions-policy").is_some() && answer.header("cache-control").is_some());
    }
}
