//! `busta sources collect` and `busta runs retry`: which run it is, and what is done with it.

use anyhow::Result;
use busta_core::{Error, RunId, SourceName};
use busta_store::{MeanDurations, NewRun, RunLease, RunState, StateStore, StoredRun, Trigger};

use super::sources::Collect;
use super::{Context, selection};
use crate::collect::{collect as carry_out, remember};
use crate::exit::{Exit, Usage};
use crate::output::{as_it_is, line, note, unless_closed};
use crate::progress::Show;
use crate::report::{json, quality, table};
use crate::volumes;
use crate::wiring::{self, Choice, Wired};

/// A run that has a row and a lease, and may start.
struct Session {
    store: StateStore,
    lease: RunLease,
    sources: Vec<SourceName>,
    resumed: bool,
    full_refresh: bool,
    limit: Option<u64>,
    expected: MeanDurations,
}

/// Collects as the command line says.
pub async fn collect(context: &Context, command: &Collect) -> Result<Exit> {
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
        Some(run) if command.resume => resume(&wired, store, run, &command.names).await?,
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
            begin(store, chosen, command).await?
        }
    };
    carry_on(context, &wired, session, parallel, command.json).await
}

/// Goes on with a run that is named.
pub async fn retry(context: &Context, id: &str, parallel: bool, json: bool) -> Result<Exit> {
    let draft = wiring::draft(context.config.as_ref())?;
    let parallel = parallel || draft.settings.parallel;
    let wired = Wired::new(draft)?;
    let store = StateStore::at(&wired.config.state);
    let run = store.run(id).await?;
    refuse_done(&run)?;
    let session = resume(&wired, store, run, &[]).await?;
    carry_on(context, &wired, session, parallel, json).await
}

/// Says of a completed run why there is nothing to try again, though it has failures.
fn refuse_done(run: &StoredRun) -> Result<()> {
    if run.report.as_ref().is_some_and(quality::is_all_that_failed) {
        let what = format!("run {} failed by the quality of its records, which have all landed", run.id);
        return Err(Error::conflict(what)
            .hint("mend the source or its `quality:` rules, and collect it again")
            .into());
    }
    let failures = run.report.as_ref().map_or(0, |report| report.failures);
    if run.state != RunState::Completed || failures == 0 {
        return Ok(());
    }
    let kept = format!(
        "run {} is completed: all its splits are done; {} kept with the payload (`busta runs failures {}`)",
        run.id,
        if failures == 1 {
            "1 failed record is".to_owned()
        } else {
            format!("{failures} failed records are")
        },
        run.id
    );
    Err(Error::conflict(kept).hint("`busta sources collect --full-refresh` reads everything again").into())
}

async fn begin(store: StateStore, sources: Vec<SourceName>, command: &Collect) -> Result<Session> {
    let run = NewRun {
        id: wiring::new_run_id(),
        started: wiring::clock().now(),
        trigger: Trigger::Command,
        sources: sources.clone(),
        full_refresh: command.full_refresh,
        limit: command.limit,
    };
    let lease = store.begin(run).await?;
    let expected = store.durations().await?;
    let (full_refresh, limit) = (command.full_refresh, command.limit);
    Ok(Session { store, lease, sources, resumed: false, full_refresh, limit, expected })
}

async fn resume(wired: &Wired, store: StateStore, run: StoredRun, names: &[String]) -> Result<Session> {
    let named: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(other) = named.iter().find(|name| !run.sources.iter().any(|source| source.as_str() == **name))
    {
        return Err(Usage(format!(
            "run {} does not collect {other}; leave the names out to go on with it",
            run.id
        ))
        .into());
    }
    let known = |name: &SourceName| wired.config.sources.iter().any(|source| source.name == *name);
    let (sources, gone): (Vec<_>, Vec<_>) = run.sources.iter().cloned().partition(known);
    for name in gone {
        note(&format!("{name} is no longer in the configuration and is left out"));
    }
    let sources: Vec<SourceName> =
        sources.into_iter().filter(|s| named.is_empty() || named.contains(&s.as_str())).collect();
    if sources.is_empty() {
        return Err(Error::conflict(format!("no source of run {} is in the configuration", run.id))
            .hint(format!("`busta runs cancel {}` gives it up", run.id))
            .into());
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
    let lease = store.resume(&run.id, Trigger::Command).await?;
    let expected = store.durations().await?;
    let (full_refresh, limit) = (run.full_refresh, run.limit);
    Ok(Session { store, lease, sources, resumed: true, full_refresh, limit, expected })
}

async fn carry_on(
    context: &Context,
    wired: &Wired,
    session: Session,
    parallel: bool,
    json: bool,
) -> Result<Exit> {
    let Session { store, lease, sources, resumed, full_refresh, limit, expected } = session;
    let run: RunId = lease.run().clone();
    volumes::recall(&store, &wired.config.sources).await?;
    let plan = wired.plan(Choice { run, sources, resumed, full_refresh, parallel, limit, expected });
    let collected = carry_out(plan, Show::detect()).await?;
    remember(&store, lease, &collected).await;
    let printed = if json {
        as_it_is(&json::document(&collected.report)?)
    } else {
        line(table::report(&collected.report, context.colour).trim_end())
    };
    // Whoever does not read the report to its end still learns from the exit code how the run went.
    unless_closed(printed)?;
    Ok(Exit::of_run(collected.report.status, collected.signal))
}
