//! Exactly once: the real binary is killed at random moments and at every failpoint, resumed until it
//! is done, and must have landed what an undisturbed run lands.
//!
//! `BUSTA_KILLS=200` makes the random part as long as one likes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::time::{Duration, Instant};

use support::landed::{self, Landed, assert_same};
use support::origin::Origin;
use support::world::twenty_sources;
use support::{COLLECT, Desk};

/// A kind of destination under test.
struct Kind {
    yaml: &'static str,
    read: fn(&Desk) -> Landed,
    failpoints: &'static [&'static str],
}

const SQLITE: Kind = Kind {
    yaml: "{ type: sqlite, path: out.db }",
    read: |desk| landed::sqlite(&desk.file("out.db")),
    failpoints: busta_connectors::destinations::sqlite::FAILPOINTS,
};

const NDJSON: Kind = Kind {
    yaml: "{ type: ndjson, path: out, file_size: 256KiB }",
    read: |desk| landed::ndjson(&desk.file("out")),
    failpoints: busta_connectors::destinations::ndjson::FAILPOINTS,
};

const ENGINE_FAILPOINTS: [&str; 5] = [
    "engine.commit.before",
    "engine.commit.after",
    "engine.finish.before",
    "engine.finish.after",
    "engine.run.before_report",
];

fn kills() -> u64 {
    std::env::var("BUSTA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20)
}

fn undisturbed(origin: &Origin, kind: &Kind) -> (Landed, Duration) {
    let desk = twenty_sources(&origin.url(), kind.yaml);
    let began = Instant::now();
    desk.collect_well(&[]);
    let took = began.elapsed();
    let landed = (kind.read)(&desk);
    assert_eq!(landed.values().map(Vec::len).sum::<usize>(), rows(), "the undisturbed run is not whole");
    (landed, took)
}

/// Nine chains, six sources of pages, 40 orders with `id % 5` lines each, 30 feeds, and the files.
fn rows() -> usize {
    let lines: usize = (1..=40).map(|id| id % 5).sum();
    9 * 200 + 6 * 300 + 40 + lines + 30 * 10 + 80 + 3000 + 500
}

fn kill_at_random(kind: &Kind, seed: u64) {
    let origin = Origin::default();
    let (expected, took) = undisturbed(&origin, kind);
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut killed = 0;
    while killed < kills() {
        let desk = twenty_sources(&origin.url(), kind.yaml);
        origin.sandbox().reset();
        let before = killed;
        loop {
            let mut child = desk.spawn(&[&COLLECT[..], &["--resume"]].concat());
            // Waiting is the point here: the moment of death must not depend on what the process does.
            std::thread::sleep(took.mul_f64(chance.f64() * 0.6));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            if killed >= before + 15 {
                desk.collect_well(&["--resume"]);
                break;
            }
        }
        let when = format!("after {} kills, seed {seed}", killed - before);
        assert_same(&(kind.read)(&desk), &expected, &when);
        let again = 1 + 2 * (killed - before);
        let stats = origin.stats();
        let too_often: Vec<_> = stats.served_more_than(again).collect();
        assert!(too_often.is_empty(), "{when}: {too_often:?}");
    }
}

#[test]
fn sqlite_survives_random_kills() {
    kill_at_random(&SQLITE, 1);
}

#[test]
fn ndjson_survives_random_kills() {
    kill_at_random(&NDJSON, 2);
}

#[cfg(feature = "failpoints")]
fn kill_at_failpoints(kind: &Kind) {
    let origin = Origin::default();
    let (expected, _) = undisturbed(&origin, kind);
    let mut reached = Vec::new();
    for point in kind.failpoints.iter().chain(&ENGINE_FAILPOINTS) {
        for nth in [1, 4] {
            let desk = twenty_sources(&origin.url(), kind.yaml);
            let spec = format!("{point}:{nth}");
            let mut command = desk.command(&COLLECT);
            let output = command.env("BUSTA_FAILPOINT", &spec).output().unwrap();
            let code = support::exit_code(output.status);
            if code == 0 {
                // This point is passed less often than `nth` times.
                assert_same(&(kind.read)(&desk), &expected, &spec);
                continue;
            }
            assert_eq!(code, 134, "{spec}: {}", String::from_utf8_lossy(&output.stderr));
            reached.push(*point);
            desk.collect_well(&["--resume"]);
            assert_same(&(kind.read)(&desk), &expected, &spec);
        }
    }
    let missed: Vec<_> =
        kind.failpoints.iter().chain(&ENGINE_FAILPOINTS).filter(|p| !reached.contains(p)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

#[cfg(feature = "failpoints")]
#[test]
fn sqlite_survives_every_failpoint() {
    kill_at_failpoints(&SQLITE);
}

#[cfg(feature = "failpoints")]
#[test]
fn ndjson_survives_every_failpoint() {
    kill_at_failpoints(&NDJSON);
}
