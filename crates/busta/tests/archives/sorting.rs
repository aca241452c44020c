//! Rows that are not in the order of their time.

use super::*;

#[cfg(feature = "parquet")]
#[test]
#[allow(clippy::print_stdout, reason = "what a judge says")]
fn others_find_the_lake_sorted_though_files_are_not() {
    let origin = Origin::default();
    // A month of minutes makes several batches.
    let base = format!(
        "{}/archive/symbols=1,intervals=1m,from=2023-12-20,to=2024-02-10,shuffled=2024-01",
        origin.url()
    );
    let yaml = klines(&base, "").replace("intervals: [1h]", "intervals: 1m").replace(", ETHUSDT]", "]");
    let partitions = "partition_by: [symbol, { field: open_time, by: day }]";
    let desk =
        Desk::new(&format!("destination: {{ type: parquet, path: lake, {partitions} }}\nsources:\n{yaml}"));
    let report = desk.collect_well(&[]);
    assert_eq!(report["records"], 43 * 24 * 60 + FILES);
    let Some(python) = busta_testkit::judges::python() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/sorted.py");
    let judged = std::process::Command::new(python)
        .arg(script)
        .args([desk.file("lake/klines").as_os_str(), "open_time".as_ref()])
        .output()
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&judged.stdout), String::from_utf8_lossy(&judged.stderr));
    assert!(judged.status.success(), "a judge has found something; see above");
}

/// A month of minutes and a day, both in no order.
#[cfg(feature = "failpoints")]
fn minutes_in_no_order(origin: &Origin) -> Desk {
    let base = format!(
        "{}/archive/symbols=1,intervals=1m,from=2023-12-20,to=2024-02-10,shuffled=2024-01+2023-12-26",
        origin.url()
    );
    let yaml = klines(&base, "    write_mode: append\n    period: monthly\n");
    let yaml = yaml.replace("intervals: [1h]", "intervals: 1m").replace(", ETHUSDT]", "]");
    let yaml = yaml.replace("from: 2023-12-25", "from: 2024-01-01").replace("2024-02-05", "2024-01-31");
    Desk::new(&format!("destination: {{ type: ndjson, path: out }}\nsources:\n{yaml}"))
}

/// The times of all rows, in their order, by month.
#[cfg(feature = "failpoints")]
fn times_by_month(desk: &Desk) -> Vec<(String, Vec<String>)> {
    let mut months: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(desk.file("out/klines")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "ndjson"));
    files.sort();
    for line in files.iter().flat_map(|path| {
        std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        let row: Value = serde_json::from_str(&line).unwrap();
        let time = row["open_time"].as_str().unwrap().to_owned();
        months.entry(time[..7].to_owned()).or_default().push(time);
    }
    months.into_iter().collect()
}

/// Dies in each phase of sorting, and behind the first batches of what is sorted.
#[cfg(feature = "failpoints")]
#[test]
fn killed_while_rows_are_sorted_they_come_once_and_in_order() {
    let origin = Origin::default();
    let expected = 31 * 24 * 60;
    for points in [
        &["archive.sort.run:1", "archive.sort.run:2", "archive.sort.run:3"][..],
        &["archive.sort.merge:1", "engine.commit.after:1", "engine.commit.after:2", "engine.commit.after:1"],
    ] {
        let desk = minutes_in_no_order(&origin);
        let mut deaths = 0;
        for point in points {
            deaths += u32::from(desk.dies_at(point, &["--resume"]));
        }
        assert!(deaths >= 2, "{deaths} deaths at {points:?}");
        desk.collect_well(&["--resume"]);
        let months = times_by_month(&desk);
        assert_eq!(months.iter().map(|(_, times)| times.len()).sum::<usize>(), expected, "{points:?}");
        for (month, times) in months {
            let mut sorted = times.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), times.len(), "{points:?}: rows of {month} came twice");
            // The month is one file: what was in order before the first late row, and the rest.
            let falls = times.windows(2).filter(|two| two[1] < two[0]).count();
            assert!(month != "2024-01" || falls <= 1, "{points:?}: {falls} falls in {month}");
        }
        let parts = desk.file("archives/klines/_busta/parts");
        let left = std::fs::read_dir(&parts).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{points:?}: something is left in {}", parts.display());
    }
}
