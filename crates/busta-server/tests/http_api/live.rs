//! The activity stream.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use busta_core::event::Action;
use busta_server::{RingLimits, Role, ServerSettings, Token, TokenSet, Tokens};
use tokio::net::TcpSocket;

use crate::support::Server;

const STREAM: &str = "/api/v1/activity/stream";

#[tokio::test]
async fn events_come_as_they_happen() {
    let server = Server::open().await;
    server.publish(Action::Found, 1, "before");
    let mut stream = server.stream(STREAM, &[]).await;
    let head = stream.until("welcome").await;
    assert!(head.contains("content-type: text/event-stream") && head.contains("cache-control: no-store"));
    let id = server.publish(Action::Found, 1, "after");
    let text = stream.until("after").await;
    assert!(text.contains(&format!("id: {id}\ndata: {{\"id\":{id},")), "{text}");
    assert!(!text.contains("before"));
}

#[tokio::test]
async fn a_client_goes_on_where_it_was() {
    let server = Server::open().await;
    let ids = ["one", "two", "three"].map(|message| server.publish(Action::Found, 1, message));
    let header = ids[0].to_string();
    let text = server.stream(STREAM, &[("Last-Event-ID", &header)]).await.until("three").await;
    assert!(!text.contains("\"one\"") && text.contains("\"two\"") && !text.contains("gap"), "{text}");
    let text = server.stream(&format!("{STREAM}?last_event_id={}", ids[1]), &[]).await.until("three").await;
    assert!(!text.contains("\"two\""), "{text}");
}

#[tokio::test]
async fn what_is_gone_is_told() {
    let server = Server::with(|_| {}, false, RingLimits { events: 2, bytes: usize::MAX });
    let ids = ["one", "two", "three", "four"].map(|message| server.publish(Action::Found, 1, message));
    let header = ids[0].to_string();
    let text = server.stream(STREAM, &[("Last-Event-ID", &header)]).await.until("four").await;
    let gap = format!("event: gap\ndata: {{\"missed_from\":{},\"oldest\":{}}}\n\n", ids[0] + 1, ids[2]);
    assert!(text.contains(&gap) && text.contains("\"three\"") && !text.contains("\"two\""), "{text}");
}

#[tokio::test]
async fn filters() {
    let server = Server::open().await;
    let mut stream = server.stream(&format!("{STREAM}?worker=1,2&action=error&source=news"), &[]).await;
    stream.until("welcome").await;
    server.publish(Action::Found, 1, "another action");
    server.publish(Action::Error, 3, "another worker");
    server.publish(Action::Error, 2, "this one");
    let text = stream.until("this one").await;
    assert!(!text.contains("another"), "{text}");
}

#[tokio::test]
async fn a_quiet_stream_shows_that_it_lives() {
    let often = |settings: &mut ServerSettings| settings.limits.heartbeat = Duration::from_millis(20);
    let server = Server::with(often, false, RingLimits::default());
    let mut stream = server.stream(&format!("{STREAM}?action=error"), &[]).await;
    stream.until(": heartbeat\n\n").await;
    let id = server.publish(Action::Found, 1, "not wanted");
    let text = stream.until(&format!(": heartbeat\nid: {id}\n\n")).await;
    assert!(!text.contains("not wanted"), "{text}");
}

#[tokio::test]
async fn clients_are_limited_in_number() {
    let few = |settings: &mut ServerSettings| settings.limits.streams = 1;
    let server = Server::with(few, false, RingLimits::default());
    let mut first = server.stream(STREAM, &[]).await;
    first.until("welcome").await;
    let refused = server.get(STREAM).await;
    refused.problem(503);
    assert!(refused.header("retry-after").is_some());
}

