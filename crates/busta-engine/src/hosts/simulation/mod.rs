//! Scripted servers, and how near the learnt limits come to the best that could be configured for them.
//!
//! Time is a number here: events are taken from a heap, so that hours take milliseconds and nothing is left
//! to chance but what is drawn from a seed.

mod server;
mod world;

use std::time::Duration;

use server::{Limit, Server};
use world::{Client, Phase, run};

/// How near to the best static setting, in each phase.
const NEAR: f64 = 0.85;

/// The share of refusals that is no storm.
const STORM: f64 = 0.01;

/// The same client with fixed limits, for each of many: the best of them.
fn best_static(phase: &Phase, client: &Client) -> f64 {
    let places =
        [1, 2, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 64].into_iter().filter(|places| *places <= client.cap);
    // What is fixed is the same all the time.
    let short = phase.server.rate().map_or(5, |_| 120);
    let phase = Phase { lasts: Duration::from_secs(short), server: phase.server.clone() };
    let rates =
        phase.server.rate().map_or_else(|| vec![None], |rate| vec![None, Some(rate * 0.9), Some(rate)]);
    let served = places.flat_map(|places| {
        let phase = &phase;
        rates.iter().map(move |rate| {
            let fixed = Client { fixed: Some((places, *rate)), ..client.clone() };
            run(&fixed, std::slice::from_ref(phase))[0].rate
        })
    });
    served.fold(0.0, f64::max)
}

fn check(name: &str, client: &Client, phases: &[Phase]) {
    let results = run(client, phases);
    let mut requests = 0.0;
    let mut refused = 0.0;
    for (at, (phase, result)) in phases.iter().zip(&results).enumerate() {
        let best = best_static(phase, client);
        let share = result.rate / best;
        println!(
            "{name}, phase {at}: {:.1}/s of {best:.1}/s = {share:.3}; refused {} of {}; limit {:?}, pace {:?}",
            result.rate, result.refused, result.requests, result.limit, result.pace
        );
        requests += result.requests as f64;
        refused += result.refused as f64;
        assert!(share >= NEAR, "{name}, phase {at}: {share:.3} of the best static setting");
    }
    assert!(refused / requests < STORM, "{name}: {refused} of {requests} refused");
}

fn phase(seconds: u64, server: Server) -> Phase {
    Phase { lasts: Duration::from_secs(seconds), server }
}

fn client(cap: usize) -> Client {
    Client { cap, fixed: None, seed: 7 }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_server_gets_all_at_once() {
    for cap in [1, 5, 8, 20, 64] {
        check(&format!("healthy, {cap}"), &client(cap), &[phase(20, Server::new(50))]);
    }
}

#[tokio::test(start_paused = true)]
async fn fixed_capacity_that_queues() {
    check("queue", &client(64), &[phase(60, Server::new(50).limit(Limit::Queue(8)))]);
}

#[tokio::test(start_paused = true)]
async fn fixed_capacity_that_collapses() {
    for cap in [8, 20, 64] {
        check(
            &format!("collapse, {cap}"),
            &client(cap),
            &[phase(120, Server::new(50).limit(Limit::Collapse(6)))],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn fixed_capacity_that_refuses() {
    for cap in [20, 64] {
        check(
            &format!("refuse, {cap}"),
            &client(cap),
            &[phase(120, Server::new(50).limit(Limit::Refuse(8)))],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn capacity_that_halves_and_doubles() {
    for limit in [Limit::Queue as fn(usize) -> Limit, Limit::Collapse, Limit::Refuse] {
        // Where a trial may cost a second of silence, trials are rare, and what is new is found later.
        let lasts = if matches!(limit(1), Limit::Refuse(_)) { 300 } else { 120 };
        let phases: Vec<Phase> =
            [12, 6, 12, 24].map(|k| phase(lasts, Server::new(50).limit(limit(k)))).into();
        check(&format!("{:?} changes", limit(12)), &client(32), &phases);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_above_which_it_refuses() {
    for (count, per, lasts) in [(10, 1, 1200), (50, 1, 300), (100, 10, 1200), (120, 20, 1200)] {
        let limit = Limit::Rate(count, Duration::from_secs(per));
        let server = Server::new(50).limit(limit);
        check(&format!("{limit:?}"), &client(8), &[phase(lasts, server.clone())]);
        check(&format!("{limit:?} told"), &client(8), &[phase(lasts, server.clone().tells())]);
        // Who neither tells of his window nor when to come back, and has a long one, is asked in vain more
        // often than that: nothing but time shows when it ends.
        if per <= 10 {
            check(&format!("{limit:?} blind"), &client(8), &[phase(lasts, server.mute())]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_and_losses_are_no_reason_to_slow_down() {
    check("jitter", &client(20), &[phase(120, Server::new(20).jitter(100))]);
    check("lossy", &client(20), &[phase(120, Server::new(50).loses(0.05))]);
    check("jitter and queue", &client(32), &[phase(120, Server::new(30).jitter(60).limit(Limit::Queue(10)))]);
    check(
        "jitter and collapse",
        &client(32),
        &[phase(240, Server::new(30).jitter(60).limit(Limit::Collapse(10)))],
    );
    check(
        "jitter and refuse",
        &client(32),
        &[phase(240, Server::new(30).jitter(60).limit(Limit::Refuse(10)))],
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_for_its_own_reasons_is_not_asked_less() {
    let phases = [phase(60, Server::new(50)), phase(120, Server::new(200)), phase(60, Server::new(50))];
    check("slow for a while", &client(20), &phases);
}
