//! The accept loop, and the handle that a sandbox is.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use busta_core::{Error, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::config::SandboxConfig;
use crate::data;
use crate::feeds::FeedEntry;
use crate::profile::Profile;
use crate::replay::Recording;
use crate::socket::{Line, Socket};
use crate::stats::Stats;

/// A running origin. It stops when this is dropped.
pub struct Sandbox {
    addresses: Vec<SocketAddr>,
    app: Arc<App>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sandbox {
    /// Binds 127.0.0.1 and serves on the current runtime. Fails if the port is taken.
    pub async fn start(config: SandboxConfig) -> Result<Self> {
        let mut listeners = Vec::new();
        for host in 0..config.hosts.max(1) {
            listeners.push(listen(if host == 0 { config.port } else { 0 }).await?);
        }
        let addresses = listeners.iter().map(|(address, _)| *address).collect();
        let (app, stop, tasks) = (Arc::new(App::new(config)), CancellationToken::new(), TaskTracker::new());
        for (address, listener) in listeners {
            tasks.spawn(accept(address, listener, Arc::clone(&app), stop.clone(), tasks.clone()));
        }
        Ok(Self { addresses, app, stop, tasks })
    }

    /// The base URL, without a slash at its end: `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The base URLs of all its [`hosts`](SandboxConfig::hosts).
    pub fn urls(&self) -> Vec<String> {
        self.addresses.iter().map(|address| format!("http://{address}")).collect()
    }

    /// Host and port, as in limits by host and as the judge's groups name it.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// What it has seen.
    pub fn stats(&self) -> Stats {
        self.app.judge.stats()
    }

    /// Forgets what it has seen, the counts of faults and limits, the tokens, and all advances.
    pub fn reset(&self) {
        self.app.reset();
    }

    /// Record `index` (from 0) of a stream, as it would be served now.
    pub fn record(&self, stream: &str, index: u64) -> Value {
        let mut out = Vec::new();
        self.app.dataset.stream(stream, None).write(&mut out, index);
        serde_json::from_slice(&out).unwrap_or_default()
    }

    /// How many records a stream has now.
    pub fn records(&self, stream: &str) -> u64 {
        self.app.dataset.stream(stream, None).len()
    }

    /// How many lines the record with id `parent` has, under `/rest/{kind}/{stream}/{parent}/lines`.
    pub fn lines(&self, parent: u64) -> u64 {
        data::lines_of(parent)
    }

    /// Adds `add` records to a stream and changes `update` of the old ones; all of them are newer
    /// than any record before.
    pub fn advance(&self, stream: &str, add: u64, update: u64) {
        self.app.dataset.advance(stream, add, update);
    }

    /// The `count` newest entries of a feed, newest first, as `entries={count}` shows them now.
    pub fn entries(&self, feed: &str, count: u64) -> Vec<FeedEntry> {
        self.app.feeds.entries(feed, count)
    }

    /// Publishes `entries` new entries in the feed of this name, in all formats.
    pub fn advance_feed(&self, name: &str, entries: u64) {
        self.app.feeds.advance(name, entries);
    }

    /// Publishes new versions of the files under `/archive` whose paths hold `part`: with other rows, and with
    /// side files to match.
    pub fn republish_archive(&self, part: &str) {
        self.app.archive.republish(part);
    }

    /// Lets all repositories under `/archive` end so many days later than they did.
    pub fn advance_archive(&self, days: u64) {
        self.app.archive.advance(days);
    }

    /// Lets all worlds under `/reddit` go on by so many steps: there are new posts and comments, and some of the
    /// old ones were edited.
    pub fn advance_reddit(&self, steps: u64) {
        self.app.reddit.advance(steps);
    }

    /// Lets all markets under `/amazon` and `/ebay` go on by so many steps: ranks and prices are others, there are
    /// new listings, and some of the old ones are gone.
    pub fn advance_market(&self, steps: u64) {
        self.app.market.advance(steps);
    }

    /// Serves a recorded conversation under `/replay/{name}`.
    pub fn replay(&self, name: &str, recording: Recording) {
        self.app.replay.put(name, recording);
    }

    /// Changes how routes behave whose path starts with `prefix`, from the next request on.
    pub fn set_profile(&self, prefix: &str, profile: Profile) {
        self.app.set_profile(prefix, profile);
    }

    /// Stops listening, closes all connections, and waits until that is done.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(port: u16) -> Result<(SocketAddr, TcpListener)> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = async {
        let listener = TcpListener::bind(wanted).await?;
        Ok((listener.local_addr()?, listener))
    };
    bound.await.map_err(|error: std::io::Error| {
        Error::unavailable(format!("the sandbox cannot listen on {wanted}: {error}"))
            .hint("choose another port, or 0 for a free one")
            .caused_by(error)
    })
}

async fn accept(
    address: SocketAddr,
    listener: TcpListener,
    app: Arc<App>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (app, stop) = (Arc::clone(&app), stop.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = serve(address, stream, app) => {}
                    }
                });
            }
            // Out of file descriptors, most likely: let connections end before the next try.
            Err(error) => {
                tracing::warn!(%error, "the sandbox cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

async fn serve(address: SocketAddr, stream: TcpStream, app: Arc<App>) {
    app.judge.connected();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it began");
        return;
    }
    let line = Arc::new(Line::new(address));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&line)));
    let service = service_fn(move |request| App::answer(Arc::clone(&app), Arc::clone(&line), request));
    // Clients that leave and faults on purpose both end here.
    if let Err(error) = http1::Builder::new().serve_connection(socket, service).await {
        tracing::trace!(%error, "a connection ended");
    }
}
