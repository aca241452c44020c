//! `busta archive`.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use busta_core::{Error, RunId};
use busta_store::StateStore;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Context, selection, session, sources};
use crate::exit::{Exit, Usage};
use crate::output::{line, line_as_it_is, note};
use crate::verify::{Found, Unfinished, Verdict, Wrong, unfinished, verify};
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

A file that is wrong is renamed to FILE.quarantine by --repair, and removed once FILE is mended; nothing is touched
while a run collects its source. A file that a run has replaced which was interrupted is newer than its record, and no
damage: `busta sources collect --resume` finishes it. Exit code 3: some files are wrong, newer or missing.")]
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
        let all = self.look(context, &Look { may_repair: self.repair, ..Look::default() }).await?;
        if self.json {
            let sources = all.iter().map(|(name, found)| json!({ "source": name, "files": found }));
            line_as_it_is(&serde_json::to_string_pretty(&sources.collect::<Vec<_>>())?)?;
        } else {
            all.iter().try_for_each(|(name, found)| tell(name, found))?;
        }
        if all.iter().all(|(_, found)| found.wrong.is_empty()) {
            return Ok(Exit::Done);
        }
        let broken: HashMap<String, HashSet<String>> =
            all.into_iter().map(|(name, found)| (name, found.for_repair())).collect();
        let mut names: Vec<String> = broken.keys().cloned().collect();
        names.retain(|name| broken.get(name).is_some_and(|paths| !paths.is_empty()));
        if !self.repair || names.is_empty() {
            return Ok(Exit::Incomplete);
        }
        // From here on no other run collects them. What was wrong before may have been mended by one that did.
        let run = session::claim(context, &sources::Collect::of(names)).await?;
        let look = Look { only: Some(broken), besides: Some(run.id().clone()), may_repair: false };
        for (_, found) in self.look(context, &look).await? {
            found.set_aside().await?;
        }
        note("wrong files are set aside; collecting them again");
        let exit = run.carry_on(context).await?;
        let again = self.look(context, &Look::default()).await?;
        again.iter().try_for_each(|(name, found)| tell(name, found))?;
        let is_whole = again.iter().all(|(_, found)| found.wrong.is_empty());
        Ok(if is_whole { exit } else { Exit::Incomplete })
    }

    /// Reads the files of all chosen sources.
    async fn look(&self, context: &Context, look: &Look) -> Result<Vec<(String, Found)>> {
        let config = wiring::open(context.config.as_ref())?;
        let chosen = selection::select(&config.sources, &self.names)?;
        let (store, began) = (StateStore::at(&config.state), wiring::clock().now());
        let besides = look.besides.as_ref();
        let mut all = Vec::new();
        for source in config.sources.iter().filter(|source| chosen.contains(&source.name)) {
            let Some(kept) = source.source.kept_files() else {
                if !self.names.is_empty() {
                    return Err(Usage(format!("{} keeps no files", source.name)).into());
                }
                continue;
            };
            let only = match &look.only {
                None => None,
                Some(only) => match only.get(source.name.as_str()).filter(|paths| !paths.is_empty()) {
                    Some(paths) => Some(paths),
                    None => continue,
                },
            };
            if look.may_repair
                && let Some(run) = unfinished(&store, &source.name, began, besides).await?
                && run.live
            {
                return Err(refused(&run, source.name.as_str()).into());
            }
            let destination = &config.destinations[source.destination].destination;
            let mut found = verify(source, &kept, &**destination, only).await?;
            if !found.wrong.is_empty()
                && let Some(run) = unfinished(&store, &source.name, began, besides).await?
            {
                found = found.excuse(run).await?;
            }
            all.push((source.name.to_string(), found));
        }
        if all.is_empty() {
            return Err(Usage("no source of this configuration keeps files".to_owned()).into());
        }
        Ok(all)
    }
}

/// How files are looked at.
#[derive(Default)]
struct Look {
    /// Only those at these paths, by source.
    only: Option<HashMap<String, HashSet<String>>>,
    /// The run that looks at them.
    besides: Option<RunId>,
    /// What is wrong is to be mended, so no run may be under way.
    may_repair: bool,
}

fn refused(run: &Unfinished, source: &str) -> Error {
    Error::conflict(format!("run {} is collecting {source} right now; nothing was touched", run.run))
        .hint("repair when it is over, or stop it with `busta runs cancel`")
}

fn tell(source: &str, found: &Found) -> std::io::Result<()> {
    for wrong in &found.wrong {
        line(&format!("{source}: {} {}", wrong.path, words(wrong)))?;
    }
    line(&format!(
        "{source}: {} of {} are as they were, {} read",
        figures::count(found.right),
        figures::of(found.right + found.wrong.len() as u64, "file"),
        figures::bytes(found.bytes),
    ))
}

fn words(wrong: &Wrong) -> String {
    match &wrong.verdict {
        Verdict::Missing => "is missing".to_owned(),
        Verdict::Differs { is } => {
            format!("is sha256:{is} and was sha256:{}", wrong.sha256.as_deref().unwrap_or_default())
        }
        Verdict::Newer { run, live: true, .. } => {
            format!("is newer than its record: run {run} is collecting it right now")
        }
        Verdict::Newer { run, live: false, .. } => format!(
            "is newer than its record: run {run} has not come to its end; `busta sources collect --resume` finishes it"
        ),
        Verdict::Refused { because } => format!("is not there: what came {because}"),
    }
}
