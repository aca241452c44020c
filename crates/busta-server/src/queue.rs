//! Reads of databases, each in its turn: a few at a time, so that they stand in nobody's way who is answered
//! from memory, and one for all who wait for the same.
//!
//! Who asks for what somebody else waits for already waits with him, and both get one answer. It is read after
//! both have asked, so nobody gets an answer that is older than his question, and none is kept: who asks while
//! it is being read waits for the next one.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Uri;
use busta_core::Error;
use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use tokio::sync::Semaphore;

use crate::content::Content;
use crate::problem::Problem;

/// The same for all who asked for it.
type Outcome = Result<Arc<Content>, Problem>;
type Reading = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Reads that wait for one of a few places, first come, first served.
pub(crate) struct Queue(Arc<Places>);

struct Places {
    free: Semaphore,
    /// What has not begun yet, by its address. It is kept alive by those who wait: a read goes when they do.
    waiting: Mutex<HashMap<String, WeakShared<Reading>>>,
}

impl Queue {
    /// So many reads at a time.
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Places { free: Semaphore::new(places), waiting: Mutex::default() }))
    }

    /// What `read` gives, or what somebody else gets who waits for the same address.
    pub(crate) async fn answer<F>(&self, address: &Uri, read: F) -> Outcome
    where
        F: Future<Output = Result<Content, Problem>> + Send + 'static,
    {
        let address = address.path_and_query().map_or("", |address| address.as_str());
        self.join(address, read).await
    }

    fn join<F>(&self, address: &str, read: F) -> Shared<Reading>
    where
        F: Future<Output = Result<Content, Problem>> + Send + 'static,
    {
        let mut waiting = self.0.waiting();
        if let Some(same) = waiting.get(address).and_then(WeakShared::upgrade) {
            return same;
        }
        let turn = Turn { places: Arc::clone(&self.0), address: address.to_owned() };
        let reading: Reading = Box::pin(turn.take(read));
        let reading = reading.shared();
        if let Some(weak) = reading.downgrade() {
            waiting.insert(address.to_owned(), weak);
        }
        reading
    }
}

impl Places {
    fn waiting(&self) -> MutexGuard<'_, HashMap<String, WeakShared<Reading>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry among those who wait. It ends when the read begins, or when nobody waits any more.
struct Turn {
    places: Arc<Places>,
    address: String,
}

impl Turn {
    async fn take(self, read: impl Future<Output = Result<Content, Problem>>) -> Outcome {
        let places = Arc::clone(&self.places);
        let _place = places.free.acquire().await.map_err(|_| Error::bug("the queue of reads is closed"))?;
        drop(self);
        read.await.map(Arc::new)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // If everybody went, and somebody came for the same at this very moment, this is his entry: then
        // those who come after him do not find him, and read for themselves.
        self.places.waiting().remove(&self.address);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::StatusCode;
    use tokio::sync::Notify;
    use tokio::task::yield_now;

    use super::*;

    /// Reads that say which number they have once they are let go on.
    #[derive(Clone, Default)]
    struct Store {
        begun: Arc<AtomicUsize>,
        go: Arc<Notify>,
    }

    impl Store {
        fn begun(&self) -> usize {
            self.begun.load(Ordering::Relaxed)
        }

        async fn read(self) -> Result<Content, Problem> {
            let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
            self.go.notified().await;
            Ok(Content::json(&number).unwrap())
        }
    }

    /// Somebody asks, and is where he waits.
    async fn ask(queue: &Arc<Queue>, store: &Store, address: &str) -> tokio::task::JoinHandle<Outcome> {
        let (queue, store, address) = (Arc::clone(queue), store.clone(), address.parse::<Uri>().unwrap());
        let asking = tokio::spawn(async move { queue.answer(&address, store.read()).await });
        settle().await;
        asking
    }

    /// Everybody goes as far as he can.
    async fn settle() {
        for _ in 0..10 {
            yield_now().await;
        }
    }

    async fn number(asking: tokio::task::JoinHandle<Outcome>) -> u32 {
        let content = asking.await.unwrap().unwrap();
        let body = content.answer(&axum::http::HeaderMap::new()).into_body();
        let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn who_waits_for_the_same_shares_but_never_what_has_begun() {
        let (queue, store) = (Arc::new(Queue::new(1)), Store::default());
        let reading = ask(&queue, &store, "/a?limit=1").await;
        assert_eq!(store.begun(), 1);
        let late = [ask(&queue, &store, "/a?limit=1").await, ask(&queue, &store, "/a?limit=1").await];
        let other = ask(&queue, &store, "/a?limit=2").await;
        assert_eq!(store.begun(), 1, "there is one place");
        store.go.notify_one();
        assert_eq!(number(reading).await, 1);
        settle().await;
        store.go.notify_one();
        for one in late {
            assert_eq!(number(one).await, 2, "what began before they asked is not for them");
        }
        settle().await;
        store.go.notify_one();
        assert_eq!(number(other).await, 3);
        assert!(queue.0.waiting().is_empty());
    }

    #[tokio::test]
    async fn nobody_depends_on_who_came_first() {
        let (queue, store) = (Arc::new(Queue::new(1)), Store::default());
        let reading = ask(&queue, &store, "/a").await;
        let first = ask(&queue, &store, "/b").await;
        let second = ask(&queue, &store, "/b").await;
        first.abort();
        settle().await;
        store.go.notify_one();
        assert_eq!(number(reading).await, 1);
        settle().await;
        store.go.notify_one();
        assert_eq!(number(second).await, 2);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_read() {
        let (queue, store) = (Arc::new(Queue::new(1)), Store::default());
        let reading = ask(&queue, &store, "/a").await;
        let gone = ask(&queue, &store, "/b").await;
        gone.abort();
        settle().await;
        assert!(queue.0.waiting().is_empty());
        store.go.notify_one();
        number(reading).await;
        settle().await;
        assert_eq!(store.begun(), 1);
    }

    #[tokio::test]
    async fn all_get_the_same_error() {
        let queue = Arc::new(Queue::new(1));
        let held = queue.0.free.acquire().await.unwrap();
        let fail = || async { Err(Problem::of(StatusCode::NOT_FOUND)) };
        let address = Uri::from_static("/a");
        let mut both =
            Box::pin(async { tokio::join!(queue.answer(&address, fail()), queue.answer(&address, fail())) });
        assert!(both.as_mut().now_or_never().is_none());
        drop(held);
        let (one, two) = both.await;
        assert_eq!(one.err(), Some(Problem::of(StatusCode::NOT_FOUND)));
        assert_eq!(two.err(), Some(Problem::of(StatusCode::NOT_FOUND)));
    }
}
