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
    pub machine: Machine,
}

/// What a real machine adds to what the server takes: seconds in the mean, and now and then many times that.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// From a request to its server, from an answer to whoever takes it in, and from a time to who waited for it.
    pub way: f64,
    /// From an answer to the next request of its split, unless that was sent ahead, or to the place's being free.
    pub work: f64,
}

impl Machine {
    /// One that is never late.
    pub const IDLE: Self = Self { way: 0.0, work: 0.0 };

    /// One that has more to do than this.
    pub const BUSY: Self = Self { way: 0.000_7, work: 0.002 };
}

/// So many pages has a split, of those that are cut into splits by pages. All but the last send the next ahead.
const PAGES: u32 = 8;

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
    /// A request that left at a time, for a place, comes to the server.
    Request(Place, Instant),
    /// Its answer is there.
    Answer(Place, Instant, u16, RateHints),
    /// A page is done with, and its split goes on if its host lets it.
    Next(Place),
    /// A split is done with; another takes its turn.
    Free(Place),
    /// A split gives its place back, and waits for so long.
    Parked(Place, Duration),
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
    machine: Machine,
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
        machine: client.machine,
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
                Some(What::Request(place, sent)) => {
                    let seconds = (now - self.start).as_secs_f64();
                    let (status, took, hints) = server.answer(seconds, &mut self.chance);
                    let back = Duration::from_secs_f64(took) + self.some(self.machine.way);
                    self.at(now + back, What::Answer(place, sent, status, hints));
                }
                Some(What::Answer(place, sent, status, limits)) => {
                    good += u32::from(status == 200);
                    refused += usize::from(status == 429);
                    self.answered(place, sent, status, limits, now);
                }
                Some(What::Next(place)) if self.hosts.next(&self.key, place, now).is_ok() => {
                    self.send(place, now);
                }
                Some(What::Next(place) | What::Free(place)) => {
                    self.hosts.release(&self.key, place);
                    self.waiting += 1;
                }
                Some(What::Parked(place, wait)) => {
                    self.hosts.release(&self.key, place);
                    self.at(now + wait, What::Back);
                }
                Some(What::Back) => self.waiting += 1,
                Some(What::Wake) | None => {}
            }
            self.admit(now);
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

    /// Takes in an answer, and goes on as a slot does.
    fn answered(&mut self, place: Place, sent: Instant, status: u16, limits: RateHints, now: Instant) {
        self.under_way -= 1;
        let latency = now - sent;
        let seen = Request { host: &self.key, status: Some(status), latency, bytes: 0, limits };
        self.hosts.requested(&seen, now);
        let done = now + self.some(self.machine.work);
        if status == 200 {
            self.in_vain = 0;
            let is_last = self.chance.u32(..PAGES) == 0;
            if is_last {
                self.at(done, What::Free(place));
            } else if self.hosts.turn(&self.key, now).is_ok() {
                self.send(place, now);
            } else {
                self.at(done, What::Next(place));
            }
            return;
        }
        let wait = limits.retry_after.unwrap_or(BLIND_WAIT * 2u32.pow(self.in_vain.min(6)));
        if status == 429 {
            if self.asked_again_at <= now {
                self.in_vain += 1;
                self.asked_again_at = now + wait;
            }
            self.hosts.quiet(&self.key, now, wait);
        }
        self.at(done, What::Parked(place, wait));
    }

    fn admit(&mut self, now: Instant) {
        while self.waiting > 0 {
            match self.hosts.admit(&self.key, now) {
                Ok(place) => {
                    self.waiting -= 1;
                    self.send(place, now);
                }
                Err(Refusal::Full) => break,
                Err(Refusal::Until(at) | Refusal::Paused(at)) => {
                    if self.wake.is_none_or(|wake| wake <= now || at < wake) {
                        self.wake = Some(at);
                        let late = self.some(self.machine.way);
                        self.at(at + late, What::Wake);
                    }
                    break;
                }
            }
        }
    }

    fn send(&mut self, place: Place, now: Instant) {
        self.requests += 1;
        self.under_way += 1;
        self.most = self.most.max(self.under_way);
        let there = self.some(self.machine.way);
        self.at(now + there, What::Request(place, now));
    }

    /// A time of this mean, as chance has it: exponentially.
    fn some(&mut self, mean: f64) -> Duration {
        Duration::from_secs_f64(-mean * (1.0 - self.chance.f64()).ln())
    }
}
