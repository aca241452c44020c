//! Two benches against each other: what got better or worse, beyond noise.

use super::results::{Measurement, Results, ScenarioResult, mode};
use super::spread::Spread;
use super::text::time;
use crate::figures;

/// Times that differ by less than this part differ by chance.
const FLOOR: f64 = 0.05;
/// The same where one of them was measured once.
const FLOOR_OF_ONE: f64 = 0.15;
/// Peaks of memory that differ by less than this part, or
const MEMORY_FLOOR: f64 = 0.10;
/// by less than so many bytes, differ by chance.
const MEMORY_FLOOR_BYTES: f64 = 4e6;

/// What the comparison of one figure says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Less time, or less memory.
    Better,
    /// More.
    Worse,
    /// No difference beyond noise.
    Same,
}

/// One figure of one measurement, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The scenario.
    pub scenario: String,
    /// The number of workers.
    pub workers: usize,
    /// `time` or `peak memory`.
    pub what: &'static str,
    /// Before.
    pub old: Spread,
    /// After.
    pub new: Spread,
    /// What that means.
    pub verdict: Verdict,
}

/// What two benches say together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// All that both have measured.
    pub changes: Vec<Change>,
    /// What cannot be compared, and why; what makes the rest doubtful.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Whether something got worse.
    pub fn is_worse(&self) -> bool {
        self.changes.iter().any(|change| change.verdict == Verdict::Worse)
    }
}

/// Holds `new` against `old`.
pub fn compare(old: &Results, new: &Results) -> Comparison {
    let mut found = Comparison { notes: differences(old, new), ..Comparison::default() };
    for after in &new.scenarios {
        match old.scenarios.iter().find(|before| before.name == after.name) {
            Some(before) => one(before, after, (old.repeat, new.repeat), &mut found),
            None => found.notes.push(format!("{} was not measured before", after.name)),
        }
    }
    for before in &old.scenarios {
        if !new.scenarios.iter().any(|after| after.name == before.name) {
            found.notes.push(format!("{} was measured before only", before.name));
        }
    }
    found
}

fn differences(old: &Results, new: &Results) -> Vec<String> {
    let mut notes = Vec::new();
    if old.machine.processor != new.machine.processor || old.machine.cores != new.machine.cores {
        notes.push("the machines differ, so differences need not come from busta".to_owned());
    }
    if old.build != new.build {
        notes.push(format!("the builds differ: {} and {}", old.build, new.build));
    }
    notes
}

fn one(before: &ScenarioResult, after: &ScenarioResult, repeats: (usize, usize), found: &mut Comparison) {
    if (&before.title, &before.destination) != (&after.title, &after.destination) {
        let work = |s: &ScenarioResult| format!("{}, into {}", s.title, s.destination);
        found.notes.push(format!(
            "{} is other work now: {}; before: {}",
            after.name,
            work(after),
            work(before)
        ));
        return;
    }
    for new in &after.measurements {
        let Some(old) = before.measurements.iter().find(|old| old.workers == new.workers) else { continue };
        if old.records != new.records {
            found.notes.push(format!(
                "{}, {}: {} records landed before, {} now",
                after.name,
                new.words(),
                figures::count(old.records),
                figures::count(new.records)
            ));
            continue;
        }
        found.changes.extend(changes(&after.name, old, new, repeats));
    }
}

fn changes(scenario: &str, old: &Measurement, new: &Measurement, repeats: (usize, usize)) -> [Change; 2] {
    let workers = new.workers;
    let change = |what, old: Spread, new: Spread, noise: f64| Change {
        scenario: scenario.to_owned(),
        workers,
        what,
        old,
        new,
        verdict: verdict(old, new, noise),
    };
    let is_single = repeats.0 == 1 || repeats.1 == 1;
    let floor = if is_single { FLOOR_OF_ONE } else { FLOOR };
    let (time, memory) = (old.wall_s.median, old.peak_rss_bytes.median);
    [
        change("time", old.wall_s, new.wall_s, time * floor),
        change(
            "peak memory",
            old.peak_rss_bytes,
            new.peak_rss_bytes,
            (memory * MEMORY_FLOOR).max(MEMORY_FLOOR_BYTES),
        ),
    ]
}

