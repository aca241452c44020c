//! `busta data history|changes|diff|undo`: what became of rows.

use anyhow::Result;
use busta_core::Error;
use busta_core::reading::history::{
    Change, ChangeAction, ChangesQuery, DifferenceQuery, Edit, EditAction, EditWork, Episode, EpisodeKind,
    History, PartQuery, Place, RowKey,
};
use busta_core::report::Status;
use busta_store::StateStore;
use clap::Args;
use serde_json::{Map, Value};

use super::data::{cell, find, wrong};
use super::served;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{line, line_as_it_is, note};
use crate::report::table;
use crate::{figures, serve, wiring};

/// Who edits from the command line.
const WHO: &str = "command line";
/// Rows of a page.
const PAGE: usize = 500;

pub const HISTORY_EXAMPLES: &str = "\
The table needs `change_log: true` or `snapshot: true` in `datasets:`.

Examples:
  busta data history sellers
  busta data history sellers -n 5 --json";
pub const CHANGES_EXAMPLES: &str = "\
Examples:
  busta data changes sellers               (the newest)
  busta data changes sellers --since 120   (all behind entry 120, oldest first)
  busta data changes sellers --run 01HF7YAT00 --json | jq .after.name
  busta data changes sellers --key acme";
pub const DIFF_EXAMPLES: &str = "\
A place is the id of a run (the rows as it left them), `seq:N` as `history` shows it, a time, or `now`.

Examples:
  busta data diff sellers 01HF7YAT00                     (what has changed since)
  busta data diff sellers 01HF7YAT00 01HF8QRS11
  busta data diff sellers 2026-11-22T00:00:00Z --json";
