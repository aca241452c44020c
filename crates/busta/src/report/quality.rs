//! What was measured of the records, in words.

use busta_core::quality::{Finding, Level, StreamQuality};
use busta_core::report::{RunReport, SourceReport, Status};

use crate::figures;

/// So many fields that say nothing are named.
const NAMED: usize = 8;

/// The findings of a run, the worst first; nothing if there are none.
pub fn findings(report: &RunReport) -> String {
    let mut found: Vec<(&SourceReport, &StreamQuality, &Finding)> = report
        .sources
        .iter()
        .flat_map(|source| source.quality.iter().map(move |stream| (source, stream)))
        .flat_map(|(source, stream)| stream.findings.iter().map(move |finding| (source, stream, finding)))
        .filter(|(.., finding)| finding.level > Level::Info)
        .collect();
    found.sort_by_key(|(.., finding)| std::cmp::Reverse(finding.level));
    let line = |(source, stream, finding): &(&SourceReport, &StreamQuality, &Finding)| {
        format!(
            "  {} {}.{} {}: {}\n",
            finding.level, source.name, stream.stream, finding.check, finding.message
        )
    };
    if found.is_empty() {
        return String::new();
    }
    format!("\nQuality:\n{}", found.iter().map(line).collect::<String>())
}

/// Whether what failed in a run is the quality of its records, and nothing else.
pub fn is_all_that_failed(report: &RunReport) -> bool {
    let fails = |source: &SourceReport| source.quality.iter().flat_map(|s| &s.findings).any(|f| f.fails);
    let well = |source: &SourceReport| source.status == Status::Completed;
    report.failures == 0
        && report.sources.iter().any(fails)
        && report.sources.iter().all(|source| well(source) || fails(source))
}

/// All that was measured of one stream.
pub fn stream(quality: &StreamQuality) -> String {
    let mut text = format!("  {}: {}", quality.stream, figures::of(quality.records, "record"));
    if quality.looked_at < quality.records {
        text.push_str(&format!(", {} of them looked at", figures::count(quality.looked_at)));
    }
    text.push('\n');
    let sparse: Vec<_> = quality.fields.iter().filter(|field| field.missing > 0).collect();
    for field in sparse.iter().take(NAMED) {
        let share = field.missing as f64 / quality.looked_at.max(1) as f64 * 100.0;
        text.push_str(&format!("    {} says nothing in {share:.1} %\n", field.name));
    }
    if sparse.len() > NAMED {
        text.push_str(&format!("    and {} more fields say nothing now and then\n", sparse.len() - NAMED));
    }
    for schema in &quality.schemas {
        let of = schema.valid + schema.invalid;
        let (invalid, of) = (figures::count(schema.invalid), figures::of(of, "record"));
        text.push_str(&format!("    the schema {} refuses {invalid} of {of}\n", schema.schema));
        for reason in &schema.reasons {
            let count = figures::count(reason.count);
            text.push_str(&format!("      {count} x {}: {}\n", reason.rule, reason.example));
        }
    }
    for finding in &quality.findings {
        text.push_str(&format!("    {} {}: {}\n", finding.level, finding.check, finding.message));
    }
    let is_refused = quality.schemas.iter().any(|schema| schema.invalid > 0);
    if sparse.is_empty() && quality.findings.is_empty() && !is_refused && quality.records > 0 {
        text.push_str("    every field says something in every record, and nothing was found\n");
    }
    text
}
