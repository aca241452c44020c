//! How soon a host that bears more again is used for what it bears.
//!
//! A limit can only be tried at the cost of a refusal, and of those there may be one in a hundred. So what a host with
//! a low limit bears is known later than of others: after some hundred answers, and some of the waits it asks for.

use std::time::Duration;

use super::server::{Limit, Server};
use super::world::run;
use super::{best_static, client, phase};

/// Wherever its limit was.
const LEAST: f64 = 30.0;

/// So many answers at the limit that is gone, and so many of its windows.
const ANSWERS: f64 = 750.0;
const WINDOWS: f64 = 20.0;

/// The seconds within which what `gone` did is forgotten.
pub fn patience(gone: &Server) -> f64 {
    let places = |places: usize| places as f64 / gone.latency();
    let (rate, window) = match gone.limited_by() {
        Limit::None => return LEAST,
        Limit::Queue(most) | Limit::Collapse(most) | Limit::Refuse(most) => (places(most), 0.0),
        Limit::Rate(count, per) => (f64::from(count) / per.as_secs_f64(), per.as_secs_f64()),
    };
    LEAST.max(ANSWERS / rate).max(WINDOWS * window)
}

fn check(gone: &Server, cap: usize) {
    let client = client(cap);
    let wide = Server::new(100).limit(Limit::Rate(80, Duration::from_secs(1)));
    let healthy = Server::new(100);
    let patience = Duration::from_secs_f64(patience(gone));
    let mut phases = vec![phase(30, wide), phase(60, gone.clone())];
    phases.push(super::Phase { lasts: patience, server: healthy.clone() });
    phases.push(phase(20, healthy));
    let results = run(&client, &phases);
    let (last, best) = (&results[3], best_static(&phases[3], &client));
    println!("{:?}: {:.1}/s of {best:.1}/s after {patience:?}", gone.limited_by(), last.rate);
    assert!(last.rate >= 0.85 * best, "{gone:?}: {:.1}/s of {best:.1}/s after {patience:?}", last.rate);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_gone_is_soon_forgotten() {
    let rate = |count, seconds| Limit::Rate(count, Duration::from_secs(seconds));
    let limits = [
        Limit::Refuse(1),
        Limit::Refuse(2),
        Limit::Refuse(6),
        Limit::Collapse(1),
        Limit::Collapse(4),
        Limit::Queue(2),
        rate(1, 1),
        rate(5, 1),
        rate(20, 1),
        rate(50, 1),
        rate(20, 2),
    ];
    for limit in limits {
        let gone = Server::new(100).jitter(50).limit(limit);
        for gone in [gone.clone(), gone.clone().tells(), gone.mute()] {
            check(&gone, 16);
        }
    }
}
