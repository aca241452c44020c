//! Runs that are killed.
//!
//! `BUSTA_KILLS=20` makes the last one as long as one likes: from 20 on with 20 files of 50 MB.

use std::time::{Duration, Instant};

use super::*;

/// New runs, and not the dead one that goes on.
#[cfg(feature = "failpoints")]
#[test]
fn what_dead_runs_have_left_is_done_by_the_next() {
    let origin = Origin::default();
    let desk = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n"));
    // Files are recorded; their rows were found and not yet read.
    assert!(desk.dies_at("engine.commit.after:1", &[]));
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), 0);
    // Rows are there, and nothing was told about them. How many commits there are is a matter of speed.
    for nth in [3, 5, 7] {
        desk.dies_at(&format!("engine.commit.after:{nth}"), &[]);
    }
    desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS);
    assert_eq!(number(&desk, "SELECT count(*) FROM files"), FILES);
    assert_eq!(number(&desk, "SELECT count(*) FROM quality"), FILES);
}

/// Kills the run again and again; every file must be right then, and have come once.
#[test]
#[allow(clippy::disallowed_methods, reason = "the moment of death must not depend on what the process does")]
fn killed_again_and_again_each_byte_comes_once() {
    let kills: u32 = std::env::var("BUSTA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let (count, size) = if kills >= 20 { (20, 50) } else { (4, 8) };
    let origin = Origin::default();
    let desk = desk(&format!(
        "  - name: trades
    type: archive
    preset: binance
    base_url: {}/with/fail=slow,drip=1500ms/archive/symbols=1,types=trades,periods=daily,from=2024-01-01,to=2024-01-{count:02},size={size}MB
    market: spot
    data_type: trades
    symbols: BTCUSDT
    from: 2024-01-01
    to: 2024-01-{count:02}
    period: daily
    convert: false
    ranges: {{ min_size: 64MiB }}
",
        origin.url()
    ));
    let mut chance = fastrand::Rng::with_seed(7);
    for kill in 1..=kills {
        let until = Instant::now() + Duration::from_secs(60);
        let wait = || {
            assert!(Instant::now() < until, "nothing happens");
            std::thread::sleep(Duration::from_millis(5));
        };
        while of_files(&origin, "in_flight") > 0 {
            wait();
        }
        let mut child = desk.spawn(&[&COLLECT[..], &["--resume"]].concat());
        // Each kill meets downloads: of what they ask for, some has been sent, and the rest not.
        while of_files(&origin, "in_flight") == 0 {
            assert!(child.try_wait().unwrap().is_none(), "all was fetched before kill {kill} of {kills}");
            wait();
        }
        std::thread::sleep(Duration::from_millis(chance.u64(100..400)));
        assert!(child.try_wait().unwrap().is_none(), "the run was over at kill {kill} of {kills}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let cut = of_files(&origin, "cut") + of_files(&origin, "abandoned");
    assert!(cut >= u64::from(kills), "{cut} downloads were cut by {kills} kills");
    desk.collect_well(&["--resume"]);
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE verified = 1"), count);
    assert_eq!(desk.busta(&["archive", "verify"]).code, 0);
    let whole: u64 = zips(&desk.file("archives")).iter().map(|path| path.metadata().unwrap().len()).sum();
    let sent = of_files(&origin, "bytes");
    // A slow body comes in twenty pieces. The one that is on its way to a process that dies is lost, and no other.
    let lost = cut * (size as u64 * 1_000_000).div_ceil(20);
    assert!(sent <= whole / 100 * 102 + lost, "{sent} bytes of {whole} were sent, and {cut} downloads cut");
}
