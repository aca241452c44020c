//! Two things at once in one task.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use busta_core::Reader;

/// Carries both out in this task, to the end of both. A panic of `next` goes on only when `previous` is
/// through; one of `previous` drops `next` at once.
pub(super) async fn beside<T>(previous: impl Future<Output = ()>, next: impl Future<Output = T>) -> T {
    let mut next = pin!(next);
    let caught = poll_fn(|context| {
        // Not polled again after a panic, so nobody sees what it has left behind.
        match catch_unwind(AssertUnwindSafe(|| next.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    });
    let ((), outcome) = tokio::join!(previous, caught);
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Carries `own` out, while `reader` goes on with what it has sent ahead.
pub(super) async fn attended<T>(reader: Option<&mut Box<dyn Reader>>, own: impl Future<Output = T>) -> T {
    let (mut reader, mut own) = (reader, pin!(own));
    poll_fn(|context| {
        if let Some(reader) = &mut reader {
            reader.attend(context);
        }
        own.as_mut().poll(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn both_take_the_time_of_the_longer() {
        let began = Instant::now();
        let next = async {
            sleep(Duration::from_secs(2)).await;
            7
        };
        assert_eq!(beside(sleep(Duration::from_secs(3)), next).await, 7);
        assert!(began.elapsed() < Duration::from_millis(3010));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_waits_for_what_came_before() {
        let through = AtomicBool::new(false);
        let previous = async {
            sleep(Duration::from_secs(1)).await;
            through.store(true, Ordering::Relaxed);
        };
        let both = AssertUnwindSafe(beside(previous, async { panic!("next") }));
        let mut both = pin!(both.0);
        let outcome: Result<(), _> =
            poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| both.as_mut().poll(context))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            })
            .await;
        assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"next"));
        assert!(through.load(Ordering::Relaxed));
    }
}
