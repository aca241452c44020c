//! `busta archive`.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Context, selection, session, sources};
use crate::exit::{Exit, Usage};
use crate::output::{line, line_as_it_is, note};
use crate::verify::{Found, Verdict, verify};
use crate::{figures, wiring};

#[derive(Subcommand, Debug)]
pub enum Archive {
    /// Read the files that were downloaded once more, and compare them with what they were
    Verify(Verify),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta archive verify
  busta archive verify klines --repair      set what is wrong aside, and fetch it again
  busta archive verify --json

A file that is wrong is kept as FILE.quarantine by --repair. Exit code 3: some files are wrong or missing.")]
pub struct Verify {
    /// The sources; all that keep files if none is named
    names: Vec<String>,
    /// Set wrong files aside, and collect their sources again
    #[arg(long)]
    repair: bool,
    /// One JSON document instead of lines
    #[arg(long, conflicts_with = "repair")]
    json: bool,
}

impl Archive {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Verify(command) => command.run(context).await,
        }
    }
}

impl Verify {
    async fn run(self, context: &Context) -> Result<Exit> {
        let all = self.look(context).await?;
        if self.json {
            let sources = all.iter().map(|(name, found)| json!({ "source": name, "files": found }));
            line_as_it_is(&serde_json::to_string_pretty(&sources.collect::<Vec<_>>())?)?;
        } else {
            all.iter().try_for_each(|(name, found)| tell(name, found))?;
        }
        let broken: Vec<String> =
            all.iter().filter(|(_, found)| !found.wrong.is_empty()).map(|(name, _)| name.clone()).collect();
        if broken.is_empty() {
            return Ok(Exit::Done);
        }
        if !self.repair {
            return Ok(Exit::Incomplete);
        }
        for (_, found) in all {
            found.set_aside().await?;
        }
        note("wrong files are set aside; collecting them again");
        let exit = session::collect(context, &sources::Collect::of(broken)).await?;
        let again = self.look(context).await?;
        again.iter().try_for_each(|(name, found)| tell(name, found))?;
        let is_whole = again.iter().all(|(_, found)| found.wrong.is_empty());
        Ok(if is_whole { exit } else { Exit::Incomplete })
    }

    /// Reads the files of all chosen sources.
    async fn look(&self, context: &Context) -> Result<Vec<(String, Found)>> {
        let config = wiring::open(context.config.as_ref())?;
        let chosen = selection::select(&config.sources, &self.names)?;
        let mut all = Vec::new();
        for source in config.sources.iter().filter(|source| chosen.contains(&source.name)) {
            let Some(kept) = source.source.kept_files() else {
                if !self.names.is_empty() {
                    return Err(Usage(format!("{} keeps no files", source.name)).into());
                }
                continue;
            };
            let destination = &config.destinations[source.destination].destination;
            all.push((source.name.to_string(), verify(source, &kept, &**destination).await?));
        }
        if all.is_empty() {
            return Err(Usage("no source of this configuration keeps files".to_owned()).into());
        }
        Ok(all)
    }
}

fn tell(source: &str, found: &Found) -> std::io::Result<()> {
    for wrong in &found.wrong {
        let what = match &wrong.verdict {
            Verdict::Missing => "is missing".to_owned(),
            Verdict::Differs { is } => format!("is sha256:{is} and was sha256:{}", wrong.sha256),
        };
        line(&format!("{source}: {} {what}", wrong.path))?;
    }
    line(&format!(
        "{source}: {} of {} are as they were, {} read",
        figures::count(found.right),
        figures::of(found.right + found.wrong.len() as u64, "file"),
        figures::bytes(found.bytes),
    ))
}
