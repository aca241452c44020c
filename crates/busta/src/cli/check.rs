//! `busta check`.

use anyhow::Result;
use busta_core::units::Span;
use busta_engine::schedule::{Overlap, Schedule, When};
use chrono::{DateTime, Utc};
use clap::Args;

use super::Context;
use crate::exit::Exit;
use crate::output::{line, to_stdout};
use crate::{figures, wiring};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta check
  busta check -c other.yaml

All problems are shown at once, each with its place. Exit code 2 if there are any.")]
pub struct Check {}

impl Check {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let config = wiring::open(context.config.as_ref())?;
        let settings = &config.settings;
        let enabled = config.sources.iter().filter(|source| source.enabled).count() as u64;
        line(&format!("The configuration is valid: {} enabled.", figures::of(enabled, "source")))?;
        let how =
            if settings.parallel { "in parallel" } else { "one after another (in parallel with --parallel)" };
        let pools: Vec<String> =
            settings.pools.iter().map(|(pool, places)| format!("{pool} {places}")).collect();
        to_stdout(&format!(
            "  collects {how}, at most {} at once; pools: {}\n  keeps at most {} of records in memory\n  history of runs: {}\n",
            settings.concurrency,
            pools.join(", "),
            settings.memory_budget,
            config.state.display(),
        ))?;
        for source in &config.sources {
            let streams: Vec<&str> = source.source.streams().iter().map(|s| s.name.as_str()).collect();
            let place = config.destinations.get(source.destination).map_or_else(String::new, |d| d.words());
            let off = if source.enabled { "" } else { " (not enabled)" };
            line(&format!("  {} ({}): {} -> {place}{off}", source.name, source.kind, streams.join(", ")))?;
            if let Some(schedule) = &source.schedule {
                line(&format!("    {}", in_words(schedule, wiring::clock().now())))?;
            }
            if let Some(records) = source.retention.records {
                line(&format!("    its records are kept for {records}"))?;
            }
        }
        for note in &config.notes {
            line(&format!("  note: {note}"))?;
        }
        Ok(Exit::Done)
    }
}

/// So many times of a schedule are shown.
const SHOWN: usize = 3;

/// When a source is collected by itself, and its next times as far as they are known.
fn in_words(schedule: &Schedule, now: DateTime<Utc>) -> String {
    let mut words = format!("collected by `busta serve` {}", schedule.when);
    if !schedule.jitter.is_zero() {
        words.push_str(&format!(", up to {} later", Span(schedule.jitter)));
    }
    if schedule.overlap == Overlap::Queue {
        words.push_str(", once more if it is still running");
    }
    match &schedule.when {
        When::Every(_) | When::Auto { .. } => {
            words.push_str(&format!("; first {} after the start", Span(schedule.initial_delay)));
        }
        When::Cron(times) => {
            let times = std::iter::successors(times.next_after(now), |time| times.next_after(*time));
            let times: Vec<_> = times.take(SHOWN).map(|time| time.format("%F %T").to_string()).collect();
            words.push_str(&match times.is_empty() {
                true => "; never".to_owned(),
                false => format!("; next {} UTC", times.join(", ")),
            });
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use busta_engine::schedule::CronTimes;
    use chrono::TimeZone;
    use std::time::Duration;

    #[test]
    fn schedules_are_put_into_words() {
        let now = Utc.with_ymd_and_hms(2026, 3, 28, 12, 0, 0).unwrap();
        let schedule = |when| Schedule {
            when,
            initial_delay: Duration::from_secs(5),
            jitter: Duration::ZERO,
            overlap: Overlap::Skip,
            catch_up: true,
        };
        let cron = |pattern| schedule(When::Cron(CronTimes::parse(pattern, Some("Europe/Berlin")).unwrap()));
        assert_eq!(
            in_words(&cron("30 2 * * *"), now),
            "collected by `busta serve` cron 30 2 * * * (Europe/Berlin); next 2026-03-29 01:00:00, \
             2026-03-30 00:30:00, 2026-03-31 00:30:00 UTC",
        );
        assert!(in_words(&cron("0 0 30 2 *"), now).ends_with("; never"));
        let every = schedule(When::Every(Duration::from_secs(1800)));
        let often = Schedule { jitter: Duration::from_secs(60), overlap: Overlap::Queue, ..every };
        assert_eq!(
            in_words(&often, now),
            "collected by `busta serve` every 30m, up to 1m later, once more if it is still running; first 5s \
             after the start",
        );
    }
}
