//! A server in front of a played service, for load tests by hand:
//! `cargo run -p busta-server --example stand -- PORT EVENTS_PER_SECOND BUSY_THREADS [TOKEN]`.
//!
//! It publishes events, keeps as many threads busy as it is told, as a collection would, and serves on a
//! runtime of its own; with a token, to those who have it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the played service of the tests")]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use busta_core::clock::{Clock, SystemClock};
use busta_core::event::{Action, Event};
use busta_server::{Activity, RingLimits, Role, ServerSettings, TokenHash, TokenSet, serve};

#[path = "../tests/http_api/support/fake.rs"]
mod fake;

fn main() -> busta_core::Result<()> {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let number = |at: usize, otherwise: u32| numbers.get(at).copied().unwrap_or(otherwise);
    let activity = Arc::new(Activity::new(Arc::new(SystemClock), 0, RingLimits::default()));
    for _ in 0..number(2, 0) {
        std::thread::spawn(|| {
            loop {
                std::hint::black_box(fastrand());
            }
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| busta_core::Error::unavailable(error.to_string()))?;
    runtime.block_on(async {
        tokio::spawn(publish(Arc::clone(&activity), number(1, 0)));
        let port = u16::try_from(number(0, 8080)).unwrap_or(8080);
        let listener = TcpListener::bind(("127.0.0.1", port))
            .map_err(|error| busta_core::Error::unavailable(error.to_string()))?;
        let token = std::env::args().nth(4).map(|token| (TokenHash::of(&token), Role::Operate));
        let settings = ServerSettings::new(Arc::new(Arc::new(TokenSet::new(token))));
        serve(listener, Arc::new(fake::Fake), activity, settings, std::future::pending()).await
    })
}

/// Work that the compiler cannot leave out.
fn fastrand() -> u64 {
    (0..1000).fold(1, |state: u64, _| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
}

async fn publish(activity: Arc<Activity>, per_second: u32) {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        for worker_id in 0..per_second / 100 {
            let event = Event::new(SystemClock.now(), &"01JDEMO000000000".into(), Action::Inserted);
            let source = Some("news".into());
            let stream = Some("entries".into());
            let split = Some("https://news.example/feeds/politics.xml".into());
            let (count, duration_ms) = (Some(100), Some(12));
            activity.publish(Event { worker_id, source, stream, split, count, duration_ms, ..event });
        }
    }
}