pub const UNDO_EXAMPLES: &str = "\
Works as long as the rows stand as the edit left them. An undo is an edit, and can be undone. While `busta
serve` runs, it is asked to do it.

Examples:
  busta data undo sellers 17
  BUSTA_TOKEN=... busta data undo sellers 17    (of a server that asks for tokens)";

#[derive(Args, Debug)]
pub struct Episodes {
    /// The table
    table: String,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// One JSON object per line instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub struct Changes {
    /// The table
    table: String,
    /// How many; with `--since` all of them unless given
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Only those behind this entry, oldest first
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// Only those of this run
    #[arg(long)]
    run: Option<String>,
    /// Only those of the row with this key; of several fields as JSON: '["B01","DE"]'
    #[arg(long)]
    key: Option<String>,
    /// One JSON object per line, with the rows before and after
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub struct Diff {
    /// The table
    table: String,
    /// From where
    from: Place,
    /// To where
    #[arg(default_value = "now")]
    to: Place,
    /// One JSON object per line: `{"added": …}`, `{"removed": …}`, `{"changed": …}`
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub struct Undo {
    /// The table
    table: String,
    /// The number of the edit, as `history` shows it
    change: u64,
    /// For `busta serve`: a token of the role `operate`; others on this machine may see it, so better set the
    /// variable
    #[arg(long, env = "BUSTA_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// The past of the destination that has the table.
async fn past<'a>(config: &'a Config, table: &str) -> Result<&'a dyn History> {
    let history = find(config, table).await?.history();
    Ok(history.ok_or_else(|| {
        Error::not_found(format!("the destination of `{table}` keeps no change logs"))
            .hint("type `sqlite` does")
    })?)
}

impl Episodes {
    pub async fn run(self, config: &Config, colour: bool) -> Result<Exit> {
        let history = past(config, &self.table).await?;
        let mut part = PartQuery::of(self.table, 0);
        let mut found: Vec<Episode> = Vec::new();
        while found.len() < self.limit {
            part.limit = PAGE.min(self.limit - found.len());
            let page = history.episodes(&part).await.map_err(wrong)?;
            found.extend(page.items);
            part.after = page.next;
            if part.after.is_none() {
                break;
            }
        }
        if self.json {
            found.iter().try_for_each(|episode| line_as_it_is(&serde_json::to_string(episode)?))?;
            return Ok(Exit::Done);
        }
        if found.is_empty() {
            note("nothing has happened since its log began");
            return Ok(Exit::Done);
        }
        let mut table =
            table::plain(&["change", "at", "what", "new", "changed", "gone", "rows", "place"], colour);
        for episode in &found {
            table.add_row(vec![
                comfy_table::Cell::new(episode.change),
                comfy_table::Cell::new(episode.at.format("%F %T UTC")),
                comfy_table::Cell::new(words(episode)),
                table::figure(figures::count(episode.inserted)),
                table::figure(figures::count(episode.updated)),
                table::figure(figures::count(episode.removed)),
                table::figure(figures::count(episode.count)),
                comfy_table::Cell::new(format!("seq:{}", episode.seq)),
            ]);
        }
        line_as_it_is(&table::trimmed(&table))?;
        Ok(Exit::Done)
    }
}

/// What it was, in words.
fn words(episode: &Episode) -> String {
    let source = episode.source.as_ref().map_or("", |source| source.as_str());
    let who = episode.who.as_deref().unwrap_or_default();
    let keys: Vec<String> = episode.keys.iter().take(3).map(|key| values(key.get())).collect();
    let undone = episode.undone_by.map_or_else(String::new, |by| format!(" (undone by {by})"));
    let deed = match episode.action {
        Some(EditAction::Insert) => format!("{who} added {}", keys.join(", ")),
        Some(EditAction::Update) => format!("{who} changed {}", keys.join(", ")),
        Some(EditAction::Remove) => format!("{who} removed {}", keys.join(", ")),
        Some(EditAction::Undo) => format!("{who} undid {}", episode.undoes.unwrap_or_default()),
        None => String::new(),
    };
    match episode.kind {
        EpisodeKind::Run => {
            let status = episode.status.filter(|status| *status != Status::Completed);
            let status = status.map_or_else(String::new, |status| format!(" ({})", status.as_str()));
            format!("run {} of {source}{status}", episode.run.as_ref().map_or("", |run| run.as_str()))
        }
        EpisodeKind::Retention => format!("retention of {source}"),
        EpisodeKind::Edit => deed + &undone,
    }
}

/// The values of a key.
fn values(key: &str) -> String {
    let key: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
    key.values().map(|value| cell(Some(value))).collect::<Vec<_>>().join(" ")
}

impl Changes {
    pub async fn run(self, config: &Config, colour: bool) -> Result<Exit> {
        const USUAL: usize = 20;
        let history = past(config, &self.table).await?;
        let usual = if self.since.is_some() { usize::MAX } else { USUAL };
        let limit = self.limit.unwrap_or(usual);
        let mut query = ChangesQuery {
            table: self.table,
            since: self.since,
            run: self.run.map(Into::into),
            key: self.key.map(RowKey::Text),
            after: None,
            limit: 0,
        };
        let header = ["entry", "at", "what", "key", "by", "columns", "rows"];
        let (mut table, mut shown) = (table::plain(&header, colour), 0);
        while shown < limit {
            query.limit = PAGE.min(limit - shown);
            let page = history.changes(&query).await.map_err(wrong)?;
            shown += page.items.len();
            for change in &page.items {
                if self.json {
                    line_as_it_is(&serde_json::to_string(change)?)?;
                } else {
                    table.add_row(row(change));
                }
            }
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        if self.json {
            return Ok(Exit::Done);
        }
        if shown == 0 {
            note("nothing has changed");
        } else {
            line_as_it_is(&table::trimmed(&table))?;
        }
        Ok(Exit::Done)
    }
}

fn row(change: &Change) -> Vec<comfy_table::Cell> {
    let action = match change.action {
        ChangeAction::Insert => "insert",
        ChangeAction::Update => "update",
        ChangeAction::Remove => "remove",
    };
    let by = match (&change.who, &change.run) {
        (Some(who), _) => who.clone(),
        (None, Some(run)) => format!("run {run}"),
        (None, None) => "retention".to_owned(),
    };
    let columns = match (&change.before, &change.after) {
        (Some(before), Some(after)) => differing(before.get(), after.get()).join("; "),
        _ => String::new(),
    };
    vec![
        comfy_table::Cell::new(change.seq),
        comfy_table::Cell::new(change.at.format("%F %T UTC")),
        comfy_table::Cell::new(action),
        comfy_table::Cell::new(values(change.key.get())),
        comfy_table::Cell::new(by),
        comfy_table::Cell::new(columns),
        table::figure(figures::count(change.count)),
    ]
}

/// The columns in which two rows differ, with both values; ours are no content.
fn differing(before: &str, after: &str) -> Vec<String> {
    let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (before, after) = (read(before), read(after));
    let new = after.keys().filter(|name| !before.contains_key(*name));
    let names = before.keys().chain(new).filter(|name| !name.starts_with("_busta_"));
    let differ = names.filter(|name| before.get(*name) != after.get(*name));
    let shown = |row: &Map<String, Value>, name: &str| match cell(row.get(name)) {
        empty if empty.is_empty() => "nothing".to_owned(),
        text => text,
    };
    differ.map(|name| format!("{name}: {} -> {}", shown(&before, name), shown(&after, name))).collect()
}

impl Diff {
    pub async fn run(self, config: &Config) -> Result<Exit> {
        let history = past(config, &self.table).await?;
        let mut query =
            DifferenceQuery { table: self.table, from: self.from, to: self.to, after: None, limit: PAGE };
        let (mut first, mut found) = (true, 0);
        loop {
            let page = history.difference(&query).await.map_err(wrong)?;
            if first && !self.json {
                let rows = |count: u64| figures::count(count);
                line(&format!("from {}: {} rows", query.from, rows(page.from.count)))?;
                line(&format!("to {}: {} rows", query.to, rows(page.to.count)))?;
            }
            first = false;
            found += page.added.len() + page.removed.len() + page.changed.len();
            for (sign, name, rows) in [("+", "added", &page.added), ("-", "removed", &page.removed)] {
                for row in rows {
                    let json = format!("{{\"{name}\":{row}}}");
                    line_as_it_is(&if self.json { json } else { format!("{sign} {row}") })?;
                }
            }
            for row in &page.changed {
                let columns = || differing(row.before.get(), row.after.get()).join("; ");
                let text = match self.json {
                    true => format!("{{\"changed\":{}}}", serde_json::to_string(row)?),
                    false => format!("~ {} {}", row.key, columns()),
                };
                line_as_it_is(&text)?;
            }
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        if found == 0 && !self.json {
            note("there is no difference");
        }
        Ok(Exit::Done)
    }
}

impl Undo {
    pub async fn run(self, config: &Config) -> Result<Exit> {
        let Self { table, change, token } = self;
        let store = StateStore::at(&config.state);
        let (by, count) = match serve::holder(store.path()) {
            Some((_, address)) => {
                wiring::install_tls();
                let undone = served::undo(&address, &table, change, token.as_deref()).await?;
                (undone.change, undone.count)
            }
            None => {
                let edit = Edit {
                    table: table.clone(),
                    source: None,
                    who: WHO.to_owned(),
                    work: EditWork::Undo(change),
                };
                let edited = past(config, &table).await?.edit(edit).await.map_err(wrong)?;
                (edited.change, edited.count)
            }
        };
        let by = by.map_or_else(String::new, |by| format!(", as change {by}"));
        let rows = figures::count(count);
        line(&format!("change {change} of {table} is undone{by}; there are {rows} rows"))?;
        Ok(Exit::Done)
    }
}
