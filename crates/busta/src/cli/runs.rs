//! `busta runs`.

use std::process::Command;

use anyhow::{Context as _, Result};
use busta_store::{RunState, StateStore, StoredRun};
use clap::Subcommand;

use super::{Context, served, session};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{line, line_as_it_is, note};
use crate::report::table;
use crate::{figures, serve, wiring};

#[derive(Subcommand, Debug)]
pub enum Runs {
    /// List the newest runs
    #[command(after_help = "Examples:\n  busta runs list\n  busta runs list --limit 5 --json")]
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show the report of a run
    #[command(
        after_help = "Examples:\n  busta runs show              (the newest)\n  busta runs show 01HF7YAT00 --json"
    )]
    Show {
        /// The run, or the beginning of its id; the newest if left out
        run: Option<String>,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show what could not be read, parsed or written, and why
    #[command(
        after_help = "Examples:\n  busta runs failures          (of the newest run)\n  busta runs failures 01HF7YAT00 --limit 5\n  busta runs failures --json | jq .reason"
    )]
    Failures {
        /// The run, or the beginning of its id; the newest if left out
        run: Option<String>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// One JSON object per line, with the payload
        #[arg(long)]
        json: bool,
    },
    /// Try again what a run could not collect
    #[command(
        after_help = "Examples:\n  busta runs retry             (the newest run)\n  busta runs retry 01HF7YAT00 --parallel"
    )]
    Retry {
        /// The run, or the beginning of its id; the newest if left out
        run: Option<String>,
        /// Read many splits at once
        #[arg(long)]
        parallel: bool,
        /// Print the report as one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Stop a live run, take a waiting one out of the queue, or give up an unfinished one
    #[command(
        after_help = "A run of `busta serve` is stopped by that server, which goes on with its other work.\n\nExamples:\n  busta runs cancel 01HF7YAT00\n  BUSTA_TOKEN=... busta runs cancel 01HF7YAT00    (of a server that asks for tokens)"
    )]
    Cancel {
        /// The run, or the beginning of its id
        run: String,
        /// For a run of `busta serve`: a token of the role `operate`; others on this machine may see it, so
        /// better set the variable
        #[arg(long, env = "BUSTA_TOKEN", hide_env_values = true)]
        token: Option<String>,
    },
}

impl Runs {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List { limit, json } => list(context, limit, json).await,
            Self::Show { run, json } => show(context, run, json).await,
            Self::Failures { run, limit, json } => failures(context, run, limit, json).await,
            Self::Retry { run, parallel, json } => {
                let run = pick(&history(context)?, run).await?;
                session::retry(context, run.id.as_str(), parallel, json).await
            }
            Self::Cancel { run, token } => cancel(context, &run, token.as_deref()).await,
        }
    }
}

/// The store of the configuration's state, without building any connector.
fn history(context: &Context) -> Result<StateStore> {
    Ok(StateStore::at(wiring::draft(context.config.as_ref())?.state))
}

async fn pick(store: &StateStore, id: Option<String>) -> Result<StoredRun> {
    match id {
        Some(id) => Ok(store.run(&id).await?),
        None => newest(store).await?.context("there is no run yet; `busta sources collect` starts one"),
    }
}

async fn newest(store: &StateStore) -> Result<Option<StoredRun>> {
    if !store.exists() {
        return Ok(None);
    }
    Ok(store.runs(1).await?.into_iter().next())
}

async fn list(context: &Context, limit: usize, json: bool) -> Result<Exit> {
    let store = history(context)?;
    let runs = if store.exists() { store.runs(limit).await? } else { Vec::new() };
    if json {
        line_as_it_is(&serde_json::to_string_pretty(&runs)?)?;
        return Ok(Exit::Done);
    }
    if runs.is_empty() {
        note("there is no run yet; `busta sources collect` starts one");
        return Ok(Exit::Done);
    }
    let header = ["run", "started", "by", "state", "sources", "records", "duration", "failures"];
    let mut table = table::plain(&header, context.colour);
    for run in &runs {
        let report = run.report.as_ref();
        table.add_row(vec![
            comfy_table::Cell::new(&run.id),
            comfy_table::Cell::new(run.started.format("%F %T UTC")),
            comfy_table::Cell::new(run.trigger.as_str()),
            table::state(run.state.as_str()),
            table::figure(run.sources.len()),
            table::figure(report.map_or_else(String::new, |r| figures::count(r.records))),
            table::figure(report.map_or_else(String::new, |r| figures::seconds(r.duration_s))),
            table::figure(report.map_or_else(String::new, |r| figures::count(r.failures))),
        ]);
    }
    line(&table::trimmed(&table))?;
    Ok(Exit::Done)
}

