//! Exactly once: the real binary is killed at random moments and at every failpoint, resumed until it
//! is done, and must have landed what an undisturbed run lands.
//!
//! `BUSTA_KILLS=200` makes the random part as long as one likes, and dies at failpoints among twenty sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::time::{Duration, Instant};

use support::landed::{self, Landed, assert_same};
use support::origin::Origin;
use support::world::{CHAIN, FEW, SEARCHES, TWENTY, World};
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

/// The same with change logs, which must tell what is there: of tables of few sources, and of twenty.
#[cfg(feature = "failpoints")]
const LOGGED_FEW: Kind = Kind {
    yaml: "{ type: sqlite, path: out.db }
datasets: { merged: { snapshot: true }, found: { change_log: true }, drops: { snapshot: true } }",
    read: |desk| {
        landed::check_logs(&desk.file("out.db"), &["merged", "found", "drops"]);
        landed::sqlite(&desk.file("out.db"))
    },
    failpoints: busta_connectors::destinations::sqlite::FAILPOINTS,
};

const LOGGED: Kind = Kind {
    yaml: "{ type: sqlite, path: out.db }
datasets: { chain0: { snapshot: true }, orders: { change_log: true }, order_lines: { snapshot: true } }",
    read: |desk| {
        landed::check_logs(&desk.file("out.db"), &["chain0", "orders", "order_lines"]);
        landed::sqlite(&desk.file("out.db"))
    },
    failpoints: &[],
};

const NDJSON: Kind = Kind {
    yaml: "{ type: ndjson, path: out, file_size: 256KiB }",
    read: |desk| landed::ndjson(&desk.file("out")),
    failpoints: busta_connectors::destinations::ndjson::FAILPOINTS,
};

#[cfg(feature = "parquet")]
const PARQUET: Kind = Kind {
    yaml: "{ type: parquet, path: out, file_size: 32KiB }",
    read: |desk| landed::parquet(&desk.file("out")),
    failpoints: busta_connectors::destinations::parquet::FAILPOINTS,
};

const ENGINE_FAILPOINTS: [&str; 5] = [
    "engine.commit.before",
    "engine.commit.after",
    "engine.finish.before",
    "engine.finish.after",
    "engine.run.before_report",
];

/// How long the suite is, is up to whoever runs it.
#[allow(clippy::disallowed_methods, reason = "a test asks for it")]
fn kills() -> Option<u64> {
    std::env::var("BUSTA_KILLS").ok().and_then(|n| n.parse().ok())
}

fn undisturbed(world: &World, origin: &Origin, kind: &Kind) -> (Landed, Duration) {
    let desk = (world.desk)(&origin.url(), kind.yaml);
    let began = Instant::now();
    desk.collect_well(&[]);
    let took = began.elapsed();
    let landed = (kind.read)(&desk);
    assert_eq!(landed.values().map(Vec::len).sum::<usize>(), world.rows, "the undisturbed run is not whole");
    (landed, took)
}

