//! The results as tables for a terminal.

use super::bottleneck::percent;
use super::results::{Measurement, Results, ScenarioResult};
use crate::figures;
use crate::report::table;

/// So much of a core that others used makes a measurement doubtful.
const DISTURBING: f64 = 0.3;

/// All of it.
pub fn text(results: &Results, colour: bool) -> String {
    let mut text = String::new();
    for scenario in &results.scenarios {
        text.push_str(&format!("{}: {}, into {}\n\n", scenario.name, scenario.title, scenario.destination));
        text.push_str(&rows(scenario, colour));
        text.push_str(&format!("\n\nBottleneck: {}\n", scenario.bottleneck.words));
        text.push_str(&format!("{}\n\n", advice(scenario)));
    }
    for doubt in doubts(results) {
        text.push_str(&format!("Mind: {doubt}\n"));
    }
    text.trim_end().to_owned()
}

fn rows(scenario: &ScenarioResult, colour: bool) -> String {
    let header = [
        "workers",
        "time",
        "spread",
        "records/s",
        "MB/s",
        "requests",
        "processor",
        "peak memory",
        "wait",
        "parse",
        "transform",
        "write",
        "idle",
    ];
    let mut rows = table::plain(&header, colour);
    for measurement in &scenario.measurements {
        rows.add_row(cells(measurement).map(table::figure));
    }
    table::trimmed(&rows)
}

/// The figures of a measurement, in the order of the columns of all tables.
pub fn cells(measurement: &Measurement) -> [String; 13] {
    let shares = measurement.shares;
    [
        measurement.workers.to_string(),
        figures::seconds(measurement.wall_s.median),
        format!("±{}", percent(measurement.wall_s.relative() / 2.0)),
        figures::count(measurement.records_per_s as u64),
        format!("{:.1}", measurement.mb_per_s),
        figures::count(measurement.requests),
        figures::seconds(measurement.cpu_s),
        figures::bytes(measurement.peak_rss_bytes.median as u64),
        percent(shares.wait),
        percent(shares.parse),
        percent(shares.transform),
        percent(shares.write),
        percent(shares.idle),
    ]
}

/// The recommended number of workers, and what it brings.
pub fn advice(scenario: &ScenarioResult) -> String {
    let fewest = scenario.measurements.first().map_or(1, |m| m.workers);
    match (scenario.recommended_workers, scenario.measurements.len()) {
        (workers, 1) => format!("Only {workers} at once was measured."),
        (1, _) => "Recommended: one after another; no number of workers is clearly faster.".to_owned(),
        (workers, _) if workers == fewest => {
            format!("Recommended: --concurrency {workers}; no larger number is clearly faster.")
        }
        (workers, _) => format!(
            "Recommended: --concurrency {workers}, which is {:.1}x as fast as {}.",
            scenario.speed_up,
            if fewest == 1 { "one after another".to_owned() } else { format!("{fewest}") },
        ),
    }
}

/// What makes the results less than they seem.
pub fn doubts(results: &Results) -> Vec<String> {
    let mut doubts = Vec::new();
    if results.build != "release" {
        doubts.push(format!("this is a {} build, several times slower than a release build", results.build));
    }
    let measurements = || results.scenarios.iter().flat_map(|scenario| &scenario.measurements);
    let others = measurements().map(|m| m.others_cores).fold(0.0, f64::max);
    if others > DISTURBING {
        doubts.push(format!(
            "other processes used up to {others:.1} of {} cores meanwhile",
            results.machine.cores
        ));
    }
    if results.repeat == 1 {
        doubts.push(
            "each measurement was made once, so that noise is not known; `--repeat 3` tells".to_owned(),
        );
    }
    doubts
}
