//! What is shown while a bench runs: one live line on a terminal, and a line for each measurement.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::results::Measurement;
use super::text::time;
use crate::{figures, output};

/// The progress of a bench, on stderr.
pub struct Live {
    bar: Option<ProgressBar>,
}

impl Live {
    /// A live line if stderr is a terminal, else only the finished measurements.
    pub fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        output::set_bars(Some(bars.clone()));
        // `wide_msg` cuts at the terminal's width, so that no line wraps.
        let style =
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self { bar: Some(bars.add(ProgressBar::new_spinner().with_style(style))) }
    }

    /// Says what is prepared.
    pub fn preparing(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => output::note(what),
        }
    }

    /// Says how a run stands.
    pub fn running(&self, scenario: &str, what: &str, time: Duration, memory: u64) {
        if let Some(bar) = &self.bar {
            let (time, memory) = (figures::duration(time), figures::bytes(memory));
            bar.set_message(format!("{scenario}: {what}  {time}  {memory}"));
        }
    }

    /// Says what was measured.
    pub fn measured(&self, scenario: &str, measurement: &Measurement) {
        output::note(&format!(
            "{scenario}, {}: {}, {} records/s, {}",
            measurement.words(),
            time(measurement.wall_s.median),
            figures::count(measurement.records_per_s as u64),
            figures::bytes(measurement.peak_rss_bytes.median as u64),
        ));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            output::set_bars(None);
            bar.finish_and_clear();
        }
    }
}
