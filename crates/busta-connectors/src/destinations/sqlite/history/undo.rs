//! Taking an edit back.

use busta_core::reading::history::JsonText;
use busta_core::{Error, Result};
use rusqlite::types::Value as SqlValue;
use rusqlite::{OptionalExtension, params};

use super::super::errors::At;
use super::super::names::quoted;
use super::edit::Editor;
use super::image::Image;
use super::keys::owned;
use super::tables::log_name;

/// An edit as it is stored.
struct Past {
    kind: String,
    undoes: Option<i64>,
    undone_by: Option<i64>,
    first: Option<i64>,
    last: i64,
    entries: usize,
}

struct Entry {
    source: String,
    key: SqlValue,
    before: Option<String>,
    after: Option<String>,
    held: bool,
}

/// Takes the edit `change` back, as the edit `now`: all of its rows, which must stand as it left them.
pub(super) fn undo(editor: &mut Editor<'_>, change: u64, now: u64) -> Result<Vec<JsonText>> {
    let past = find(editor, change)?;
    let entries = entries(editor, change, &past).at(editor.path)?;
    if entries.len() != past.entries {
        return Err(Error::data(format!("change {change} cannot be undone: its log is gone"))
            .hint("`retention` of the source removed it"));
    }
    let mut records = Vec::with_capacity(entries.len());
    for entry in entries {
        records.push(take_back(editor, change, entry)?);
    }
    records.reverse();
    let mark = |id: i64, by: Option<i64>| {
        let sql = "UPDATE _busta_episodes SET undone_by = ?2 WHERE id = ?1";
        editor.connection.execute(sql, params![id, by]).map(drop).at(editor.path)
    };
    mark(change as i64, Some(now as i64))?;
    // What was undone by it is done again.
    past.undoes.map(|again| mark(again, None)).transpose()?;
    Ok(records)
}

fn find(editor: &Editor<'_>, change: u64) -> Result<Past> {
    let sql = "SELECT kind, undoes, undone_by, first_seq, seq, inserted + updated + removed
               FROM _busta_episodes WHERE id = ?1 AND table_name = ?2";
    let past = editor
        .connection
        .query_row(sql, params![change as i64, editor.table.name], |row| {
            Ok(Past {
                kind: row.get(0)?,
                undoes: row.get(1)?,
                undone_by: row.get(2)?,
                first: row.get(3)?,
                last: row.get(4)?,
                entries: row.get::<_, i64>(5)? as usize,
            })
        })
        .optional()
        .at(editor.path)?;
    let name = &editor.table.name;
    let past = past.ok_or_else(|| Error::not_found(format!("there is no change {change} of `{name}`")))?;
    if past.kind != "edit" {
        return Err(Error::data(format!("change {change} was no edit but a {}", past.kind))
            .hint("only edits can be undone; to see what it did: `busta data diff`"));
    }
    if let Some(by) = past.undone_by {
        return Err(Error::conflict(format!("change {change} was undone already, by change {by}"))
            .hint(format!("undo change {by} to do it again")));
    }
    Ok(past)
}

/// The last comes first.
fn entries(editor: &Editor<'_>, change: u64, past: &Past) -> rusqlite::Result<Vec<Entry>> {
    let Some(first) = past.first else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT source, key, before, after, held FROM {}
         WHERE seq BETWEEN ?1 AND ?2 AND episode = ?3 ORDER BY seq DESC",
        quoted(&log_name(&editor.table.name))
    );
    let mut statement = editor.connection.prepare_cached(&sql)?;
    let entry = |row: &rusqlite::Row<'_>| {
        Ok(Entry {
            source: row.get(0)?,
            key: owned(row.get_ref(1)?),
            before: row.get(2)?,
            after: row.get(3)?,
            held: row.get::<_, Option<bool>>(4)?.unwrap_or(false),
        })
    };
    statement.query_map([first, past.last, change as i64], entry)?.collect()
}

/// Gives the row as it is now, or as it was if it goes.
fn take_back(editor: &mut Editor<'_>, change: u64, entry: Entry) -> Result<JsonText> {
    let stands = editor.exactly(&entry.source, &entry.key)?;
    let now = stands.as_ref().map(|standing| Image::parse(&standing.image)).transpose()?;
    let left = entry.after.as_deref().map(Image::parse).transpose()?;
    let same = match (&now, &left) {
        (None, None) => true,
        (Some(now), Some(left)) => now.says_but_for(left, editor.log.ignored()),
        _ => false,
    };
    let before = entry.before.as_deref().map(Image::parse).transpose()?;
    if !same {
        let known = left.as_ref().or(before.as_ref()).map(|image| image.key(&editor.table.primary_key));
        let key = known.transpose()?.map_or_else(String::new, |key| key.to_string());
        let how = if now.is_some() { "has changed since" } else { "is gone" };
        return Err(Error::conflict(format!("change {change} cannot be undone: row {key} {how}"))
            .hint("look at what became of it with `busta data changes --key`, and edit it"));
    }
    match (before, stands) {
        (Some(before), _) => editor.put(&entry.source, before.fields.get(), &before.run, &before.loaded_at),
        (None, Some(standing)) => {
            editor.delete(&standing, entry.held)?;
            Image::parse(&standing.image)?.record(&standing.source)
        }
        (None, None) => Err(Error::bug(format!("an entry of change {change} says nothing"))),
    }
}
