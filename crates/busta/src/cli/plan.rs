//! `busta sources collect --dry-run`: what would be read.

use anyhow::Result;
use busta_core::{Checkpoint, Split};
use busta_engine::{EarlierRequests, estimate, too_much};
use busta_store::StateStore;

use super::sources::Collect;
use super::{Context, selection};
use crate::config::{BuiltSource, Config};
use crate::exit::Exit;
use crate::output::{line, note};
use crate::report::table;
use crate::{figures, session, wiring};

/// How many splits of a source are listed.
const LISTED: usize = 20;

pub async fn dry_run(context: &Context, command: &Collect) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let chosen = selection::select(&config.sources, &command.names)?;
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    let mut earlier = session::earlier_requests(&StateStore::at(&config.state)).await?;
    for source in config.sources.iter().filter(|source| chosen.contains(&source.name)) {
        match plan(&config, source, command.full_refresh).await {
            Ok(planned) => {
                let earlier = earlier.remove(&source.name).unwrap_or_default();
                let expected = Expected::of(source, &planned, &earlier, command.limit);
                if command.json {
                    documents.push(serde_json::json!({
                        "name": source.name,
                        "splits": planned.splits,
                        "estimate": expected.json(source),
                    }));
                } else {
                    show(source, &planned.splits, context.colour)?;
                    line(&format!("  {}", expected.words(source)))?;
                }
            }
            Err(error) => {
                exit = Exit::Incomplete;
                if command.json {
                    documents.push(serde_json::json!({ "name": source.name, "error": error.to_string() }));
                } else {
                    line(&format!("{}: cannot be planned: {error}", source.name))?;
                }
            }
        }
    }
    if command.json {
        line(&serde_json::to_string_pretty(&documents)?)?;
    } else {
        note("nothing was read; more splits may be found while reading");
    }
    Ok(exit)
}

/// What a new run would read.
struct Planned {
    splits: Vec<Split>,
    /// Whether it goes on from where another has ended.
    onward: bool,
}

/// How many requests it is expected to take.
struct Expected {
    requests: Option<u64>,
}

impl Expected {
    fn of(source: &BuiltSource, planned: &Planned, earlier: &EarlierRequests, limit: Option<u64>) -> Self {
        let known = planned.splits.iter().map(|split| &split.stream);
        let estimate = || estimate(source.source.streams(), known, earlier.of(planned.onward));
        // With a limit of records it takes fewer, nobody knows how many.
        Self { requests: if limit.is_none() { estimate() } else { None } }
    }

    fn json(&self, source: &BuiltSource) -> serde_json::Value {
        let budget = source.settings.budget.unwrap_or_default();
        serde_json::json!({
            "requests": self.requests,
            "cost": self.requests.and_then(|requests| budget.cost(requests)),
            "allowed": budget.run_cap(),
            "refused": self.requests.is_some_and(|requests| too_much(&budget, requests).is_some()),
        })
    }

    fn words(&self, source: &BuiltSource) -> String {
        let budget = source.settings.budget.unwrap_or_default();
        let Some(requests) = self.requests else {
            return "how many requests it takes is not known; a complete run shows it".to_owned();
        };
        if let Some(error) = too_much(&budget, requests) {
            return format!("it would not be collected: {error}");
        }
        let expected = format!("expected to take {}", budget.words(requests));
        match budget.run_cap() {
            Some(cap) => {
                format!("{expected} of {} that {} allows", budget.words(cap), budget.run_cap_words())
            }
            None => expected,
        }
    }
}

/// From the start cursors, unless everything is read again.
async fn plan(config: &Config, source: &BuiltSource, full_refresh: bool) -> busta_core::Result<Planned> {
    let mut from = Checkpoint::default();
    if !full_refresh && let Some(built) = config.destinations.get(source.destination) {
        let run = wiring::new_run_id();
        from = built.destination.prepare(&run, &source.name, source.source.streams()).await?;
        from.splits.clear();
    }
    let splits = source.source.plan(&from).await?;
    Ok(Planned { splits, onward: !from.starts.is_empty() })
}

fn show(source: &BuiltSource, splits: &[Split], colour: bool) -> Result<()> {
    line(&format!("{}: {}", source.name, figures::of(splits.len() as u64, "split")))?;
    let mut table = table::plain(&["  split", "stream", "host"], colour);
    for split in splits.iter().take(LISTED) {
        let host = split.host.as_ref().map_or("", |host| host.as_str());
        table.add_row(vec![format!("  {}", split.id), split.stream.as_str().to_owned(), host.to_owned()]);
    }
    if !splits.is_empty() {
        line(&table::trimmed(&table))?;
    }
    if splits.len() > LISTED {
        line(&format!("  and {} more", splits.len() - LISTED))?;
    }
    Ok(())
}
