//! Listening, connections, and their end.

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use busta_core::{Error, Result};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::activity::{Activity, Pulse};
use crate::app::{App, Client};
use crate::router;
use crate::service::Service;
use crate::settings::{ServerLimits, ServerSettings};
use crate::transport::Impatient;

/// The most memory a connection keeps of what comes, and of what is to be written.
const CONNECTION_BUFFER: usize = 32 << 10;
/// What the system keeps for a client that does not take it; it doubles this. By itself it would go up to
/// 4 MiB for each, and a thousand stalled browsers would take the machine's memory.
const SEND_BUFFER: usize = 128 << 10;
/// The largest head of a request; a larger one is answered with 431.
const HEAD_BYTES: usize = 16 << 10;
/// A pause when no connection can be accepted: most often there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the API and the dashboard until `shutdown` resolves. Then it stops accepting at once, ends the
/// activity streams, lets requests under way end within [`ServerSettings::grace`], and returns.
///
/// It runs on the runtime that calls it, which may be another than that of the collectors: then collecting
/// cannot keep it from answering.
///
/// Fails, with [`Config`](busta_core::ErrorKind::Config), if others than this machine can reach the listener and there is no
/// token.
pub async fn serve(
    listener: StdListener,
    service: Arc<dyn Service>,
    activity: Arc<Activity>,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let address = listener.local_addr().map_err(unusable)?;
    check_exposure(address, &settings)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    let listener = TcpListener::from_std(listener).map_err(unusable)?;
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    let pulse = Pulse::start(&activity, stopping.clone(), &tasks);
    let (routes, description) = router::routes();
    let loopback = address.ip().is_loopback();
    let app = App::new(service, activity, &settings, description, pulse, stopping.clone(), loopback);
    let acceptor = Acceptor {
        router: router::finish(routes, app),
        limits: settings.limits,
        seats: Arc::new(Semaphore::new(settings.limits.connections)),
        stopping,
        cut: CancellationToken::new(),
        tasks,
    };
    tracing::info!(%address, "serving");
    tokio::select! {
        () = acceptor.accept(&listener) => {}
        () = shutdown => {}
    }
    drop(listener);
    acceptor.close(settings.grace).await;
    Ok(())
}

fn unusable(error: std::io::Error) -> Error {
    Error::unavailable(format!("the server cannot use its listener: {error}")).caused_by(error)
}

fn check_exposure(address: SocketAddr, settings: &ServerSettings) -> Result<()> {
    if address.ip().is_loopback() || !settings.tokens.current().is_empty() {
        return Ok(());
    }
    Err(Error::config(format!("others can reach {address}, and there is no token"))
        .hint("make one with `busta token new`, or serve on 127.0.0.1"))
}

/// Accepts connections and keeps track of them.
struct Acceptor {
    router: Router,
    limits: ServerLimits,
    seats: Arc<Semaphore>,
    /// Connections end after the request under way.
    stopping: CancellationToken,
    /// Connections end now.
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Acceptor {
    async fn accept(&self, listener: &TcpListener) {
        loop {
            // Without a seat nobody is accepted; the system lets them wait.
            let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, address)) => {
                    self.tasks.spawn(self.connection(stream, address.ip(), seat));
                }
                Err(error) => {
                    tracing::warn!("no connection can be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        address: IpAddr,
        seat: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        // Small answers must not wait for the client's acknowledgement of the last.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        let router = self.router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Client(address));
            router.clone().oneshot(request.map(Body::new))
        });
        let io = TokioIo::new(Impatient::new(stream, self.limits.write_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.read_timeout)
            .max_buf_size(CONNECTION_BUFFER)
            .max_header_size(HEAD_BYTES)
            .serve_connection(io, service);
        let (stopping, cut) = (self.stopping.clone(), self.cut.clone());
        async move {
            let _seat = seat;
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection => ended,
                        () = cut.cancelled() => return,
                    }
                }
            };
            if let Err(error) = ended {
                tracing::trace!(client = %address, "connection lost: {error}");
            }
        }
    }

    /// Ends all connections: within `grace` after their requests, and then without.
    async fn close(self, grace: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!("{} connections are cut off", self.tasks.len());
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}
