//! `busta sources collect` and `busta runs retry`: which run it is, and what is done with it.

use anyhow::Result;
use busta_core::{RunId, SourceName};
use busta_store::{NewRun, StateStore, StoredRun, Trigger};

use super::sources::Collect;
use super::{Context, selection};
use crate::collect::{Collected, collect as carry_out};
use crate::exit::{Exit, Usage};
use crate::output::{as_it_is, line, note, unless_closed};
use crate::progress::Show;
use crate::report::{json, quality, table};
use crate::session::{self, Session};
use crate::wiring::{self, Wired};

/// Collects as the command line says.
pub async fn collect(context: &Context, command: &Collect) -> Result<Exit> {
    claim(context, command).await?.carry_on(context).await
}

/// A run that holds the claim on its sources, and has not started: no other run collects them meanwhile.
pub struct Claimed {
    wired: Wired,
    session: Session,
    parallel: bool,
    json: bool,
}

/// The run that the command line says. Refused while a live run collects one of its sources.
pub async fn claim(context: &Context, command: &Collect) -> Result<Claimed> {
    let mut draft = wiring::draft(context.config.as_ref())?;
    if let Some(concurrency) = command.concurrency {
        draft.settings.concurrency = concurrency as usize;
    }
    let parallel = command.parallel || draft.settings.parallel || command.concurrency.is_some_and(|n| n > 1);
    let wired = Wired::new(draft)?;
    let chosen = selection::select(&wired.config.sources, &command.names)?;
    let store = StateStore::at(&wired.config.state);
    // What failed by quality alone has landed whole: there is nothing to go on with.
    let by_quality = |run: &StoredRun| run.report.as_ref().is_some_and(quality::is_all_that_failed);
    let unfinished = store.newest_resumable().await?.filter(|run| !by_quality(run));
    let session = match unfinished {
        Some(run) if command.resume => resume(&wired, &store, &run, &command.names).await?,
        unfinished => {
            if command.resume {
                note("there is no run to go on with; this is a new one");
            } else if let Some(run) = unfinished.filter(|run| run.sources.iter().any(|s| chosen.contains(s)))
            {
                note(&format!(
                    "run {} did not complete; `--resume` would go on with it; this is a new one",
                    run.id
                ));
            }
            begin(&store, chosen, command).await?
        }
    };
    Ok(Claimed { wired, session, parallel, json: command.json })
}

/// Goes on with a run that is named.
pub async fn retry(context: &Context, id: &str, parallel: bool, json: bool) -> Result<Exit> {
    let draft = wiring::draft(context.config.as_ref())?;
    let parallel = parallel || draft.settings.parallel;
    let wired = Wired::new(draft)?;
    let store = StateStore::at(&wired.config.state);
    let run = store.run(id).await?;
    session::refuse_done(&run)?;
    let session = resume(&wired, &store, &run, &[]).await?;
    Claimed { wired, session, parallel, json }.carry_on(context).await
}

async fn begin(store: &StateStore, sources: Vec<SourceName>, command: &Collect) -> Result<Session> {
    let run = NewRun {
        id: wiring::new_run_id(),
        started: wiring::clock().now(),
        trigger: Trigger::Command,
        sources,
        full_refresh: command.full_refresh,
        limit: command.limit,
    };
    Ok(Session::begin(store, run).await?)
}

async fn resume(wired: &Wired, store: &StateStore, run: &StoredRun, names: &[String]) -> Result<Session> {
    if let Some(other) = names.iter().find(|name| !run.sources.iter().any(|source| source.as_str() == **name))
    {
        return Err(Usage(format!(
            "run {} does not collect {other}; leave the names out to go on with it",
            run.id
        ))
        .into());
    }
    let (mut sources, gone) = session::resumable(wired, run)?;
    for name in gone {
        note(&format!("{name} is no longer in the configuration and is left out"));
    }
    sources.retain(|source| names.is_empty() || names.iter().any(|name| name == source.as_str()));
    if sources.is_empty() {
        return Err(Usage("the sources named are no longer in the configuration".to_owned()).into());
    }
    note(&format!(
        "going on with run {} ({}, started {})",
        run.id,
        run.state.as_str(),
        run.started.format("%F %T UTC")
    ));
    if sources.len() < run.sources.len() {
        note("only some of its sources are collected now; it stays unfinished, for the others");
    }
    Ok(Session::resume(store, run, sources, Trigger::Command).await?)
}

impl Claimed {
    /// The run.
    pub fn id(&self) -> &RunId {
        self.session.run()
    }

    /// Collects.
    pub async fn carry_on(self, context: &Context) -> Result<Exit> {
        let Self { wired, mut session, parallel, json } = self;
        let plan = session.plan(&wired, parallel).await?;
        let Collected { report, learnt, signal } = carry_out(plan, Show::detect()).await?;
        // The data is safe by now, so what fails here is only told.
        if let Err(error) = session.end(&report, learnt).await {
            note(&format!("the run is not in the history: {error}"));
        }
        let printed = if json {
            as_it_is(&json::document(&report)?)
        } else {
            line(table::report(&report, context.colour).trim_end())
        };
        // Whoever does not read the report to its end still learns from the exit code how the run went.
        unless_closed(printed)?;
        Ok(Exit::of_run(report.status, signal))
    }
}