#[allow(clippy::disallowed_methods, reason = "the moment of death must not depend on what the process does")]
fn kill_at_random(world: &World, kind: &Kind, kills: u64, seed: u64) {
    let origin = Origin::default();
    let (expected, took) = undisturbed(world, &origin, kind);
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut killed = 0;
    while killed < kills {
        let desk = (world.desk)(&origin.url(), kind.yaml);
        origin.sandbox().reset();
        let before = killed;
        loop {
            let mut child = desk.spawn(&[&COLLECT[..], &["--resume"]].concat());
            std::thread::sleep(took.mul_f64(chance.f64() * 0.6));
            if let Some(status) = child.try_wait().unwrap() {
                let shown = || desk.busta(&["runs", "show"]).stdout;
                assert!(status.success(), "{status}: {}", shown());
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            // Killed after its last word: with nothing left to resume, another run would begin.
            if desk.busta(&["runs", "list"]).stdout.contains("completed") {
                break;
            }
            if killed >= before + 15 {
                desk.collect_well(&["--resume"]);
                break;
            }
        }
        let when = format!("after {} kills, seed {seed}", killed - before);
        assert_same(&(kind.read)(&desk), &expected, &when);
        let again = 1 + 2 * (killed - before);
        let stats = origin.stats();
        // All searches by POST have one URL.
        let too_often: Vec<_> =
            stats.served_more_than(again).filter(|(url, _)| !url.ends_with("/search")).collect();
        assert!(too_often.is_empty(), "{when}: {too_often:?}");
    }
}

#[test]
fn sqlite_survives_random_kills() {
    kill_at_random(&TWENTY, &SQLITE, kills().unwrap_or(20), 1);
}

#[test]
fn sqlite_with_change_logs_survives_random_kills() {
    kill_at_random(&TWENTY, &LOGGED, kills().unwrap_or(6), 6);
}

#[test]
fn ndjson_survives_random_kills() {
    kill_at_random(&TWENTY, &NDJSON, kills().unwrap_or(20), 2);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_survives_random_kills() {
    kill_at_random(&TWENTY, &PARQUET, kills().unwrap_or(20), 3);
}

#[test]
fn a_chain_of_streams_survives_random_kills() {
    kill_at_random(&CHAIN, &SQLITE, kills().unwrap_or(8), 6);
}

#[test]
fn a_split_search_into_sqlite_survives_random_kills() {
    kill_at_random(&SEARCHES, &SQLITE, kills().unwrap_or(8), 4);
}

#[cfg(feature = "parquet")]
#[test]
fn a_split_search_into_parquet_survives_random_kills() {
    kill_at_random(&SEARCHES, &PARQUET, kills().unwrap_or(8), 5);
}

/// Every failpoint that a run passes. The compaction of the manifest begins at a size that these runs do
/// not reach; the destination's own crash tests cover it.
#[cfg(feature = "failpoints")]
fn points(kind: &Kind) -> impl Iterator<Item = &'static str> {
    kind.failpoints.iter().copied().chain(ENGINE_FAILPOINTS).filter(|point| !point.contains(".compact."))
}

/// Kills a run at a failpoint and resumes it. Tells whether the point was passed so often.
#[cfg(feature = "failpoints")]
fn kill_at(desk: &Desk, point: &str, nth: u32) -> bool {
    let died = desk.dies_at(&format!("{point}:{nth}"), &[]);
    if died {
        desk.collect_well(&["--resume"]);
    }
    died
}

/// Changes records that are there already, so that the next run has rows to replace.
#[cfg(feature = "failpoints")]
fn change_files(desk: &Desk) {
    for n in 0..10 {
        desk.write(
            &format!("drops/{}/{n}.json", n % 4),
            format!(r#"[{{"id": {n}, "name": "changed {n}"}}]"#),
        );
    }
}

#[cfg(feature = "failpoints")]
fn kill_at_failpoints(kind: &Kind) {
    let origin = Origin::default();
    let (world, times): (&World, &[u32]) = if kills().is_some() { (&TWENTY, &[1, 4]) } else { (&FEW, &[1]) };
    let (first, _) = undisturbed(world, &origin, kind);
    let mut missed = Vec::new();
    for point in points(kind) {
        let mut reached = false;
        for &nth in times {
            let desk = (world.desk)(&origin.url(), kind.yaml);
            reached |= kill_at(&desk, point, nth);
            assert_same(&(kind.read)(&desk), &first, &format!("{point}:{nth}"));
        }
        if !reached {
            missed.push(point);
        }
    }
    // Some points are passed only where older rows are replaced.
    let second_run = |collect: &dyn Fn(&Desk) -> bool| {
        let desk = (world.desk)(&origin.url(), kind.yaml);
        desk.collect_well(&[]);
        change_files(&desk);
        (collect(&desk), (kind.read)(&desk))
    };
    let (_, second) = second_run(&|desk| desk.collect(&[]).0.code == 0);
    for point in missed {
        let (reached, landed) = second_run(&|desk| kill_at(desk, point, 1));
        assert!(reached, "{point} is never passed");
        assert_same(&landed, &second, &format!("{point} in the second run"));
    }
}

#[cfg(feature = "failpoints")]
#[test]
fn sqlite_survives_every_failpoint() {
    kill_at_failpoints(&SQLITE);
}

#[cfg(feature = "failpoints")]
#[test]
fn sqlite_with_change_logs_survives_every_failpoint() {
    kill_at_failpoints(&LOGGED_FEW);
}

#[cfg(feature = "failpoints")]
#[test]
fn ndjson_survives_every_failpoint() {
    kill_at_failpoints(&NDJSON);
}

#[cfg(all(feature = "failpoints", feature = "parquet"))]
#[test]
fn parquet_survives_every_failpoint() {
    kill_at_failpoints(&PARQUET);
}

/// Sources without a primary key: what a run reads again is there twice. One of files, one of an archive.
#[cfg(feature = "failpoints")]
fn keyless(origin: &str, destination: &str) -> Desk {
    let desk = Desk::new(&format!(
        "destination: {destination}
sources:
  - name: lines
    type: files
    paths: ['lines/*.ndjson']
    stream: lines
  - name: bybit
    type: archive
    preset: bybit
    base_url: {origin}/archive/bybit,symbols=BTCUSDT,from=2024-01-01,to=2024-01-06,index=nginx,rows=50
    market: derivatives
    data_type: trades
    symbols: BTCUSDT
    from: 2024-01-01
    to: 2024-01-06
"
    ));
    for file in 0..64 {
        let line = |n: usize| format!("{{\"line\": {}}}\n", 3 * file + n);
        desk.write(&format!("lines/{file:02}.ndjson"), (0..3).map(line).collect::<String>());
    }
    desk
}

/// What was done before the kill is known to the run after the one that was resumed.
#[cfg(feature = "failpoints")]
fn kill_full_refreshes(kind: &Kind) {
    let origin = Origin::default();
    let undisturbed = keyless(&origin.url(), kind.yaml);
    undisturbed.collect_well(&[]);
    let expected = (kind.read)(&undisturbed);
    assert_eq!((expected["lines"].len(), expected["trades"].len()), (192, 300));
    for point in
        ["engine.commit.after:1", "engine.commit.after:4", "engine.finish.before:1", "engine.finish.after:1"]
    {
        // Nothing is known of what an earlier run has read.
        let desk = keyless(&origin.url(), kind.yaml);
        let mut command = desk.command(&[&COLLECT[..], &["--full-refresh"]].concat());
        let died = command.env("BUSTA_FAILPOINT", point).output().unwrap();
        assert_eq!(
            support::exit_code(died.status),
            134,
            "{point}: {}",
            String::from_utf8_lossy(&died.stderr)
        );
        desk.collect_well(&["--resume"]);
        assert_same(&(kind.read)(&desk), &expected, &format!("{point}, resumed"));
        desk.collect_well(&[]);
        assert_same(&(kind.read)(&desk), &expected, &format!("{point}, the next run"));
    }
}

#[cfg(feature = "failpoints")]
#[test]
fn sqlite_survives_kills_of_a_full_refresh_without_keys() {
    kill_full_refreshes(&SQLITE);
}

#[cfg(all(feature = "failpoints", feature = "parquet"))]
#[test]
fn parquet_survives_kills_of_a_full_refresh_without_keys() {
    kill_full_refreshes(&PARQUET);
}
