//! Answers that many ask for at once: made once, given to all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::content::Content;

/// How old an answer may be. A dashboard asks every second or two; a hundred of them then cost no more than
/// four. Whoever changes something sees it at once: see [`Cache::clear`].
const FRESH: Duration = Duration::from_millis(250);

/// The last answer of one route, for a moment.
///
/// The lock is held while an answer is made, which is a matter of microseconds since it is made from memory:
/// those who come meanwhile wait for it instead of making it as well.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Option<(Instant, Arc<Content>)>>);

impl Cache {
    /// The answer, made by `make` unless there is a fresh one.
    pub(crate) fn get<E>(&self, make: impl FnOnce() -> Result<Content, E>) -> Result<Arc<Content>, E> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((made, content)) = &*last
            && now.duration_since(*made) < FRESH
        {
            return Ok(Arc::clone(content));
        }
        let content = Arc::new(make()?);
        *last = Some((now, Arc::clone(&content)));
        Ok(content)
    }

    /// Forgets the answer, because something was changed.
    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_made_once_in_a_while() {
        let (cache, mut made) = (Cache::default(), 0);
        let mut ask = |cache: &Cache| {
            let content = cache.get(|| {
                made += 1;
                Content::json(&made)
            });
            content.unwrap();
            made
        };
        assert_eq!((ask(&cache), ask(&cache)), (1, 1));
        tokio::time::advance(FRESH).await;
        assert_eq!((ask(&cache), ask(&cache)), (2, 2));
        cache.clear();
        assert_eq!(ask(&cache), 3);
    }
}
