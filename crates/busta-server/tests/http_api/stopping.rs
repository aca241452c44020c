//! How it ends.

use std::time::Duration;

use busta_server::{RingLimits, ServerSettings};
use tokio::net::TcpStream;

use crate::support::Server;

#[tokio::test]
async fn it_ends_streams_and_stops_accepting() {
    let server = Server::open().await;
    let mut stream = server.stream("/api/v1/activity/stream", &[]).await;
    stream.until("welcome").await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    let address = server.address;
    server.stopped().await.unwrap();
    let text = stream.end().await;
    assert!(text.ends_with("0\r\n\r\n"), "the stream ends in order: {text}");
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn requests_under_way_have_time_to_end() {
    let server = Server::open().await;
    let mut export = server.stream("/api/v1/datasets/entries/export", &[]).await;
    export.until("\"id\": 0").await;
    server.stop();
    let text = export.end().await;
    assert!(text.contains("\"id\": 2499") && text.ends_with("0\r\n\r\n"));
    server.stopped().await.unwrap();
}

#[tokio::test]
async fn but_not_for_ever() {
    let short = |settings: &mut ServerSettings| settings.grace = Duration::from_millis(50);
    let server = Server::with(short, false, RingLimits::default());
    let mut endless = server.stream("/api/v1/datasets/endless/export", &[]).await;
    endless.until("\"id\": 0").await;
    server.stopped().await.unwrap();
}
