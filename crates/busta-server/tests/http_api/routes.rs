//! Every route.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn everything_that_can_be_read() {
    let server = Server::open().await;
    let paths = [
        "/health",
        "/api/v1/overview",
        "/api/v1/sources",
        "/api/v1/sources?limit=1&cursor=news",
        "/api/v1/sources/news",
        "/api/v1/runs",
        "/api/v1/runs?state=running&source=news&limit=10&cursor=x",
        "/api/v1/runs/R1",
        "/api/v1/failures",
        "/api/v1/failures?run=R1&source=news&kind=data&limit=1",
        "/api/v1/failures/groups",
        "/api/v1/failures/groups?by=source",
        "/api/v1/activity",
        "/api/v1/activity?run=a,b&worker=1,2&action=found,error&limit=1000",
        "/api/v1/datasets",
        "/api/v1/datasets?limit=1000&cursor=x",
        "/api/v1/datasets/entries",
        "/api/v1/datasets/entries/records?filter=price%3E%3D10&order=-id&limit=5",
        "/api/v1/resources",
        "/api/v1/openapi.json",
    ];
    for path in paths {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        answer.json();
        let head = server.send("HEAD", path, &[], "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "HEAD {path}");
    }
}

#[tokio::test]
async fn probes_and_metrics() {
    let server = Server::open().await;
    assert_eq!(server.get("/health").await.json()["status"], "ok");
    let ready = server.get("/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json(), json!({"ready": false, "missing": ["the store is locked"]}));
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.text().ends_with("busta_runs_total 1\n"));
}

#[tokio::test]
async fn requests_are_counted_by_their_routes() {
    let server = Server::closed().await;
    let bearer = format!("Bearer {}", server.read.text.expose());
    for name in ["news", "orders", "missing"] {
        server.send("GET", &format!("/api/v1/sources/{name}"), &[("Authorization", &bearer)], "").await;
    }
    server.send("BREW", "/api/v1/sources/news", &[("Authorization", &bearer)], "").await;
    server.get("/api/v1/sources/news").await.problem(401);
    server.get("/no/such/page").await;
    server.stream("/api/v1/activity/stream", &[("Authorization", &bearer)]).await.until("welcome").await;
    let routes = server.traffic.routes();
    let of_source = &routes["/api/v1/sources/{name}"].requests;
    let counted = |method, status| of_source.get(&(method, status)).copied();
    assert_eq!((counted("GET", 200), counted("GET", 404), counted("GET", 401)), (Some(2), Some(1), Some(1)));
    assert_eq!(of_source.values().sum::<u64>(), 5, "{of_source:?}");
    assert_eq!(routes["/api/v1/activity/stream"].requests, [(("GET", 200), 1)].into());
    assert_eq!(routes.len(), 3, "paths are no routes: {routes:?}");
    assert!(routes.contains_key("(pages)"));
    let last = routes["(pages)"].cumulative().last();
    assert_eq!(last, Some((f64::INFINITY, 1)));
}

#[tokio::test]
async fn what_is_started_says_where_it_is() {
    let server = Server::open().await;
    let posts = [
        ("/api/v1/admin/collect", ""),
        ("/api/v1/admin/collect", "{\"sources\": [\"news\"], \"full_refresh\": true, \"limit\": 3}"),
        ("/api/v1/admin/collect", "{\"limit\": 3.0, \"full_refresh\": false}"),
        ("/api/v1/sources/news/collect", ""),
        ("/api/v1/sources/news/collect", "{\"full_refresh\": true, \"limit\": 1}"),
        ("/api/v1/runs/R1/retry", ""),
        ("/api/v1/runs/R1/retry", "{}"),
    ];
    for (path, body) in posts {
        let answer = server.post(path, body).await;
        assert_eq!(answer.status, 202, "{path} {body}: {}", answer.text());
        assert_eq!(answer.header("location"), Some("/api/v1/runs/R2"), "{path}");
        assert_eq!(answer.json()["run_id"], "R2");
    }
    assert_eq!(server.post("/api/v1/sources/news/collect", "").await.json()["sources"], json!(["news"]));
}

#[tokio::test]
async fn what_is_changed_is_shown() {
    let server = Server::open().await;
    for path in ["/api/v1/sources/news/pause", "/api/v1/sources/news/resume", "/api/v1/runs/R1/cancel"] {
        let answer = server.post(path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn who_has_an_answer_is_told_that_it_holds() {
    let server = Server::open().await;
    for path in ["/api/v1/sources", "/api/v1/runs/R1", "/api/v1/openapi.json", "/"] {
        let first = server.get(path).await;
        let tag = first.header("etag").unwrap();
        let again = server.send("GET", path, &[("If-None-Match", tag)], "").await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(tag));
    }
}

/// The answer is kept for a moment, but not for who asks for another part.
#[tokio::test]
async fn lists_come_in_parts() {
    let server = Server::open().await;
    let first = server.get("/api/v1/sources?limit=1").await.json();
    assert_eq!((&first["items"][0]["name"], &first["next"]), (&json!("news"), &json!("news")));
    let second = server.get("/api/v1/sources?limit=1&cursor=news").await.json();
    assert_eq!((&second["items"][0]["name"], second.get("next")), (&json!("orders"), None));
    assert_eq!(server.get("/api/v1/sources").await.json()["items"].as_array().unwrap().len(), 2);
    let usual = server.get("/api/v1/runs").await.json();
    assert_eq!(usual["next"], "50", "the limit that is usual");
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_wants_it() {
    let server = Server::open().await;
    let plain = server.get("/api/v1/overview").await;
    let packed = server.send("GET", "/api/v1/overview", &[("Accept-Encoding", "gzip")], "").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 3 < plain.body.len(), "{} of {}", packed.body.len(), plain.body.len());
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
}
