//! The feed as an SSE body. <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

use super::{Activity, Filter};
use crate::security::{Pass, Tokens};

/// A client is woken at most this often, so that a burst of events is one write to each. Nobody sees less.
const PULSE: Duration = Duration::from_millis(100);
/// Clients are woken in so many groups, one after the other: a thousand at once would stand in the way of
/// every other request for as long as their writes take.
const GROUPS: usize = 20;
/// So much is put into one write.
const WRITE_BYTES: usize = 8 << 10;
/// So many events are looked at under one hold of the ring's lock.
const READ_EVENTS: usize = 64;
/// A filter passes over so many events before others have their turn.
const PASSED_OVER: usize = 4096;

/// Wakes the clients of one server when there is news.
pub(crate) struct Pulse {
    groups: Arc<[watch::Sender<()>]>,
    clients: AtomicUsize,
}

impl Pulse {
    /// Follows the feed until `stop`.
    pub(crate) fn start(activity: &Activity, stop: CancellationToken, tasks: &TaskTracker) -> Self {
        let groups: Arc<[_]> = (0..GROUPS).map(|_| watch::Sender::new(())).collect();
        let beat = beat(activity.newest(), Arc::clone(&groups));
        tasks.spawn(async move {
            tokio::select! {
                () = beat => {}
                () = stop.cancelled() => {}
            }
        });
        Self { groups, clients: AtomicUsize::new(0) }
    }

    /// A place in the next group.
    fn join(&self) -> watch::Receiver<()> {
        let client = self.clients.fetch_add(1, Ordering::Relaxed);
        self.groups[client % GROUPS].subscribe()
    }
}

async fn beat(mut newest: watch::Receiver<u64>, groups: Arc<[watch::Sender<()>]>) {
    while newest.changed().await.is_ok() {
        let round = Instant::now();
        for group in groups.iter().filter(|group| group.receiver_count() > 0) {
            group.send_replace(());
            sleep(PULSE / GROUPS as u32).await;
        }
        sleep_until(round + PULSE).await;
    }
}

/// What a client holds while it follows the feed. It is given back when the client is gone.
pub(crate) struct Seat {
    _place: OwnedSemaphorePermit,
    pass: Pass,
    tokens: Arc<dyn Tokens>,
}

impl Seat {
    /// One of so many places, for a client that was let in with `pass` and stays while `tokens` let it in.
    pub(crate) fn new(place: OwnedSemaphorePermit, pass: Pass, tokens: Arc<dyn Tokens>) -> Self {
        Self { _place: place, pass, tokens }
    }

    /// Whether the client would still be let in.
    fn holds(&self) -> bool {
        self.pass.holds(&self.tokens.current())
    }
}

type Woken = Pin<Box<dyn Future<Output = watch::Receiver<()>> + Send>>;

/// One client of the feed: a place in it, and nothing else that grows.
pub(crate) struct EventStream {
    activity: Arc<Activity>,
    filter: Filter,
    /// The last event that was sent or passed over.
    place: u64,
    /// What the client has been told his place is.
    told: u64,
    opened: bool,
    woken: Woken,
    heartbeat: Pin<Box<Sleep>>,
    every: Duration,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    seat: Seat,
    /// When it is looked at again whether the client may stay.
    checked: Instant,
}

impl EventStream {
    /// A client that has seen everything up to `from`, or begins now.
    pub(crate) fn new(
        activity: Arc<Activity>,
        filter: Filter,
        from: Option<u64>,
        pulse: &Pulse,
        every: Duration,
        ended: CancellationToken,
        seat: Seat,
    ) -> Self {
        activity.clients.fetch_add(1, Ordering::Relaxed);
        let place = from.unwrap_or_else(|| *activity.newest.borrow());
        Self {
            activity,
            filter,
            place,
            told: place,
            opened: false,
            woken: news(pulse.join()),
            heartbeat: Box::pin(sleep(every)),
            every,
            ended: Box::pin(ended.cancelled_owned()),
            seat,
            checked: Instant::now() + every,
        }
    }

    /// Whether the client may stay: looked at as often as a quiet stream shows that it lives.
    fn may_stay(&mut self) -> bool {
        let now = Instant::now();
        if now < self.checked {
            return true;
        }
        self.checked = now + self.every;
        self.seat.holds()
    }

    /// What there is to send now, as much as goes into one write. Also true if more may be there.
    fn take(&mut self) -> (Bytes, bool) {
        let mut out = BytesMut::new();
        if !self.opened {
            self.opened = true;
            self.open(&mut out);
        }
        let mut passed = 0;
        while out.len() < WRITE_BYTES && passed < PASSED_OVER {
            let reading = self.activity.since(self.place, READ_EVENTS);
            if reading.missed {
                self.gap(reading.oldest, &mut out);
            }
            if reading.events.is_empty() {
                return (out.freeze(), false);
            }
            passed += reading.events.len();
            for stored in reading.events {
                self.place = stored.id();
                if self.filter.passes(stored.event()) {
                    self.told = self.place;
                    out.extend_from_slice(stored.message());
                }
            }
        }
        (out.freeze(), true)
    }

    /// The first words: they make the answer's head go out at once, and say how soon to come again.
    fn open(&self, out: &mut BytesMut) {
        out.extend_from_slice(format!("retry: 2000\n: welcome\nid: {}\n\n", self.place).as_bytes());
    }

    /// Says that events are gone, and goes on with the oldest that there is.
    fn gap(&mut self, oldest: u64, out: &mut BytesMut) {
        self.activity.missed();
        let missed = serde_json::json!({ "missed_from": self.place.saturating_add(1), "oldest": oldest });
        self.place = oldest - 1;
        self.told = self.place;
        out.extend_from_slice(format!("id: {}\nevent: gap\ndata: {missed}\n\n", self.place).as_bytes());
    }

    /// A comment keeps proxies from closing a quiet connection. Behind a filter it also tells the place, so
    /// that who comes again is not told of a gap in what he does not want to see.
    fn beat(&mut self) -> Bytes {
        if self.told == self.place {
            return Bytes::from_static(b": heartbeat\n\n");
        }
        self.told = self.place;
        format!(": heartbeat\nid: {}\n\n", self.place).into()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.activity.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ended.as_mut().poll(cx).is_ready() || !self.may_stay() {
            return Poll::Ready(None);
        }
        loop {
            let (bytes, more) = self.take();
            if !bytes.is_empty() {
                let next = Instant::now() + self.every;
                self.heartbeat.as_mut().reset(next);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if more {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Poll::Ready(receiver) = self.woken.as_mut().poll(cx) {
                self.woken = news(receiver);
                continue;
            }
            if self.heartbeat.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let next = Instant::now() + self.every;
            self.heartbeat.as_mut().reset(next);
            return Poll::Ready(Some(Ok(Frame::data(self.beat()))));
        }
    }
}

/// Resolves at the next pulse. The one who sends is gone only when the stream is about to end.
fn news(mut receiver: watch::Receiver<()>) -> Woken {
    Box::pin(async move {
        if receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        receiver
    })
}
