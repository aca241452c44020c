//! The API's own threads.

use std::net::TcpListener;
use std::sync::Arc;

use busta_core::{Error, Result};
use busta_server::{RateLimit, ServerLimits, ServerSettings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::service::Serving;
use super::tokens::TokenBook;
use crate::config;

/// So many threads answer requests.
const THREADS: usize = 2;

/// The API, being served.
pub struct Api {
    stop: CancellationToken,
    ended: watch::Receiver<Option<String>>,
}

impl Api {
    /// Serves on threads of its own.
    pub fn start(
        listener: TcpListener,
        serving: Arc<Serving>,
        tokens: TokenBook,
        settings: &config::ServerSettings,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("busta-api")
            .enable_all()
            .build()
            .map_err(|e| Error::unavailable(format!("no threads for the API: {e}")))?;
        let settings = ServerSettings {
            traffic: serving.traffic.clone(),
            limits: limits(settings),
            ..ServerSettings::new(Arc::new(tokens))
        };
        let (tell, ended) = watch::channel(None);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let activity = serving.activity.clone();
        let work = move || {
            let served =
                busta_server::serve(listener, serving, activity, settings, stopped.cancelled_owned());
            let result = runtime.block_on(served);
            runtime.shutdown_background();
            let _ = tell.send(Some(result.err().map_or_else(String::new, |error| error.to_string())));
        };
        std::thread::Builder::new()
            .name("busta-api".to_owned())
            .spawn(work)
            .map_err(|e| Error::unavailable(format!("no thread for the API: {e}")))?;
        Ok(Self { stop, ended })
    }

    /// Accepts no more, and ends.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for the end.
    pub async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await;
        end.map_or_else(|_| "its thread is gone".to_owned(), |end| end.clone().unwrap_or_default())
    }

    /// Waits until it ends by itself, and says why.
    pub async fn failed(&self) -> Error {
        Error::unavailable(format!("the API has ended: {}", self.ended().await))
    }
}

fn limits(settings: &config::ServerSettings) -> ServerLimits {
    let usual = ServerLimits::default();
    let requests = settings.rate_limit.map(|rate| {
        let per_second = 1.0 / rate.interval().as_secs_f64().max(1e-6);
        RateLimit { per_second, burst: per_second.max(1.0) * 5.0 }
    });
    ServerLimits { connections: settings.max_connections, requests: requests.or(usual.requests), ..usual }
}
