//! The results as a report in Markdown.

use super::results::{Results, ScenarioResult};
use super::text::{advice, cells, doubts};
use crate::figures;

/// The report. `plot` is the plot's name beside it, if there is one.
pub fn report(results: &Results, plot: Option<&str>) -> String {
    let machine = &results.machine;
    let mut text = format!("# busta bench {}\n\n", results.suite);
    text.push_str(&format!(
        "busta {} ({} build), {}. {}, {}, {} of memory, {}. Median of {}.\n",
        results.busta,
        results.build,
        results.started_at.format("%F %H:%M UTC"),
        if machine.processor.is_empty() { "An unknown processor" } else { &machine.processor },
        figures::of(machine.cores as u64, "core"),
        figures::bytes(machine.memory_bytes),
        machine.system,
        figures::of(results.repeat as u64, "run"),
    ));
    for doubt in doubts(results) {
        text.push_str(&format!("\n> Mind: {doubt}.\n"));
    }
    text.push_str(&summary(results));
    if let Some(plot) = plot {
        text.push_str(&format!("\n![throughput and memory over workers]({plot})\n"));
    }
    for scenario in &results.scenarios {
        text.push_str(&section(scenario));
    }
    text.push_str(
        "\nThe last five columns are parts of the workers' time: waiting for the server or the disk, making records, \
         transforms, writing, and nothing to do. Time and memory are those of the whole process.\n",
    );
    text
}

fn summary(results: &Results) -> String {
    let mut text =
        "\n| scenario | recommended workers | gain | bottleneck |\n| --- | ---: | ---: | --- |\n".to_owned();
    for scenario in &results.scenarios {
        text.push_str(&format!(
            "| {} | {} | {:.1}x | {} |\n",
            scenario.name, scenario.recommended_workers, scenario.speed_up, scenario.bottleneck.words
        ));
    }
    text
}

fn section(scenario: &ScenarioResult) -> String {
    let mut text =
        format!("\n## {}\n\n{}, into {}.\n\n", scenario.name, scenario.title, scenario.destination);
    text.push_str("| workers | time | spread | records/s | MB/s | requests | processor | peak memory | wait | parse | transform | write | idle |\n");
    text.push_str(&format!("|{}\n", " ---: |".repeat(13)));
    for measurement in &scenario.measurements {
        text.push_str(&format!("| {} |\n", cells(measurement).join(" | ")));
    }
    let failures = scenario.measurements.iter().map(|m| m.failures).max().unwrap_or(0);
    if failures > 0 {
        text.push_str(&format!("\n{} in each run.\n", figures::of(failures, "failure")));
    }
    text.push_str(&format!("\nBottleneck: {}.\n\n{}\n", scenario.bottleneck.words, advice(scenario)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn the_report() {
        insta::assert_snapshot!(report(&results(), Some("bench.svg")));
    }
}
