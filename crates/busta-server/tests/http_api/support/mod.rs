//! A server on a free port, its service, and a client that sends exactly what it is told.

mod client;
mod fake;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use busta_core::clock::SystemClock;
use busta_core::event::{Action, Event};
use busta_core::{Error, Result};
use busta_server::{Activity, RingLimits, Role, ServerSettings, Token, TokenSet, Traffic, serve};
use chrono::DateTime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use client::{Answer, Stream, request};
pub use fake::Fake;

/// A server under test. It ends with the test's runtime.
pub struct Server {
    pub address: SocketAddr,
    pub activity: Arc<Activity>,
    pub read: Token,
    pub operate: Token,
    pub traffic: Arc<Traffic>,
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Server {
    /// An open server, as on a laptop.
    pub async fn open() -> Self {
        Self::with(|_| {}, false, RingLimits::default())
    }

    /// A server that wants tokens.
    pub async fn closed() -> Self {
        Self::with(|_| {}, true, RingLimits::default())
    }

    pub fn with(change: impl FnOnce(&mut ServerSettings), closed: bool, ring: RingLimits) -> Self {
        let (read, operate) = (Token::generate().unwrap(), Token::generate().unwrap());
        let tokens = [(read.hash, Role::Read), (operate.hash, Role::Operate)];
        let tokens = Arc::new(TokenSet::new(tokens.into_iter().filter(|_| closed)));
        let mut settings = ServerSettings::new(Arc::new(tokens));
        change(&mut settings);
        let traffic = Arc::clone(&settings.traffic);
        let activity = Arc::new(Activity::new(Arc::new(SystemClock), 0, ring));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (service, shutdown) = (Arc::new(Fake), stop.clone().cancelled_owned());
        let task = tokio::spawn(serve(listener, service, Arc::clone(&activity), settings, shutdown));
        Self { address, activity, read, operate, traffic, stop, task }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[("Content-Type", "application/json")], body).await
    }

    /// Sends a request with these headers, and the usual ones unless they are among them.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        request(self.address, &self.text(method, path, headers, body)).await
    }

    /// Opens the activity stream.
    pub async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        Stream::open(self.address, &self.text("GET", path, headers, "")).await
    }

    fn text(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let has = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !has("host") {
            text += &format!("Host: {}\r\n", self.address);
        }
        if !body.is_empty() && !has("content-length") && !has("transfer-encoding") {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text + "\r\n" + body
    }

    /// Adds an event of this action by this worker.
    pub fn publish(&self, action: Action, worker_id: u32, message: &str) -> u64 {
        let message = Some(message.to_owned());
        let source = Some("news".into());
        let event = Event::new(DateTime::UNIX_EPOCH, &"run".into(), action);
        self.activity.publish(Event { worker_id, message, source, ..event })
    }

    /// Tells it to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has.
    pub async fn stopped(self) -> Result<()> {
        self.stop();
        match tokio::time::timeout(Duration::from_secs(10), self.task).await {
            Ok(Ok(result)) => result,
            other => Err(Error::bug(format!("it does not stop: {other:?}"))),
        }
    }
}
