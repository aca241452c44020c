//! Rows without a key, which nothing would find again if they came twice.

use super::*;

/// A source of trades without a key, of two days with so many rows each.
fn keyless(origin: &Origin, rows: u64, more: &str) -> String {
    format!(
        "  - name: bybit
    type: archive
    preset: bybit
    base_url: {}/archive/bybit,symbols=BTCUSDT,from=2024-01-01,to=2024-01-03,index=nginx,rows={rows}
    market: derivatives
    data_type: trades
    symbols: BTCUSDT
    from: 2024-01-01
    to: 2024-01-03
{more}",
        origin.url()
    )
}

#[test]
fn rows_without_a_key_are_never_there_twice() {
    let origin = Origin::default();
    let desk = desk(&keyless(&origin, 100, ""));
    let write = |more: &str| {
        let yaml = format!(
            "destination: {{ type: sqlite, path: out.db }}\nsources:\n{}",
            keyless(&origin, 100, more)
        );
        desk.write("busta.yaml", yaml);
    };
    let rows = || number(&desk, "SELECT count(*) FROM trades");
    desk.collect_well(&[]);
    assert_eq!(rows(), 300);

    // A file that is published anew is refused, once, and the others go on.
    origin.sandbox().republish_archive("BTCUSDT2024-01-02");
    let (ended, report) = desk.collect(&[]);
    assert_eq!((ended.code, rows(), &report["failures"]), (3, 300, &Value::from(1)), "{report:#}");
    let why = texts(&desk, "SELECT reason FROM _busta_failures").concat();
    assert!(why.contains("BTCUSDT2024-01-02") && why.contains("no primary key"), "{why}");
    desk.busta(&["sources", "collect", "--resume"]);
    assert_eq!(rows(), 300, "nor does it come when the run goes on");
    desk.collect_well(&[]);
    assert_eq!(rows(), 300);

    // The operator may want both, or all anew.
    write("    write_mode: append\n");
    desk.collect_well(&[]);
    assert_eq!(rows(), 400);
    write("");
    desk.collect_well(&["--full-refresh"]);
    assert_eq!(rows(), 300);
}

/// What was read of them is not shown, and so must not be taken for read.
#[test]
fn a_full_refresh_that_a_limit_cuts_short_is_read_again() {
    let origin = Origin::default();
    for limit in ["1", "100", "150", "250"] {
        let desk = desk(&keyless(&origin, 100, ""));
        desk.collect(&["--full-refresh", "--limit", limit]);
        desk.collect_well(&[]);
        let twice = "SELECT count(*) - count(DISTINCT trdMatchID) FROM trades";
        let rows = number(&desk, "SELECT count(*) FROM trades");
        assert_eq!((rows, number(&desk, twice)), (300, 0), "--limit {limit}");
    }
}

#[cfg(feature = "failpoints")]
#[test]
fn rows_without_a_key_of_a_run_that_died_are_not_read_anew() {
    const ROWS_OF_A_FILE: i64 = 30_000;
    let origin = Origin::default();
    let mut refused = 0;
    // A commit takes all that waits for it. Of a file, whose batches follow each other, that is never all.
    for nth in [2, 3, 5, 7] {
        let desk = desk(&keyless(&origin, ROWS_OF_A_FILE as u64, ""));
        let died = desk.dies_at(&format!("engine.commit.after:{nth}"), &[]);
        assert!(died || nth > 2, "there is one commit of files, and one of rows, at least");
        // A new run, and not the one that died.
        let (ended, _) = desk.collect(&[]);
        let twice = "SELECT count(*) - count(DISTINCT trdMatchID) FROM trades";
        assert_eq!(number(&desk, twice), 0, "after commit {nth}");
        let why = "SELECT count(*) FROM _busta_failures WHERE reason LIKE '%did not come to its end%'";
        let cut_short = number(&desk, why);
        assert_eq!(ended.code, if cut_short > 0 { 3 } else { 0 }, "after commit {nth}");
        refused += cut_short;
        desk.collect_well(&["--full-refresh"]);
        assert_eq!(
            (number(&desk, "SELECT count(*) FROM trades"), number(&desk, twice)),
            (3 * ROWS_OF_A_FILE, 0)
        );
    }
    assert!(refused > 0, "no run died in the middle of a file");
}
