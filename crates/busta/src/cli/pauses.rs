//! `busta sources pause` and `resume`, and what `list` and `info` say of pauses and budgets.

use std::collections::BTreeMap;

use anyhow::Result;
use busta_core::SourceName;
use busta_store::{ScheduleState, StateStore};
use serde_json::{Value, json};

use super::{Context, selection};
use crate::config::{BuiltSource, Config};
use crate::exit::Exit;
use crate::output::line;
use crate::{pausing, wiring};

/// Pauses a source, or lets it go on.
pub async fn set(context: &Context, name: &str, pause: bool) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let source = selection::find(&config.sources, name)?;
    let was_paused = all(&config).await?.contains_key(&source.name);
    let store = StateStore::at(&config.state);
    if pause || was_paused {
        store.set_paused(&source.name, pause, wiring::clock().now()).await?;
    }
    line(&match (pause, was_paused) {
        (true, _) if source.schedule.is_none() => {
            format!("{name} is paused; it has no schedule, so it is only marked")
        }
        (true, false) => format!("{name} is paused: it is collected only when somebody asks for it"),
        (true, true) => format!("{name} is paused, until somebody resumes it"),
        (false, true) => format!("{name} goes on"),
        (false, false) => format!("{name} is not paused"),
    })?;
    Ok(Exit::Done)
}

/// The sources that are paused.
pub async fn all(config: &Config) -> Result<BTreeMap<SourceName, ScheduleState>> {
    let store = StateStore::at(&config.state);
    if !store.exists() {
        return Ok(BTreeMap::new());
    }
    let mut states = store.schedules().await?;
    states.retain(|_, state| state.is_paused());
    Ok(states)
}

/// `paused since 2026-11-23 08:00 UTC`
pub fn short(state: &ScheduleState) -> Option<String> {
    Some(format!("paused since {}", state.paused_at?.format("%F %R UTC")))
}

/// The same with its reason.
pub fn long(state: &ScheduleState, config: &Config) -> String {
    let Some(since) = short(state) else { return String::new() };
    let Some(failing) = &state.failing else { return format!("{since}, by somebody\n") };
    let probe = pausing::next_probe(state, config.server.probe_after.0).map_or_else(
        || "somebody has to resume it".to_owned(),
        |at| format!("`busta serve` looks at {} whether it answers again", at.format("%F %T UTC")),
    );
    format!("{since}, in run {}: {}\n  {probe}\n", failing.run, failing.reason)
}

/// The same as a document.
pub fn json(state: &ScheduleState, config: &Config) -> Value {
    json!({
        "since": state.paused_at,
        "reason": state.failing.as_ref().map(|failing| &failing.reason),
        "run": state.failing.as_ref().map(|failing| &failing.run),
        "next_probe_at": pausing::next_probe(state, config.server.probe_after.0),
    })
}

/// What is left of a source's budget, in a line; nothing if it has none.
pub async fn budget(config: &Config, source: &BuiltSource) -> Result<String> {
    let Some(budget) = source.settings.budget else { return Ok(String::new()) };
    let mut parts = Vec::new();
    if let Some(cap) = budget.run_cap() {
        parts.push(format!("{} a run", budget.words(cap)));
    }
    if let Some(most) = budget.requests_per_day {
        let store = StateStore::at(&config.state);
        let today = wiring::clock().now().date_naive();
        let sent = if store.exists() { store.requests_of_day(&source.name, today).await? } else { 0 };
        parts.push(format!("{most} requests a day, {sent} of them counted today (UTC)"));
    }
    if parts.is_empty() {
        parts.push("no limit".to_owned());
    }
    Ok(format!("budget: {}\n", parts.join("; ")))
}