async fn show(context: &Context, id: Option<String>, json: bool) -> Result<Exit> {
    let run = pick(&history(context)?, id).await?;
    if json {
        line_as_it_is(&serde_json::to_string_pretty(&run)?)?;
        return Ok(Exit::Done);
    }
    let names: Vec<&str> = run.sources.iter().map(|name| name.as_str()).collect();
    line(&format!(
        "Run {} is {}; started {}; sources: {}\n",
        run.id,
        run.state.as_str(),
        run.started.format("%F %T UTC"),
        names.join(", "),
    ))?;
    match &run.report {
        Some(report) => line(table::report(report, context.colour).trim_end())?,
        None => line("It has no report: it has not come to an end.")?,
    }
    Ok(Exit::Done)
}

async fn failures(context: &Context, id: Option<String>, limit: usize, json: bool) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let run = pick(&StateStore::at(&config.state), id).await?;
    let mut left = limit;
    for built in destinations_of(&config, &run) {
        let failures = built.destination.readable().failures(Some(&run.id), left).await?;
        left -= failures.len().min(left);
        for failure in failures {
            if json {
                line(&serde_json::to_string(&failure)?)?;
                continue;
            }
            let place = failure.position.as_deref().map_or_else(String::new, |at| format!(", {at}"));
            line(&format!("{} {} [{}]{place}", failure.source, failure.stream, failure.split))?;
            line(&format!("  {} ({}): {}", failure.stage, failure.kind, failure.reason))?;
        }
    }
    if left == limit && !json {
        note(&format!("run {} has no failures stored", run.id));
    }
    Ok(Exit::Done)
}

/// The destinations of the run's sources, each once.
fn destinations_of<'a>(config: &'a Config, run: &StoredRun) -> Vec<&'a crate::config::BuiltDestination> {
    let mine = config.sources.iter().filter(|source| run.sources.contains(&source.name));
    let mut places: Vec<usize> = mine.map(|source| source.destination).collect();
    places.sort_unstable();
    places.dedup();
    places.into_iter().filter_map(|place| config.destinations.get(place)).collect()
}

async fn cancel(context: &Context, id: &str, token: Option<&str>) -> Result<Exit> {
    let store = history(context)?;
    let run = store.run(id).await?;
    if run.state == RunState::Queued {
        store.unqueue(&run.id, wiring::clock().now()).await?;
        line(&format!("run {} is taken out of the queue", run.id))?;
        return Ok(Exit::Done);
    }
    if run.state != RunState::Running {
        store.abandon(&run.id, wiring::clock().now()).await?;
        line(&format!("run {} is given up; `--resume` will not go on with it", run.id))?;
        return Ok(Exit::Done);
    }
    let pid = run.pid.context("the run's process is not known")?;
    if let Some((_, address)) = serve::holder(store.path()).filter(|(server, _)| *server == pid) {
        // The server has other work, too.
        wiring::install_tls();
        served::cancel(&address, &run.id, token).await?;
        line(&format!(
            "run {} (of `busta serve` at {address}) was asked to stop; it can be resumed",
            run.id
        ))?;
        return Ok(Exit::Done);
    }
    // Through kill(1), so that this program needs no unsafe code.
    let killed = Command::new("kill").args(["-TERM", &pid.to_string()]).status()?;
    anyhow::ensure!(killed.success(), "process {pid} of run {} cannot be stopped", run.id);
    line(&format!("run {} (process {pid}) was asked to stop; it can be resumed", run.id))?;
    Ok(Exit::Done)
}
