//! Progress on a terminal: a line per active source and one for the whole.

use std::sync::Arc;
use std::time::Duration;

use busta_core::report::Status;
use busta_engine::{Snapshot, SourceProgress};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::{oneshot, watch};
use tokio::time::interval;

use super::plain;
use crate::{figures, output};

/// Ten pictures a second look live and cost nothing.
const EVERY: Duration = Duration::from_millis(100);

/// The columns of names; longer ones are cut.
const NAME: usize = 24;

pub async fn show(snapshots: watch::Receiver<Arc<Snapshot>>, mut ended: oneshot::Receiver<()>) {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    output::set_bars(Some(bars.clone()));
    let mut screen = Screen { bars, lines: Vec::new(), rates: Rates::default() };
    let mut ticks = interval(EVERY);
    loop {
        tokio::select! {
            _ = &mut ended => break,
            _ = ticks.tick() => {
                let snapshot = snapshots.borrow().clone();
                screen.draw(&snapshot, rows());
            }
        }
    }
    output::set_bars(None);
    // A terminal that has gone away is no reason to fail.
    let _ = screen.bars.clear();
}

/// How many lines the terminal has for sources and the total.
fn rows() -> usize {
    let (rows, _) = console::Term::stderr().size();
    usize::from(rows).saturating_sub(2).max(1)
}

struct Screen {
    bars: MultiProgress,
    lines: Vec<ProgressBar>,
    rates: Rates,
}

impl Screen {
    fn draw(&mut self, snapshot: &Snapshot, rows: usize) {
        self.rates.update(snapshot);
        let texts = picture(snapshot, &self.rates, rows);
        while self.lines.len() > texts.len() {
            if let Some(line) = self.lines.pop() {
                self.bars.remove(&line);
            }
        }
        while self.lines.len() < texts.len() {
            let bar = ProgressBar::new_spinner().with_style(style());
            self.lines.push(self.bars.add(bar));
        }
        for (line, text) in self.lines.iter().zip(texts) {
            line.set_message(text);
        }
    }
}

fn style() -> ProgressStyle {
    // `wide_msg` cuts at the terminal's width, so that no line wraps.
    ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// The lines to show, at most `rows`: active sources, those with work in flight first, and the total.
fn picture(snapshot: &Snapshot, rates: &Rates, rows: usize) -> Vec<String> {
    let mut active: Vec<(usize, &SourceProgress)> =
        snapshot.sources.iter().enumerate().filter(|(_, source)| source.status == Status::Running).collect();
    active.sort_by_key(|(index, source)| (source.in_flight == 0, *index));
    let room = rows.saturating_sub(1);
    let hidden = active.len().saturating_sub(room);
    active.truncate(room);
    let mut lines: Vec<String> =
        active.iter().map(|(index, source)| source_line(source, rates.of(*index))).collect();
    let mut total = plain::line(snapshot);
    if hidden > 0 {
        total = format!("(+{hidden} more) {total}");
    }
    lines.push(format!("{} · {total}", figures::duration(snapshot.elapsed)));
    lines
}

fn source_line(source: &SourceProgress, rate: f64) -> String {
    let name: String = source.name.as_str().chars().take(NAME).collect();
    let splits = format!("{}/{}", source.splits_done, source.splits_known);
    let mut line = format!(
        "{name:<NAME$} {splits:>9} splits {:>12} records {:>9}/s",
        figures::count(source.records),
        figures::count(rate as u64),
    );
    if source.retries > 0 {
        line.push_str(&format!("  {}", figures::retries(source.retries)));
    }
    if source.failures > 0 {
        line.push_str(&format!("  {}", figures::of(source.failures, "failure")));
    }
    let state = match (&source.waiting, source.in_flight) {
        (Some(why), _) => why.clone(),
        (None, 0) => "planning or waiting for a place".to_owned(),
        (None, reading) => format!("reading {reading}"),
    };
    line.push_str("  ");
    line.push_str(&state);
    line
}

/// Records per second of each source, smoothed over about a second.
#[derive(Default)]
struct Rates {
    elapsed: Duration,
    sources: Vec<(u64, f64)>,
}

impl Rates {
    fn update(&mut self, snapshot: &Snapshot) {
        let seconds = snapshot.elapsed.saturating_sub(self.elapsed).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        self.elapsed = snapshot.elapsed;
        self.sources.resize(snapshot.sources.len(), (0, 0.0));
        let weight = 1.0 - (-seconds).exp();
        for ((records, rate), source) in self.sources.iter_mut().zip(&snapshot.sources) {
            let now = source.records.saturating_sub(*records) as f64 / seconds;
            *rate += (now - *rate) * weight;
            *records = source.records;
        }
    }

    fn of(&self, index: usize) -> f64 {
        self.sources.get(index).map_or(0.0, |(_, rate)| *rate)
    }
}

#[cfg(test)]
mod tests {
    use busta_core::report::Phases;

    use super::*;

    fn source(name: &str, status: Status, in_flight: usize) -> SourceProgress {
        SourceProgress {
            name: name.into(),
            kind: "api".to_owned(),
            status,
            splits_done: 3,
            splits_known: 10,
            in_flight,
            records: 1200,
            bytes: 5000,
            requests: 3,
            retries: 1,
            failures: 0,
            waiting: None,
            error: None,
            cost: None,
            estimate: None,
            stopped: None,
            progress: Vec::new(),
            phases: Phases::default(),
            records_per_s: 0.0,
            bytes_per_s: 0.0,
        }
    }

    fn snapshot(sources: Vec<SourceProgress>) -> Snapshot {
        Snapshot {
            run: "R".into(),
            elapsed: Duration::from_secs(2),
            sources,
            in_flight: 2,
            queued: 5,
            workers: Vec::new(),
            pools: Vec::new(),
            records_per_s: 0.0,
            bytes_per_s: 0.0,
            eta: Some(Duration::from_secs(4)),
            stopping: false,
            held_back: Vec::new(),
        }
    }

    #[test]
    fn never_more_lines_than_rows_and_the_busy_first() {
        let mut sources: Vec<_> = (0..30).map(|n| source(&format!("s{n}"), Status::Running, 0)).collect();
        sources[20].in_flight = 4;
        sources[3].status = Status::Completed;
        let lines = picture(&snapshot(sources), &Rates::default(), 6);
        assert_eq!(lines.len(), 6);
        assert!(lines[0].starts_with("s20 "), "{lines:?}");
        assert!(lines[5].contains("(+24 more) 1 of 30 sources done"), "{lines:?}");
    }

    #[test]
    fn a_line_says_how_a_source_stands() {
        let mut rates = Rates::default();
        let now = snapshot(vec![source("orders", Status::Running, 2)]);
        rates.update(&now);
        let line = picture(&now, &rates, 24).remove(0);
        assert!(line.contains("3/10 splits") && line.contains("1,200 records"), "{line}");
        assert!(line.contains("1 retry") && line.ends_with("reading 2"), "{line}");
    }
}
