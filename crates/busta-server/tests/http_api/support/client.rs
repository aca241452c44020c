use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer waits are failures.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let raw = &bytes[end + 4..];
        let mut answer = Self { status, head, body: Vec::new() };
        answer.body = match answer.header("transfer-encoding") {
            Some("chunked") => unchunked(raw),
            _ => raw.to_vec(),
        };
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The problem document, which is whole, and of this status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "instance"] {
            assert!(problem[field].is_string(), "{field}: {problem}");
        }
        problem
    }
}

/// Sends a request as it stands and reads until the server closes.
pub async fn request(address: SocketAddr, text: &str) -> Answer {
    let work = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may answer, and close, before it has read everything.
        let _ = stream.write_all(text.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        Answer::parse(&bytes)
    };
    timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("no answer to {text}"))
}

/// The chunks of a body one behind the other, also of one that breaks off.
fn unchunked(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        let rest = &raw[end + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        raw = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

/// An answer that goes on.
pub struct Stream {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Stream {
    pub async fn open(address: SocketAddr, text: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        Self { stream, seen: Vec::new() }
    }

    /// Reads until `what` has come, and answers all that has.
    pub async fn until(&mut self, what: &str) -> String {
        let found = timeout(PATIENCE, async {
            while !self.text().contains(what) {
                assert!(self.more().await, "it ended without {what:?}: {}", self.text());
            }
        });
        assert!(found.await.is_ok(), "{what:?} did not come: {}", self.text());
        self.text()
    }

    /// Reads to the end.
    pub async fn end(&mut self) -> String {
        let ended = timeout(PATIENCE, async { while self.more().await {} });
        assert!(ended.await.is_ok(), "it does not end: {}", self.text());
        self.text()
    }

    /// Whether more came.
    async fn more(&mut self) -> bool {
        let mut part = [0; 16 << 10];
        match self.stream.read(&mut part).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.seen.extend_from_slice(&part[..count]);
                true
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}
