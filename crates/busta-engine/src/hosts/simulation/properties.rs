//! What holds whatever a host does.

use std::time::Duration;

use busta_core::meter::RateHints;
use proptest::prelude::*;
use tokio::time::Instant;

use super::recovery::patience;
use super::server::{Limit, Server};
use super::world::{Phase, run};
use super::{best_static, client, phase};
use crate::hosts::adaptive::{Adaptive, Answer};

/// What befalls a host's limits, one event after another.
#[derive(Clone, Debug)]
enum Event {
    Left,
    Answered(Option<u16>, u64, RateHints),
    Passed(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let status = prop_oneof![
        6 => Just(Some(200)),
        2 => Just(Some(429)),
        2 => prop::sample::select(vec![304, 403, 404, 500, 502, 503]).prop_map(Some),
        1 => Just(None),
    ];
    let seconds = || prop::option::of(prop_oneof![0..30_u64, Just(100_000)].prop_map(Duration::from_secs));
    let remaining = prop::option::of(prop_oneof![0..5_u64, any::<u64>()]);
    let hints = (remaining, seconds(), seconds()).prop_map(|(remaining, reset, retry_after)| RateHints {
        remaining,
        reset,
        retry_after,
    });
    prop_oneof![
        4 => Just(Event::Left),
        4 => (status, prop_oneof![0..500_u64, Just(600_000)], hints).prop_map(|(s, l, h)| Event::Answered(s, l, h)),
        2 => prop_oneof![0..50_u64, 0..100_000_u64].prop_map(Event::Passed),
    ]
}

fn server() -> impl Strategy<Value = Server> {
    let limit = prop_oneof![
        Just(Limit::None),
        (1..20_usize).prop_map(Limit::Queue),
        (1..20_usize).prop_map(Limit::Collapse),
        (1..20_usize).prop_map(Limit::Refuse),
        (2..60_u32, 1..3_u64).prop_map(|(count, seconds)| Limit::Rate(count, Duration::from_secs(seconds))),
    ];
    let losses = prop_oneof![Just(0.0), 0.0..0.5];
    (20..150_u64, 0..100_u64, limit, losses, 0..3_u8).prop_map(|(latency, jitter, limit, loss, says)| {
        let server = Server::new(latency).jitter(jitter).limit(limit).loses(loss);
        match says {
            0 => server.tells(),
            1 => server.mute(),
            _ => server,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_is_always_a_place_and_a_pace(events in prop::collection::vec(event(), 1..400)) {
        let (mut host, mut now) = (Adaptive::default(), Instant::now());
        let mut under_way = 0;
        for event in events {
            match event {
                Event::Left if host.wait_until(now).is_none() => {
                    under_way += 1;
                    host.left(now, under_way);
                }
                Event::Left => {}
                Event::Answered(status, millis, limits) if under_way > 0 => {
                    let latency = Duration::from_millis(millis);
                    host.answered(now, &Answer { status, latency, limits, in_flight: under_way, paced: false });
                    under_way -= 1;
                }
                Event::Answered(..) => {}
                Event::Passed(millis) => now += Duration::from_millis(millis),
            }
            prop_assert!(host.places() >= 1);
            let rate = host.rate();
            prop_assert!(rate.is_none_or(|rate| rate.is_finite() && rate > 0.0), "{:?}", rate);
            // Nobody asks for more than this, and a pace never makes one wait for longer.
            let wait = host.wait_until(now).map(|until| until - now);
            prop_assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(200_000)), "{:?}", wait);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_trouble_is_for_ever_and_no_cap_is_passed(
        trouble in prop::collection::vec((server(), 5..40_u64), 1..4),
        cap in 1..16_usize,
        latency in 50..150_u64,
    ) {
        let client = client(cap);
        let mut phases: Vec<Phase> = trouble.into_iter().map(|(server, lasts)| phase(lasts, server)).collect();
        // Time to find out that all is well, and then it must be used.
        let patience: f64 = phases.iter().map(|phase| patience(&phase.server)).sum();
        phases.extend([phase(patience as u64, Server::new(latency)), phase(20, Server::new(latency))]);
        let results = run(&client, &phases);
        prop_assert!(results.iter().all(|result| result.most <= cap), "{:?}", results);
        let (last, best) = (&results[results.len() - 1], best_static(&phases[phases.len() - 1], &client));
        prop_assert!(last.rate >= 0.85 * best, "{:.1}/s of {:.1}/s: {:?}", last.rate, best, last);
        prop_assert_eq!(last.refused, 0);
    }
}
