//! What all routes share.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, Pulse};
use crate::cache::Cache;
use crate::content::Content;
use crate::model::PageQuery;
use crate::queue::Queue;
use crate::security::{Rates, Tickets, Tokens};
use crate::service::Service;
use crate::settings::{ServerLimits, ServerSettings};
use crate::traffic::Traffic;

/// The address of the client, put beside each request by the one who accepted its connection.
#[derive(Clone, Copy)]
pub(crate) struct Client(pub(crate) IpAddr);

/// What all routes share; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) pulse: Pulse,
    /// Ends the streams.
    pub(crate) stopping: CancellationToken,
    /// Whether only this machine can reach the server.
    pub(crate) loopback: bool,
    pub(crate) tokens: Arc<dyn Tokens>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) tickets: Tickets,
    pub(crate) rates: Option<Rates>,
    pub(crate) failed_logins: Rates,
    pub(crate) limits: ServerLimits,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) caches: Caches,
    pub(crate) queues: Queues,
    /// The API's description and its page.
    pub(crate) description: Content,
    pub(crate) reference: Content,
}

/// The answers that dashboards ask for all the time.
#[derive(Default)]
pub(crate) struct Caches {
    pub(crate) overview: Cache,
    pub(crate) sources: Cache<PageQuery>,
    pub(crate) resources: Cache,
}

impl Caches {
    /// Something was changed: whoever did it wants to see it.
    pub(crate) fn clear(&self) {
        self.overview.clear();
        self.sources.clear();
        self.resources.clear();
    }
}

/// The reads of databases, by what they take. Each kind has places of its own, so that none waits for a slower one.
pub(crate) struct Queues {
    /// Of the history: runs, events.
    pub(crate) history: Queue,
    /// Of records as they are stored: tenths of a millisecond each, where the destination finds its place.
    pub(crate) pages: Queue,
    /// Of views: a few milliseconds each, a few dozen at most.
    pub(crate) views: Queue,
    /// What may have to look at a whole table: up to seconds.
    pub(crate) scans: Queue,
}

impl Default for Queues {
    /// More at a time would keep the disk busier, but take the processors from the collection.
    fn default() -> Self {
        Self { history: Queue::new(4), pages: Queue::new(4), views: Queue::new(4), scans: Queue::new(2) }
    }
}

/// The API as text: the document, and the page for people.
pub(crate) struct Description {
    pub(crate) document: Content,
    pub(crate) page: Content,
}

impl App {
    pub(crate) fn new(
        service: Arc<dyn Service>,
        activity: Arc<Activity>,
        settings: &ServerSettings,
        description: Description,
        pulse: Pulse,
        stopping: CancellationToken,
        loopback: bool,
    ) -> Self {
        let limits = settings.limits;
        Self(Arc::new(Shared {
            service,
            activity,
            pulse,
            stopping,
            loopback,
            tokens: Arc::clone(&settings.tokens),
            traffic: Arc::clone(&settings.traffic),
            tickets: Tickets::default(),
            rates: limits.requests.map(Rates::new),
            failed_logins: Rates::new(limits.failed_logins),
            limits,
            streams: Arc::new(Semaphore::new(limits.streams)),
            exports: Arc::new(Semaphore::new(limits.exports)),
            caches: Caches::default(),
            queues: Queues::default(),
            description: description.document,
            reference: description.page,
        }))
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
