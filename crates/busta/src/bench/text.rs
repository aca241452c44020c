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
        time(measurement.wall_s.median),
        format!("±{}", percent(measurement.wall_s.relative() / 2.0)),
        figures::count(measurement.records_per_s as u64),
        format!("{:.1}", measurement.mb_per_s),
        figures::count(measurement.requests),
        time(measurement.cpu_s),
        figures::bytes(measurement.peak_rss_bytes.median as u64),
        percent(shares.wait),
        percent(shares.parse),
        percent(shares.transform),
        percent(shares.write),
        percent(shares.idle),
    ]
}

/// A time with three digits, since a bench is about differences: `507 ms`, `5.54 s`, `42.9 s`.
pub fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s => figures::seconds(s),
    }
}

/// The recommended number of workers, and what it brings.
pub fn advice(scenario: &ScenarioResult) -> String {
    let fewest = scenario.measurements.first().map_or(1, |m| m.workers);
    match (scenario.recommended_workers, scenario.measurements.len()) {
        (1, 1) => "Only one after another was measured.".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn the_tables() {
        insta::assert_snapshot!(text(&results(), false));
    }

    #[test]
    fn times_have_three_digits() {
        let times = [0.0424, 0.5066, 0.9997, 5.537, 42.91, 125.0].map(time);
        assert_eq!(times, ["42 ms", "507 ms", "1.00 s", "5.54 s", "42.9 s", "2 min 05 s"]);
    }

    #[test]
    fn what_makes_results_doubtful_is_said() {
        let mut results = results();
        assert_eq!(doubts(&results), Vec::<String>::new());
        (results.build, results.repeat) = ("debug".to_owned(), 1);
        results.scenarios[0].measurements[2].others_cores = 1.25;
        let doubts = doubts(&results);
        assert!(doubts[0].contains("debug build") && doubts[1].contains("1.2 of 4 cores"), "{doubts:?}");
        assert!(doubts[2].contains("made once"), "{doubts:?}");
    }

    #[test]
    fn the_advice_names_the_knee() {
        let mut scenario = results().scenarios.remove(0);
        assert_eq!(
            advice(&scenario),
            "Recommended: --concurrency 10, which is 7.7x as fast as one after another."
        );
        scenario.recommended_workers = 1;
        assert!(advice(&scenario).starts_with("Recommended: one after another"));
        scenario.measurements.truncate(1);
        assert_eq!(advice(&scenario), "Only one after another was measured.");
    }
}
