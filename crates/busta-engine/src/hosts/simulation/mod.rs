//! Scripted servers, and how near the learnt limits come to the best that could be configured for them.
//!
//! Time is a number here: events are taken from a heap, so that hours take milliseconds and nothing is left
//! to chance but what is drawn from a seed.

mod properties;
mod recovery;
mod server;
mod world;

use std::time::Duration;

use server::{Limit, Server};
use world::{Client, Machine, Phase, PhaseResult, run};

/// How near to the best static setting, in each phase.
const NEAR: f64 = 0.85;

/// The share of refusals that is no storm.
const STORM: f64 = 0.01;

/// The same client with fixed limits, for each of many: the best of them.
fn best_static(phase: &Phase, client: &Client) -> f64 {
    if let Some(rate) = phase.server.rate() {
        // All of it, unless so few at once do not reach it.
        return rate.min(client.cap as f64 / phase.server.latency());
    }
    let places = [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 19, 20, 24, 25, 32, 64]
        .into_iter()
        .filter(|places| *places <= client.cap);
    // What is fixed is the same all the time.
    let phase = Phase { lasts: Duration::from_secs(5), server: phase.server.clone() };
    let served = places.map(|places| {
        let fixed = Client { fixed: Some(places), ..client.clone() };
        run(&fixed, std::slice::from_ref(&phase))[0].rate
    });
    served.fold(0.0, f64::max)
}

/// What is left to chance is drawn from each of these, on an idle machine and on a busy one.
const WORLDS: [(u64, Machine); 2] = [(7, Machine::IDLE), (1, Machine::BUSY)];

fn check(name: &str, client: &Client, phases: &[Phase]) {
    check_bounds(name, client, phases, NEAR, STORM);
}

fn check_bounds(name: &str, client: &Client, phases: &[Phase], near: f64, storm: f64) {
    for (seed, machine) in WORLDS {
        let client = Client { seed, machine, ..client.clone() };
        let results = run(&client, phases);
        for (at, (phase, result)) in phases.iter().zip(&results).enumerate() {
            let best = best_static(phase, &client);
            let share = result.rate / best;
            println!(
                "{name}, seed {seed}, phase {at}: {:.1}/s of {best:.1}/s = {share:.3}; refused {} of {}; limit {:?}, pace {:?}",
                result.rate, result.refused, result.requests, result.limit, result.pace
            );
            assert!(share >= near, "{name}, seed {seed}, phase {at}: {share:.3} of the best static setting");
        }
        let sum = |count: fn(&PhaseResult) -> usize| results.iter().map(count).sum::<usize>() as f64;
        let refused = sum(|result| result.refused) / sum(|result| result.requests);
        assert!(refused < storm, "{name}, seed {seed}: {refused:.4} refused");
    }
}

fn phase(seconds: u64, server: Server) -> Phase {
    Phase { lasts: Duration::from_secs(seconds), server }
}

fn client(cap: usize) -> Client {
    Client { cap, fixed: None, seed: 7, machine: Machine::IDLE }
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
    for (count, per, lasts) in [(10, 1, 600), (50, 1, 300), (30, 5, 600), (100, 10, 600), (120, 20, 600)] {
        let limit = Limit::Rate(count, Duration::from_secs(per));
        let server = Server::new(50).jitter(10).limit(limit);
        check(&format!("{limit:?}"), &client(8), &[phase(lasts, server.clone())]);
        check(&format!("{limit:?} told"), &client(8), &[phase(lasts, server.clone().tells())]);
        // Who neither tells of his window nor when to come back, and has a long one, is asked in vain more
        // often than that: nothing but time shows when it ends.
        let storm = if per <= 10 { STORM } else { 1.5 * STORM };
        check_bounds(&format!("{limit:?} blind"), &client(8), &[phase(lasts, server.mute())], NEAR, storm);
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

/// Servers that nobody has chosen: whatever they bear, and however they say so.
#[tokio::test(start_paused = true)]
async fn any_server_is_used_well_and_not_stormed() {
    let mut chance = fastrand::Rng::with_seed(11);
    for _ in 0..12 {
        let latency = chance.u64(20..150);
        let server = Server::new(latency).jitter(chance.u64(0..latency));
        let most = chance.usize(3..20);
        let (limit, cap, lasts) = match chance.u8(0..4) {
            0 => (Limit::Queue(most), chance.usize(8..64), 120),
            1 => (Limit::Collapse(most), chance.usize(8..64), 240),
            2 => (Limit::Refuse(most), chance.usize(8..64), 300),
            _ => (Limit::Rate(chance.u32(5..60), Duration::from_secs(chance.u64(1..6))), 8, 600),
        };
        let server = match chance.u8(0..3) {
            0 => server.tells(),
            1 => server.mute(),
            _ => server,
        };
        let name = format!("{latency} ms, {limit:?}, {cap} wanted");
        check(&name, &client(cap), &[phase(lasts, server.limit(limit))]);
    }
}

/// Runs of half a minute, in which what was learnt late is not made up for.
#[tokio::test(start_paused = true)]
async fn what_a_server_bears_is_learnt_within_seconds() {
    for most in [1, 2, 3, 4, 5, 6, 9, 12, 15, 19, 20, 25] {
        for server in [Server::new(30), Server::new(100).jitter(30)] {
            let server = server.limit(Limit::Refuse(most));
            for server in [server.clone(), server.mute()] {
                // The first round may be too large; what is tried later is one in a hundred.
                check_bounds(&format!("{most} at once, soon"), &client(32), &[phase(25, server)], NEAR, 1.0);
            }
        }
    }
    for count in [10, 20, 50, 100] {
        let server = Server::new(30).limit(Limit::Rate(count, Duration::from_secs(1)));
        for server in [server.clone(), server.clone().tells(), server.mute()] {
            check_bounds(&format!("{count} a second, soon"), &client(32), &[phase(30, server)], NEAR, 1.0);
        }
    }
}
