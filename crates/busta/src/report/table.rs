//! The report as a table.

use busta_core::budget::money;
use busta_core::report::{HostReport, RunReport, SourceReport, Status};
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::{gaps, quality};
use crate::figures;

/// An empty table in busta's style.
pub fn plain(header: &[&str], colour: bool) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(header.iter().map(Cell::new));
    table
}

/// A figure, at the right edge of its column.
pub fn figure(text: impl ToString) -> Cell {
    Cell::new(text.to_string()).set_alignment(CellAlignment::Right)
}

/// A state in its colour.
pub fn state(word: &str) -> Cell {
    let cell = Cell::new(word);
    match word {
        "completed" => cell.fg(Color::Green),
        "partial" | "cancelled" | "interrupted" => cell.fg(Color::Yellow),
        "failed" => cell.fg(Color::Red),
        "running" => cell.fg(Color::Cyan),
        _ => cell,
    }
}

/// The whole report: the table, the totals, what went wrong, and what to do next.
pub fn report(report: &RunReport, colour: bool) -> String {
    // One after another there is nothing to gain, and nothing to say about it.
    let gain = (report.speed_up() >= 1.05)
        .then(|| format!("{:.1}x the speed of one split after another", report.speed_up()));
    compose(report, gain, colour)
}

/// The report without its estimate of the speed-up, for who has measured it.
pub fn report_without_estimate(report: &RunReport, colour: bool) -> String {
    compose(report, None, colour)
}

