//! A client with places, as the engine has them, and a server, on a time of their own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use busta_core::HostKey;
use busta_core::meter::{RateHints, Request};
use busta_core::settings::{EngineSettings, HostSettings};
use tokio::time::Instant;

use super::server::Server;
use crate::hosts::{Hosts, Place, Refusal};

/// What the engine waits after a refusal that names no time; it doubles while nothing is accepted.
const BLIND_WAIT: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub struct Client {
    /// The configured caps.
    pub cap: usize,
    /// Fixed places, and nothing learnt.
    pub fixed: Option<usize>,
    pub seed: u64,
}

#[derive(Clone, Debug)]
pub struct Phase {
    pub lasts: Duration,
    pub server: Server,
}

/// What came of a phase.
#[derive(Debug)]
pub struct PhaseResult {
    /// Good answers a second.
    pub rate: f64,
    pub requests: usize,
    pub refused: usize,
    /// The most requests under way at once.
    pub most: usize,
    pub limit: Option<usize>,
    pub pace: Option<f64>,
}

enum What {
    /// The answer of a request that left at a time, for a place.
    Answer(Place, Instant, u16, RateHints),
    /// A split comes back from being parked.
    Back,
    /// Something may be admitted again.
    Wake,
}

struct World {
    hosts: Hosts,
    key: HostKey,
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
    whats: std::collections::HashMap<u64, What>,
    number: u64,
    waiting: usize,
    chance: fastrand::Rng,
    start: Instant,
    requests: usize,
    under_way: usize,
    most: usize,
    /// Refusals in a row, and when the wait after the last is over.
    in_vain: u32,
    asked_again_at: Instant,
    /// The next time to look again.
    wake: Option<Instant>,
}

pub fn run(client: &Client, phases: &[Phase]) -> Vec<PhaseResult> {
    let host = match client.fixed {
        Some(places) => HostSettings {
            max_concurrency: Some(places),
            rate_limit: None,
            adaptive_concurrency: Some(false),
        },
        None => HostSettings { max_concurrency: Some(client.cap), ..HostSettings::default() },
    };
    let settings = EngineSettings { hosts: [("sim".to_owned(), host)].into(), ..EngineSettings::default() };
    let start = Instant::now();
    let mut world = World {
        hosts: Hosts::new(&settings),
        key: "sim:80".into(),
        heap: BinaryHeap::new(),
        whats: std::collections::HashMap::new(),
        number: 0,
        waiting: client.cap,
        chance: fastrand::Rng::with_seed(client.seed),
        start,
        requests: 0,
        under_way: 0,
        most: 0,
        in_vain: 0,
        asked_again_at: start,
        wake: None,
    };
    world.at(start, What::Wake);
    let mut until = start;
    phases
        .iter()
        .map(|phase| {
            until += phase.lasts;
            world.play(phase.server.clone(), until, phase.lasts)
        })
        .collect()
}

impl World {
    fn at(&mut self, at: Instant, what: What) {
        self.number += 1;
        self.heap.push(Reverse((at, self.number)));
        self.whats.insert(self.number, what);
    }

    fn play(&mut self, mut server: Server, until: Instant, lasts: Duration) -> PhaseResult {
        let (mut good, mut refused) = (0, 0);
        (self.requests, self.most) = (0, self.under_way);
        while let Some(Reverse((now, number))) = self.heap.pop() {
            if now >= until {
                self.heap.push(Reverse((now, number)));
                break;
            }
            match self.whats.remove(&number) {
                Some(What::Answer(place, sent, status, limits)) => {
                    self.under_way -= 1;
                    let latency = now - sent;
                    self.hosts.requested(
                        &Request { host: &self.key, status: Some(status), latency, bytes: 0, limits },
                        now,
                    );
                    if status == 200 {
                        good += 1;
                        self.in_vain = 0;
                        if self.hosts.next(&self.key, place, now).is_ok() {
                            self.send(&mut server, place, now);
                            // Another one may have got room by this answer.
                            self.admit(&mut server, now);
                            continue;
                        }
                        self.waiting += 1;
                    } else {
                        refused += usize::from(status == 429);
                        let wait = limits.retry_after.unwrap_or(BLIND_WAIT * 2u32.pow(self.in_vain.min(6)));
                        if status == 429 {
                            if self.asked_again_at <= now {
                                self.in_vain += 1;
                                self.asked_again_at = now + wait;
                            }
                            self.hosts.quiet(&self.key, now, wait);
                        }
                        self.at(now + wait, What::Back);
                    }
                    self.hosts.release(&self.key, place);
                }
                Some(What::Back) => self.waiting += 1,
                Some(What::Wake) | None => {}
            }
            self.admit(&mut server, now);
        }
        let (limit, pace) = self.hosts.with(&self.key, |host| (host.limit(), host.rate()));
        PhaseResult {
            rate: f64::from(good) / lasts.as_secs_f64(),
            requests: self.requests,
            refused,
            most: self.most,
            limit,
            pace,
        }
    }

    fn admit(&mut self, server: &mut Server, now: Instant) {
        while self.waiting > 0 {
            match self.hosts.admit(&self.key, now) {
                Ok(place) => {
                    self.waiting -= 1;
                    self.send(server, place, now);
                }
                Err(Refusal::Full) => break,
                Err(Refusal::Until(at) | Refusal::Paused(at)) => {
                    if self.wake.is_none_or(|wake| wake <= now || at < wake) {
                        self.wake = Some(at);
                        self.at(at, What::Wake);
                    }
                    break;
                }
            }
        }
    }

    fn send(&mut self, server: &mut Server, place: Place, now: Instant) {
        self.requests += 1;
        self.under_way += 1;
        self.most = self.most.max(self.under_way);
        let seconds = (now - self.start).as_secs_f64();
        let (status, took, hints) = server.answer(seconds, &mut self.chance);
        self.at(now + Duration::from_secs_f64(took), What::Answer(place, now, status, hints));
    }
}
