//! The report as one JSON document.

use busta_core::report::RunReport;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    speed_up: f64,
}

/// The document, indented, with a line break at its end.
pub fn document(report: &RunReport) -> serde_json::Result<String> {
    let document = Document { report, speed_up: (report.speed_up() * 100.0).round() / 100.0 };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}