/// Whether the medians differ by more than the runs of either differ among themselves, and by more than
/// `floor`.
fn verdict(old: Spread, new: Spread, floor: f64) -> Verdict {
    let noise = (old.max - old.min).max(new.max - new.min).max(floor);
    match new.median - old.median {
        change if change > noise => Verdict::Worse,
        change if -change > noise => Verdict::Better,
        _ => Verdict::Same,
    }
}

/// The comparison in words: what changed first, then what did not.
pub fn text(comparison: &Comparison) -> String {
    let of = |verdict| comparison.changes.iter().filter(move |change| change.verdict == verdict);
    let mut text = String::new();
    for (head, verdict) in [("Worse:", Verdict::Worse), ("Better:", Verdict::Better)] {
        let lines: String = of(verdict).map(|change| format!("  {}\n", words(change))).collect();
        if !lines.is_empty() {
            text.push_str(&format!("{head}\n{lines}"));
        }
    }
    let same = of(Verdict::Same).count();
    text.push_str(&match (comparison.changes.len(), same) {
        (0, _) => String::new(),
        (all, same) if all == same => {
            format!("No difference beyond noise in {}.\n", figures::of(all as u64, "figure"))
        }
        (_, 0) => String::new(),
        (_, same) => format!("No difference beyond noise in {}.\n", figures::of(same as u64, "other figure")),
    });
    for note in &comparison.notes {
        text.push_str(&format!("Mind: {note}\n"));
    }
    text
}

fn words(change: &Change) -> String {
    let show = |value: f64| match change.what {
        "time" => time(value),
        _ => figures::bytes(value as u64),
    };
    let part = (change.new.median - change.old.median) / change.old.median.max(1e-9) * 100.0;
    let Change { scenario, workers, what, old, new, .. } = change;
    let workers = mode(*workers);
    format!("{scenario}, {workers}: {what} {} -> {} ({part:+.0} %)", show(old.median), show(new.median))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    /// The sample with the times of its second measurement made so many times longer.
    fn slower(factor: f64) -> Results {
        let mut results = results();
        let wall = &mut results.scenarios[0].measurements[1].wall_s;
        *wall = Spread { median: wall.median * factor, min: wall.min * factor, max: wall.max * factor };
        results
    }

    #[test]
    fn the_same_bench_does_not_differ() {
        let comparison = compare(&results(), &results());
        assert!(comparison.changes.iter().all(|change| change.verdict == Verdict::Same));
        assert!(!comparison.is_worse());
        assert_eq!(text(&comparison), "No difference beyond noise in 8 figures.\n");
    }

    #[test]
    fn noise_is_no_difference_and_more_than_noise_is() {
        assert!(!compare(&results(), &slower(1.04)).is_worse());
        let worse = compare(&results(), &slower(1.5));
        assert!(worse.is_worse());
        assert_eq!(
            text(&worse),
            "Worse:\n  parallel-pages, 5 workers: time 1.20 s -> 1.80 s (+50 %)\n\
             No difference beyond noise in 7 other figures.\n"
        );
        let better = compare(&slower(1.5), &results());
        assert!(!better.is_worse());
        assert!(text(&better).starts_with("Better:\n"), "{}", text(&better));
    }

    #[test]
    fn a_difference_within_the_spread_of_the_repeats_is_noise() {
        let (mut old, new) = (results(), slower(1.3));
        assert!(compare(&old, &new).is_worse());
        let wall = &mut old.scenarios[0].measurements[1].wall_s;
        wall.max = wall.min * 1.5;
        assert!(!compare(&old, &new).is_worse());
        // What was measured once has no spread, and must differ by more.
        let (mut old, single) = (results(), slower(1.12));
        assert!(compare(&old, &single).is_worse());
        old.repeat = 1;
        assert!(!compare(&old, &single).is_worse());
    }

    #[test]
    fn memory_counts_too() {
        let mut more = results();
        more.scenarios[0].measurements[0].peak_rss_bytes = Spread::of([90e6]);
        let comparison = compare(&results(), &more);
        assert!(
            text(&comparison).contains("sequential: peak memory 28.6 MiB -> 85.8 MiB (+200 %)"),
            "{}",
            text(&comparison)
        );
    }

    #[test]
    fn other_work_is_not_compared() {
        let mut other = results();
        other.scenarios[0].title = "twice as much".to_owned();
        let comparison = compare(&results(), &other);
        assert!(comparison.changes.is_empty() && !comparison.is_worse());
        assert!(text(&comparison).contains("parallel-pages is other work now"), "{}", text(&comparison));
    }
}
