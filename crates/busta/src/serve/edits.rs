//! Edits of rows by hand: who, whose rows, and what the feed says of it.

use busta_core::event::{Action, Event};
use busta_core::reading::history::{Edit, EditAction, EditWork, Edited};
use busta_core::{Error, Result, SourceName};
use busta_server::{EditRequest, TokenHash};
use busta_store::StateStore;
use chrono::{DateTime, Utc};

use super::past;
use crate::config::Config;

/// Who edits where no token is needed.
const LOCAL: &str = "local";

/// The name of a token.
pub async fn name_of(store: &StateStore, config: &Config, by: Option<TokenHash>) -> Result<String> {
    let Some(hash) = by else { return Ok(LOCAL.to_owned()) };
    if let Some(token) = config.server.tokens.iter().find(|token| token.token.0 == hash) {
        return Ok(token.name.clone());
    }
    let stored = store.tokens().await?.into_iter().find(|token| token.hash == *hash.as_bytes());
    stored.map(|token| token.name).ok_or_else(|| Error::auth("this token has just been taken back"))
}

/// An edit that was made.
pub struct Made {
    pub done: Edited,
    table: String,
    source: Option<SourceName>,
    action: EditAction,
}

/// Makes an edit.
pub async fn edit(config: &Config, request: EditRequest, who: String) -> Result<Made> {
    let EditRequest { table, source, work, .. } = request;
    let (place, history) = past::find(config, &table).await?;
    let source = whose(config, place, &table, source, matches!(work, EditWork::Insert(_)))?;
    let action = work.action();
    let done = history.edit(Edit { table: table.clone(), source: source.clone(), who, work }).await?;
    Ok(Made { done, table, source, action })
}

/// The source whose rows are meant: new ones belong to the only one that lands in the table, unless the
/// request names one.
fn whose(
    config: &Config,
    place: usize,
    table: &str,
    named: Option<String>,
    new: bool,
) -> Result<Option<SourceName>> {
    let lands = |source: &&crate::config::BuiltSource| {
        source.destination == place && source.source.streams().iter().any(|stream| stream.table == table)
    };
    let sources: Vec<&SourceName> = config.sources.iter().filter(lands).map(|source| &source.name).collect();
    let known = || sources.iter().map(|source| source.as_str()).collect::<Vec<_>>().join(", ");
    match (named, &sources[..]) {
        // Rows of a source that is no longer configured can still be named.
        (Some(name), _) if !new => Ok(Some(name.into())),
        (Some(name), sources) if sources.iter().any(|source| source.as_str() == name) => {
            Ok(Some(name.into()))
        }
        (Some(name), _) => Err(Error::data(format!("no source `{name}` lands in `{table}`"))
            .hint(format!("there are {}", known()))),
        (None, [only]) if new => Ok(Some((*only).clone())),
        (None, _) if new => Err(Error::data(format!("several sources land in `{table}`, or none"))
            .hint(format!("say with `source` to which the records belong: {}", known()))),
        (None, _) => Ok(None),
    }
}

impl Made {
    /// What the feed says, if something was changed.
    pub fn event(&self, now: DateTime<Utc>, who: &str) -> Option<Event> {
        let Self { done, table, source, action } = self;
        let change = done.change?;
        let rows = done.records.len() as u64;
        let what = match action {
            EditAction::Insert => "added to",
            EditAction::Update => "changed in",
            EditAction::Remove => "removed from",
            EditAction::Undo => "set back by undoing an edit of",
        };
        let records = if rows == 1 { "1 record".to_owned() } else { format!("{rows} records") };
        let message = format!("{records} {what} `{table}` by {who} (change {change})");
        Some(Event {
            source: source.clone(),
            count: Some(rows),
            message: Some(message),
            ..Event::new(now, &format!("edit-{change}").into(), Action::Edited)
        })
    }
}
