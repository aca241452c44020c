//! Answers that many ask for at once: made once, given to all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::content::Content;

/// How old an answer may be. A dashboard asks every second or two; a hundred of them then cost no more than
/// four. Whoever changes something sees it at once: see [`Cache::clear`].
const FRESH: Duration = Duration::from_millis(250);

/// The last answer of one route, for a moment, and what it was asked: dashboards ask all the same.
///
/// The lock is held while an answer is made, which is a matter of microseconds since it is made from memory:
/// those who come meanwhile wait for it instead of making it as well.
pub(crate) struct Cache<Q = ()>(Mutex<Option<Last<Q>>>);

struct Last<Q> {
    query: Q,
    made: Instant,
    content: Arc<Content>,
}

impl<Q: PartialEq> Cache<Q> {
    /// The answer to `query`, made by `make` unless there is a fresh one.
    pub(crate) fn get<E>(
        &self,
        query: Q,
        make: impl FnOnce(&Q) -> Result<Content, E>,
    ) -> Result<Arc<Content>, E> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(Last { query: asked, made, content }) = &*last
            && *asked == query
            && now.duration_since(*made) < FRESH
        {
            return Ok(Arc::clone(content));
        }
        let content = Arc::new(make(&query)?);
        *last = Some(Last { query, made: now, content: Arc::clone(&content) });
        Ok(content)
    }

    /// Forgets the answer, because something was changed.
    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<Q> Default for Cache<Q> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_made_once_in_a_while() {
        let (cache, mut made) = (Cache::default(), 0);
        let mut ask = |query| {
            let content = cache.get(query, |_| {
                made += 1;
                Content::json(&made)
            });
            content.unwrap();
            made
        };
        assert_eq!((ask("a"), ask("a")), (1, 1));
        assert_eq!((ask("b"), ask("b")), (2, 2), "another question has another answer");
        tokio::time::advance(FRESH).await;
        assert_eq!((ask("b"), ask("b")), (3, 3));
        cache.clear();
        assert_eq!(ask("b"), 4);
    }
}
