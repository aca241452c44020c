//! What happens, as a feed: published by the collectors, read by browsers and by the one who stores it.
//!
//! One bounded [`ring`](Ring) of events; whoever reads keeps only his place in it. So a reader costs the
//! publisher nothing however slow he is, a thousand readers cost a thousand numbers, and one who is too slow
//! is told so by a gap and goes on where the ring begins.

mod filter;
mod ring;
mod stored;
mod stream;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busta_core::clock::Clock;
use busta_core::event::Event;
use tokio::sync::watch;

pub(crate) use filter::{ACTIONS, Filter};
use ring::Ring;
pub use ring::{Reading, RingLimits};
pub use stored::StoredEvent;
pub(crate) use stream::{EventStream, Pulse, Seat};

/// The hub of the activity: publish here, read from here.
pub struct Activity {
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
    events: AtomicU64,
    gaps: AtomicU64,
    clients: AtomicU64,
}

/// What was counted of the feed since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivityCounts {
    /// Events.
    pub events: u64,
    /// Times that a listener was so slow that it missed events.
    pub gaps: u64,
    /// Clients that follow it now.
    pub clients: u64,
}

impl Activity {
    /// An empty feed that goes on behind `last`, the id of the newest event that was stored, or 0.
    pub fn new(clock: Arc<dyn Clock>, last: u64, limits: RingLimits) -> Self {
        Self {
            clock,
            ring: Mutex::new(Ring::new(last, limits)),
            newest: watch::Sender::new(last),
            events: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            clients: AtomicU64::new(0),
        }
    }

    /// Adds an event and answers its id: the microseconds since 1970, or one more than the last id if that
    /// is larger. So ids grow over restarts too, and after a `kill -9` whose last events were not stored.
    ///
    /// Takes constant time, and waits for nobody but those who look up their place in the ring: it may be
    /// called from any thread, inside or outside of a runtime.
    pub fn publish(&self, event: Event) -> u64 {
        let now = u64::try_from(self.clock.now().timestamp_micros()).unwrap_or(0);
        // What is dropped from the ring is freed behind the lock.
        let (id, _dropped) = self.ring().push(now, event);
        self.events.fetch_add(1, Ordering::Relaxed);
        self.newest.send_modify(|newest| *newest = id.max(*newest));
        id
    }

    /// At most `max` events behind `id`, oldest first. [`Reading::missed`] tells whether some that were
    /// published behind `id` are gone: then the first of these is the oldest that is kept.
    pub fn since(&self, id: u64, max: usize) -> Reading {
        self.ring().since(id, max)
    }

    /// The id of the newest event, and the news of it: for whoever stores events as they come.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// What was counted so far.
    pub fn counts(&self) -> ActivityCounts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ActivityCounts { events: get(&self.events), gaps: get(&self.gaps), clients: get(&self.clients) }
    }

    /// A listener has missed events.
    pub fn missed(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // A panic inside the lock leaves a whole ring: its steps are pushes and pops.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
