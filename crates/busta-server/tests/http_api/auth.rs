//! Who may ask for what.

use std::net::TcpListener;
use std::sync::Arc;

use busta_core::ErrorKind;
use busta_core::clock::SystemClock;
use busta_server::{Activity, RateLimit, RingLimits, ServerSettings, TokenSet, serve};

use crate::support::{Answer, Fake, Server};

async fn ask(server: &Server, method: &str, path: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    server.send(method, path, &[("Authorization", &bearer)], "").await
}

#[tokio::test]
async fn roles_hold_on_every_route() {
    let server = Server::closed().await;
    let (read, operate) = (server.read.text.expose(), server.operate.text.expose());
    let look = [
        "/metrics",
        "/api/v1/overview",
        "/api/v1/sources/news",
        "/api/v1/datasets/entries/export",
        "/trending",
    ];
    let act = ["/api/v1/admin/collect", "/api/v1/sources/news/pause", "/api/v1/runs/R1/cancel"];
    for path in look {
        let refused = server.get(path).await;
        refused.problem(401);
        assert!(refused.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")));
        ask(&server, "GET", path, "busta_wrong").await.problem(401);
        for token in [read, operate] {
            assert_eq!(ask(&server, "GET", path, token).await.status, 200, "{path}");
        }
    }
    for path in act {
        server.post(path, "").await.problem(401);
        ask(&server, "POST", path, "busta_wrong").await.problem(401);
        ask(&server, "POST", path, read).await.problem(403);
        let done = ask(&server, "POST", path, operate).await;
        assert!(done.status < 300, "{path}: {}", done.text());
    }
    server.get("/api/v1/nothing").await.problem(401);
}

#[tokio::test]
async fn some_things_are_open() {
    let server = Server::closed().await;
    for (path, status) in [("/health", 200), ("/ready", 503), ("/", 200), ("/runs/R1", 200)] {
        assert_eq!(server.get(path).await.status, status, "{path}");
    }
    for path in ["/api/v1/docs", "/api/v1/openapi.json"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn other_ways_to_say_it_are_refused() {
    let server = Server::closed().await;
    let read = server.read.text.expose().to_owned();
    for value in [read.clone(), format!("Basic {read}"), "Bearer".to_owned(), "Bearer ".to_owned()] {
        let answer = server.send("GET", "/api/v1/overview", &[("Authorization", &value)], "").await;
        answer.problem(401);
    }
    let answer =
        server.send("GET", "/api/v1/overview", &[("Authorization", &format!("bearer {read}"))], "").await;
    assert_eq!(answer.status, 200, "the scheme's case does not matter");
}

#[tokio::test]
async fn a_token_in_the_address_is_refused_wherever_it_leads() {
    let server = Server::closed().await;
    let read = server.read.text.expose().to_owned();
    for name in ["token", "access_token", "TOKEN"] {
        for path in ["/api/v1/activity/stream", "/api/v1/overview", "/health", "/"] {
            let answer = server.get(&format!("{path}?{name}={read}")).await;
            let problem = answer.problem(400);
            assert!(problem["hint"].as_str().unwrap().contains("Authorization"), "{problem}");
            assert!(!answer.text().contains(&read), "it is not repeated");
        }
    }
}

#[tokio::test]
async fn a_ticket_opens_the_stream_once() {
    let server = Server::closed().await;
    let read = server.read.text.expose();
    server.post("/api/v1/activity/ticket", "").await.problem(401);
    let ticket = ask(&server, "POST", "/api/v1/activity/ticket", read).await.json();
    assert_eq!(ticket["expires_s"], 60);
    let ticket = ticket["ticket"].as_str().unwrap();
    server.get(&format!("/api/v1/overview?ticket={ticket}")).await.problem(401);
    let path = format!("/api/v1/activity/stream?ticket={ticket}");
    server.stream(&path, &[]).await.until("welcome").await;
    server.get(&path).await.problem(401);
    server.get("/api/v1/activity/stream?ticket=made-up").await.problem(401);
    server.get("/api/v1/activity/stream").await.problem(401);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_locks_nobody_out() {
    let few = |settings: &mut ServerSettings| {
        settings.limits.failed_logins = RateLimit { per_second: 0.001, burst: 3.0 };
    };
    let server = Server::with(few, true, RingLimits::default());
    for _ in 0..3 {
        ask(&server, "GET", "/api/v1/overview", "busta_wrong").await.problem(401);
    }
    let answer = ask(&server, "GET", "/api/v1/overview", "busta_wrong").await;
    answer.problem(429);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(ask(&server, "GET", "/api/v1/overview", server.read.text.expose()).await.status, 200);
}

#[tokio::test]
async fn without_a_token_only_this_machine_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let activity = Arc::new(Activity::new(Arc::new(SystemClock), 0, RingLimits::default()));
    let settings = ServerSettings::new(Arc::new(Arc::new(TokenSet::default())));
    let error = serve(listener, Arc::new(Fake), activity, settings, async {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.hint_text().unwrap().contains("busta token new"));
}
