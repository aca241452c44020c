//! What was asked for and is not there, in words.

use busta_core::report::{Gap, Gaps, RunReport};

use crate::figures;

/// So many gaps of a source are told.
const TOLD: usize = 10;

/// What is missing of the sources of a run; nothing if nothing is.
pub fn of_run(report: &RunReport) -> String {
    let some = report.sources.iter().filter_map(|source| Some((source, source.gaps.as_ref()?)));
    let words: String = some
        .filter(|(_, gaps)| gaps.files > 0)
        .map(|(source, gaps)| format!("  {}: {}", source.name, words(gaps, "    ")))
        .collect();
    if words.is_empty() { words } else { format!("\nAsked for, and not there:\n{words}") }
}

/// `3 files` and their time, each line of which begins with `indent`.
pub fn words(gaps: &Gaps, indent: &str) -> String {
    let mut text = format!("{}\n", figures::of(gaps.files, "file"));
    for gap in gaps.gaps.iter().take(TOLD) {
        text.push_str(&format!("{indent}{}\n", line(gap)));
    }
    let told: u64 = gaps.gaps.iter().take(TOLD).map(|gap| gap.files).sum();
    if told < gaps.files {
        text.push_str(&format!("{indent}and {} more\n", figures::count(gaps.files - told)));
    }
    text
}

/// `BTCUSDT 1h, 2024-01-05 to 2024-01-06`
fn line(gap: &Gap) -> String {
    let time = match (gap.from, gap.to) {
        (Some(from), Some(to)) if from == to => Some(from.to_string()),
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
        _ => None,
    };
    let of = Some(gap.of.clone()).filter(|of| !of.is_empty());
    let refused = gap.refused.then(|| "refused: not what it should be".to_owned());
    of.into_iter().chain(time).chain(refused).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_and_then_counted() {
        let day = |day| chrono::NaiveDate::from_ymd_opt(2024, 1, day);
        let gap = |from, to, files| Gap {
            of: "BTCUSDT 1h".to_owned(),
            from: day(from),
            to: day(to),
            files,
            refused: false,
        };
        let gaps = Gaps {
            files: 18,
            gaps: (1..13).map(|at| gap(2 * at, 2 * at + at % 2, 1 + u64::from(at % 2))).collect(),
        };
        let text = words(&gaps, "> ");
        assert!(
            text.starts_with("18 files\n> BTCUSDT 1h, 2024-01-02 to 2024-01-03\n> BTCUSDT 1h, 2024-01-04\n"),
            "{text}"
        );
        assert!(text.ends_with("> and 3 more\n"), "{text}");
        let file = Gap { of: "all.zip".to_owned(), files: 1, ..Gap::default() };
        assert_eq!(words(&Gaps { files: 1, gaps: vec![file.clone()] }, ""), "1 file\nall.zip\n");
        let refused = Gap { refused: true, ..file };
        let told = words(&Gaps { files: 1, gaps: vec![refused] }, "");
        assert_eq!(told, "1 file\nall.zip, refused: not what it should be\n");
    }
}
