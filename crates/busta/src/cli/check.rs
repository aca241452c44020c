//! `busta check`.

use anyhow::Result;
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
        }
        Ok(Exit::Done)
    }
}
