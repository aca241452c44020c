//! `busta sources collect --dry-run`: what would be read.

use anyhow::Result;
use busta_core::{Checkpoint, Split};

use super::sources::Collect;
use super::{Context, selection};
use crate::config::{BuiltSource, Config};
use crate::exit::Exit;
use crate::output::{line, note};
use crate::report::table;
use crate::{figures, wiring};

/// How many splits of a source are listed.
const LISTED: usize = 20;

pub async fn dry_run(context: &Context, command: &Collect) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let chosen = selection::select(&config.sources, &command.names)?;
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    for source in config.sources.iter().filter(|source| chosen.contains(&source.name)) {
        match plan(&config, source, command.full_refresh).await {
            Ok(splits) if command.json => {
                documents.push(serde_json::json!({ "name": source.name, "splits": splits }))
            }
            Ok(splits) => show(source, &splits, context.colour)?,
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

/// The splits a new run would read: from the start cursors, unless everything is read again.
async fn plan(config: &Config, source: &BuiltSource, full_refresh: bool) -> busta_core::Result<Vec<Split>> {
    let mut from = Checkpoint::default();
    if !full_refresh && let Some(built) = config.destinations.get(source.destination) {
        let run = wiring::new_run_id();
        from = built.destination.prepare(&run, &source.name, source.source.streams()).await?;
        from.splits.clear();
    }
    source.source.plan(&from).await
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
