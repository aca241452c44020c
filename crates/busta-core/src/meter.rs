//! How connectors tell the engine about their requests.

use std::any::Any;
use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use crate::error::Result;
use crate::ids::HostKey;

/// Where a source's requests are counted and their answers' hints about limits are heeded.
///
/// The engine gives one to every source. Calls are cheap and never wait.
pub trait Meter: Send + Sync {
    /// A request to `url` is about to be sent, or a file or object to be read. Called in the task that
    /// calls the reader, so that it is known who asks; `url` is shown only through
    /// [`shown_url`](crate::secret::shown_url).
    fn asking(&self, _url: &str) {}

    /// Leave to send one request, of any kind: redirects, requests for tokens and retries ask each for their
    /// own, right before they are sent. An error means that the source's budget is used up, or that it cannot
    /// be counted: the request is not to be sent, and the error is to be passed on. Waits for the disk at
    /// most. What reads files and objects of this machine asks for none.
    fn permit(&self) -> Permit<'_> {
        Box::pin(ready(Ok(())))
    }

    /// A request has been answered or has failed. Called once per request, redirects and token
    /// requests included.
    fn request(&self, seen: &Request<'_>);

    /// Bytes were read that no request counts: from files or object stores, or of an answer that was
    /// reported when its head came, since its body takes long.
    fn bytes(&self, count: u64);

    /// A reader has waited this long for something else than HTTP (a disk, an object store).
    fn waited(&self, time: Duration);

    /// An answer that records are made of stays as it is for `time` more, by what its server or the document
    /// itself says (`Cache-Control: max-age`, `Expires`, a feed's `ttl`); zero if they say nothing. Called
    /// once per such answer, at once: a source as a whole stays as it is for the shortest of them.
    fn fresh_for(&self, _time: Duration) {}

    /// Room for one request to `host` beside the one that a reader may always have in flight: a place of
    /// the run, of the pool, of the source and of the host, with the host's turn. `None` if any of these is
    /// taken, or about to be; waiting splits go first, so a reader keeps it for one request only, and asks
    /// again before the next.
    fn spare(&self, _host: &HostKey) -> Option<Spare> {
        None
    }

    /// Takes another turn of `host` in the middle of a call of [`Reader::next`](crate::Reader::next), for a
    /// reader whose own request has ended while its spare ones go on. Without one it makes no further
    /// request in this call; the engine takes the turn before the next.
    fn turn(&self, _host: &HostKey) -> bool {
        false
    }

    /// Leave to ask for the page after the one that has just come, before that one is handed on, with another
    /// turn of `host`; `bytes` is how large it may well be. The answer is for the next call of
    /// [`Reader::next`](crate::Reader::next), and until then the reader [asks](crate::Reader::asks) for nothing
    /// else. Not given where nobody may read it (the run stops, or has enough), where each request is paid for,
    /// where the batch before it leads to further splits, and where there is no memory for it.
    fn ahead(&self, _host: &HostKey, _bytes: usize) -> bool {
        false
    }
}

/// What [`Meter::permit`] comes to.
pub type Permit<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Room for one more request, until it is dropped: see [`Meter::spare`].
pub struct Spare {
    _held: Box<dyn Any + Send>,
}

impl Spare {
    /// Room that is given back when `held` is dropped.
    pub fn new(held: impl Any + Send) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spare")
    }
}

/// What one request showed.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Whose limits it counted against.
    pub host: &'a HostKey,
    /// The answer's status; `None` if there was no answer.
    pub status: Option<u16>,
    /// Until the answer was read to its end; of a download, until its head came.
    pub latency: Duration,
    /// The size of the body, as it was received.
    pub bytes: u64,
    /// What the answer said about limits.
    pub limits: RateHints,
}

/// Limits as told by the server: `Retry-After`, `X-RateLimit-*`, `RateLimit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHints {
    /// Come back after this time.
    pub retry_after: Option<Duration>,
    /// How many requests are left in the window.
    pub remaining: Option<u64>,
    /// When the window starts anew.
    pub reset: Option<Duration>,
}

/// A meter that counts nothing, for a single test request.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMeter;

impl Meter for NoMeter {
    fn request(&self, _seen: &Request<'_>) {}

    fn bytes(&self, _count: u64) {}

    fn waited(&self, _time: Duration) {}
}