/// A client that reads nothing is cut off, holds nobody back, and its seat is free again.
#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let impatient = |settings: &mut ServerSettings| {
        settings.limits.write_timeout = Duration::from_millis(200);
        settings.limits.streams = 1;
    };
    let server = Server::with(impatient, false, RingLimits { events: 1000, bytes: 64 << 20 });
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stuck = socket.connect(server.address).await.unwrap();
    let request = format!("GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stuck, request.as_bytes()).await.unwrap();
    stuck.readable().await.unwrap();
    server.get(STREAM).await.problem(503);
    // More than the buffers of the system hold.
    let large = "x".repeat(100_000);
    for _ in 0..200 {
        server.publish(Action::Found, 1, &large);
    }
    let mut next = loop {
        let answer = server.stream(STREAM, &[]).await.until("\r\n\r\n").await;
        if answer.starts_with("HTTP/1.1 200") {
            break server.activity.newest();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(next.borrow_and_update().to_owned() > 0);
}

/// Tokens that change.
struct Book(Mutex<Arc<TokenSet>>);

impl Tokens for Book {
    fn current(&self) -> Arc<TokenSet> {
        self.0.lock().unwrap().clone()
    }
}

impl Book {
    fn of(tokens: &[&Token]) -> TokenSet {
        TokenSet::new(tokens.iter().map(|token| (token.hash, Role::Read)))
    }

    fn serve(tokens: TokenSet) -> (Arc<Self>, Server) {
        let book = Arc::new(Self(Mutex::new(Arc::new(tokens))));
        let change = |settings: &mut ServerSettings| {
            settings.limits.heartbeat = Duration::from_millis(20);
            settings.tokens = book.clone();
        };
        let server = Server::with(change, false, RingLimits::default());
        (book, server)
    }

    fn now(&self, tokens: TokenSet) {
        *self.0.lock().unwrap() = Arc::new(tokens);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let (mine, other) = (Token::generate().unwrap(), Token::generate().unwrap());
    let (book, server) = Book::serve(Book::of(&[&mine, &other]));
    let bearer = |token: &Token| format!("Bearer {}", token.text.expose());
    let ticket =
        server.send("POST", "/api/v1/activity/ticket", &[("Authorization", &bearer(&mine))], "").await;
    let ticket = ticket.json()["ticket"].as_str().unwrap().to_owned();
    let late = server.send("POST", "/api/v1/activity/ticket", &[("Authorization", &bearer(&mine))], "").await;
    let late = late.json()["ticket"].as_str().unwrap().to_owned();
    let mut by_token = server.stream(STREAM, &[("Authorization", &bearer(&mine))]).await;
    let mut by_ticket = server.stream(&format!("{STREAM}?ticket={ticket}"), &[]).await;
    let mut of_other = server.stream(STREAM, &[("Authorization", &bearer(&other))]).await;
    for stream in [&mut by_token, &mut by_ticket, &mut of_other] {
        stream.until(": heartbeat").await;
    }
    book.now(Book::of(&[&other]));
    by_token.end().await;
    by_ticket.end().await;
    server.publish(Action::Found, 1, "not for everybody");
    of_other.until("not for everybody").await;
    server.get(&format!("{STREAM}?ticket={late}")).await.problem(401);
}

/// A stream that is never quiet has no heartbeat.
#[tokio::test]
async fn a_busy_stream_ends_with_its_token_too() {
    let mine = Token::generate().unwrap();
    let (book, server) = Book::serve(Book::of(&[&mine]));
    let bearer = format!("Bearer {}", mine.text.expose());
    let mut stream = server.stream(STREAM, &[("Authorization", &bearer)]).await;
    stream.until("welcome").await;
    book.now(TokenSet::default().closed());
    let busy = async {
        loop {
            server.publish(Action::Found, 1, "again");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = stream.end() => {}
        () = busy => {}
    }
}

#[tokio::test]
async fn a_stream_that_needed_no_token_ends_when_one_is_needed() {
    let (book, server) = Book::serve(TokenSet::default());
    let mut stream = server.stream(STREAM, &[]).await;
    stream.until(": heartbeat").await;
    book.now(Book::of(&[&Token::generate().unwrap()]));
    stream.end().await;
}
