use std::sync::Arc;
use std::time::Duration;

use crate::security::{RateLimit, Tokens};
use crate::traffic::Traffic;

/// How the server is to behave.
#[derive(Clone)]
pub struct ServerSettings {
    /// Who may ask for what. While there are no tokens, only loopback addresses are served, and openly.
    pub tokens: Arc<dyn Tokens>,
    /// Where requests are counted.
    pub traffic: Arc<Traffic>,
    /// What one client, and all together, may take.
    pub limits: ServerLimits,
    /// After the signal to stop, requests under way have so long to end.
    pub grace: Duration,
}

/// What one client, and all together, may take.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at once; more wait until one of them is closed.
    pub connections: usize,
    /// Clients of the activity stream at once; more are answered with 503.
    pub streams: usize,
    /// Exports at once, since each holds a view of a destination; more are answered with 503.
    pub exports: usize,
    /// The largest body of a request, in bytes.
    pub body_bytes: usize,
    /// A request's head must be there within this time, counted from the end of the request before: an idle
    /// connection is closed then. Its body has as long once more.
    pub read_timeout: Duration,
    /// A client that takes nothing for so long is cut off.
    pub write_timeout: Duration,
    /// An answer must have begun within this time.
    pub answer_timeout: Duration,
    /// A quiet activity stream sends a comment this often.
    pub heartbeat: Duration,
    /// Requests of one address; those of this machine are not counted, since a proxy speaks for everybody.
    pub requests: Option<RateLimit>,
    /// Requests with a wrong token of one address.
    pub failed_logins: RateLimit,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            streams: 2000,
            exports: 4,
            body_bytes: 64 << 10,
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            requests: Some(RateLimit { per_second: 200.0, burst: 1000.0 }),
            failed_logins: RateLimit { per_second: 0.2, burst: 10.0 },
        }
    }
}

impl ServerSettings {
    /// The usual limits.
    pub fn new(tokens: Arc<dyn Tokens>) -> Self {
        Self {
            tokens,
            traffic: Arc::default(),
            limits: ServerLimits::default(),
            grace: Duration::from_secs(10),
        }
    }
}