fn compose(report: &RunReport, gain: Option<String>, colour: bool) -> String {
    let mut text = format!("{}\n\n{}\n", trimmed(&sources(report, colour)), totals(report, gain));
    let wrong: Vec<_> = report.sources.iter().filter_map(|s| Some((s, s.error.as_deref()?))).collect();
    if !wrong.is_empty() {
        text.push_str("\nWhat went wrong:\n");
        for (source, reason) in wrong {
            text.push_str(&format!("  {} ({}): {reason}\n", source.name, source.status.as_str()));
        }
    }
    text.push_str(&gaps::of_run(report));
    text.push_str(&skipped(report));
    text.push_str(&warnings(report));
    text.push_str(&quality::findings(report));
    let held_back: Vec<_> = report.hosts.iter().filter(|host| host.is_held_back()).collect();
    if !held_back.is_empty() {
        text.push_str("\nHosts that bear less than the configuration allows:\n");
        for host in held_back {
            text.push_str(&format!("  {}\n", borne(host)));
        }
    }
    for hint in hints(report) {
        text.push_str(&format!("\n{hint}"));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// What was passed over, and why.
fn skipped(report: &RunReport) -> String {
    let mut text = String::new();
    for source in &report.sources {
        let Some(skipped) = &source.skipped else { continue };
        text.push_str(&format!("\n{}: {} passed over:\n", source.name, figures::of(skipped.splits, "split")));
        for reason in &skipped.reasons {
            text.push_str(&format!("  {reason}\n"));
        }
    }
    text
}

/// The doubts about records that went on all the same.
fn warnings(report: &RunReport) -> String {
    let mut text = String::new();
    for source in report.sources.iter().filter(|source| source.warnings > 0) {
        let count = figures::of(source.warnings, "warning");
        text.push_str(&format!("\n{}: {count} about records that went on, such as:\n", source.name));
        for warning in &source.first_warnings {
            text.push_str(&format!("  {warning}\n"));
        }
    }
    text
}

fn sources(report: &RunReport, colour: bool) -> Table {
    let mut header =
        vec!["source", "type", "status", "records", "bytes", "requests", "duration", "retries", "failures"];
    if report.cost.is_some() {
        header.push("cost");
    }
    let mut table = plain(&header, colour);
    for column in 3..header.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for source in &report.sources {
        table.add_row(with_cost(report, row(source), source.cost));
    }
    if report.sources.len() > 1 {
        let total = vec![
            Cell::new("total"),
            Cell::new(""),
            state(report.status.as_str()),
            figure(figures::count(report.records)),
            figure(figures::bytes(report.bytes)),
            figure(figures::count(report.requests)),
            figure(figures::seconds(report.duration_s)),
            figure(figures::count(report.retries)),
            figure(figures::count(report.failures)),
        ];
        table.add_row(with_cost(report, total, report.cost));
    }
    table
}

/// A row with what its requests cost, in the report of a run that has cost something.
fn with_cost(report: &RunReport, mut row: Vec<Cell>, cost: Option<f64>) -> Vec<Cell> {
    if report.cost.is_some() {
        row.push(figure(cost.map(money).unwrap_or_default()));
    }
    row
}

fn row(source: &SourceReport) -> Vec<Cell> {
    vec![
        Cell::new(&source.name),
        Cell::new(&source.kind),
        state(source.status.as_str()),
        figure(figures::count(source.records)),
        figure(figures::bytes(source.bytes)),
        figure(figures::count(source.requests)),
        figure(figures::seconds(source.duration_s)),
        figure(figures::count(source.retries)),
        figure(figures::count(source.failures)),
    ]
}

/// `shop.example:443: 4 at once, 9.6 requests a second (3 of 812 refused, 52 ms)`
fn borne(host: &HostReport) -> String {
    let places = host.limit.map(|limit| format!("{limit} at once"));
    let rate = host.rate.map(|rate| format!("{rate:.1} requests a second"));
    let what: Vec<String> = places.into_iter().chain(rate).collect();
    format!(
        "{}: {} ({} of {} refused, {:.0} ms)",
        host.host,
        what.join(", "),
        figures::count(host.limited),
        figures::count(host.requests),
        host.latency_mean_ms
    )
}

fn totals(report: &RunReport, gain: Option<String>) -> String {
    let share = 100.0 * report.cpu_s / report.duration_s.max(0.001);
    let mut parts = vec![figures::of(report.records, "record")];
    parts.extend(gain);
    parts.push(format!("peak memory {}", figures::bytes(report.peak_rss_bytes)));
    parts.push(format!("processor {} ({share:.0} %)", figures::seconds(report.cpu_s)));
    format!(
        "Run {}: {} in {}; {}.",
        report.run_id,
        report.status.as_str(),
        figures::seconds(report.duration_s),
        parts.join("; "),
    )
}

fn hints(report: &RunReport) -> Vec<String> {
    let mut hints = Vec::new();
    if report.failures > 0 {
        hints.push(format!("`busta runs failures {}` shows what failed and why.", report.run_id));
    }
    match report.status {
        Status::Cancelled => hints.push("`busta sources collect --resume` goes on with this run.".to_owned()),
        // All its records have landed; reading them again would change nothing.
        _ if quality::is_all_that_failed(report) => {}
        status if status.is_resumable() => {
            hints.push(format!("`busta runs retry {}` tries again what is missing.", report.run_id));
        }
        _ => {}
    }
    hints
}

/// The table without blanks at the ends of its lines.
pub fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn source(name: &str, status: Status, error: Option<&str>) -> SourceReport {
        SourceReport {
            name: name.into(),
            kind: "api".to_owned(),
            status,
            records: 12_345,
            deduped: 6,
            bytes: 9_876_543,
            requests: 124,
            retries: 2,
            rate_limited: 1,
            failures: u64::from(error.is_some()),
            splits: 7,
            duration_s: 2.5,
            busy_s: 9.0,
            dropped: 0,
            warnings: 0,
            first_warnings: Vec::new(),
            skipped: None,
            phases: Default::default(),
            quality: Vec::new(),
            fresh_s: None,
            cost: None,
            estimate: None,
            stopped: None,
            progress: Vec::new(),
            gaps: None,
            error: error.map(str::to_owned),
        }
    }

    fn run(status: Status, sources: Vec<SourceReport>) -> RunReport {
        RunReport {
            run_id: "01HF7YAT00000007".into(),
            status,
            started_at: DateTime::UNIX_EPOCH,
            finished_at: DateTime::UNIX_EPOCH,
            duration_s: 3.0,
            records: 24_690,
            bytes: 19_753_086,
            requests: 248,
            retries: 4,
            failures: sources.iter().map(|s| s.failures).sum(),
            peak_rss_bytes: 40 << 20,
            cpu_s: 1.2,
            cost: None,
            sources,
            hosts: Vec::new(),
        }
    }

    #[test]
    fn a_run_with_a_failed_source() {
        let sources = vec![
            source("orders", Status::Completed, None),
            source("news", Status::Failed, Some("GET https://a.example/rss answered 500, 4 times")),
        ];
        insta::assert_snapshot!(report(&run(Status::Partial, sources), false));
    }

    #[test]
    fn a_stopped_run_of_one_source() {
        insta::assert_snapshot!(report(
            &run(Status::Cancelled, vec![source("orders", Status::Cancelled, None)]),
            false
        ));
    }

    #[test]
    fn hosts_are_shown_if_they_bear_less() {
        let mut completed = run(Status::Completed, vec![source("orders", Status::Completed, None)]);
        let well = HostReport { host: "well.example:443".to_owned(), requests: 9, ..HostReport::default() };
        let strained = HostReport {
            host: "shop.example:443".to_owned(),
            limit: Some(4),
            rate: Some(9.64),
            requests: 1812,
            limited: 3,
            latency_mean_ms: 52.4,
            ..HostReport::default()
        };
        completed.hosts = vec![strained, well];
        let text = report(&completed, false);
        assert!(
            text.contains("  shop.example:443: 4 at once, 9.6 requests a second (3 of 1,812 refused, 52 ms)"),
            "{text}"
        );
        assert!(!text.contains("well.example"), "{text}");
    }

    #[test]
    fn what_requests_cost_is_shown_if_it_is_known() {
        let mut paid = source("paid", Status::Partial, Some("its budget for a run is used up"));
        paid.cost = Some(0.31);
        let mut partial = run(Status::Partial, vec![paid, source("free", Status::Completed, None)]);
        partial.cost = Some(0.31);
        let text = report(&partial, false);
        let column = |line: usize| text.lines().nth(line).unwrap().split_whitespace().last().unwrap();
        assert_eq!([column(0), column(1), column(2), column(3)], ["cost", "0.31", "0", "0.31"], "{text}");
        partial.cost = None;
        assert!(!report(&partial, false).contains("cost"));
    }

    #[test]
    fn the_estimate_can_be_left_out() {
        let completed = run(Status::Completed, vec![source("orders", Status::Completed, None)]);
        assert!(report(&completed, false).contains("3.0x the speed"));
        let without = report_without_estimate(&completed, false);
        assert!(!without.contains("the speed") && without.contains("peak memory"), "{without}");
    }

    #[test]
    fn colours_only_when_asked_for() {
        let completed = run(Status::Completed, vec![source("orders", Status::Completed, None)]);
        assert!(!report(&completed, false).contains('\u{1b}'));
        assert!(report(&completed, true).contains('\u{1b}'));
    }

    #[test]
    fn the_document_is_the_report_and_the_speed_up() {
        let completed = run(Status::Completed, vec![source("orders", Status::Completed, None)]);
        let text = crate::report::json::document(&completed).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["speed_up"], 3.0);
        assert_eq!(value["sources"][0]["type"], "api");
        for key in ["run_id", "status", "started_at", "finished_at", "peak_rss_bytes", "cpu_s"] {
            assert!(value.get(key).is_some(), "{key}");
        }
    }
}
