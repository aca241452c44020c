//! The difference of two places: the net effect of the entries between them.

use busta_core::Result;
use busta_core::reading::PAGE_BYTES;
use busta_core::reading::history::{ChangedRow, Difference, DifferenceQuery, Place};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::super::errors::At;
use super::View;
use super::image::Image;

/// How many entries a page looks at, at most.
const EXAMINED: i64 = 20_000;

/// The places as the first page found them, and the last entry looked at.
#[derive(Serialize, Deserialize)]
struct Last {
    from: i64,
    to: i64,
    seq: i64,
}

/// Reads a page: rows in the order in which they first changed.
pub(super) fn difference(view: &View<'_>, query: &DifferenceQuery) -> Result<Difference> {
    let Last { from, to, seq } = match query.place::<Last>()? {
        Some(last) => {
            view.seq_of(&Place::Seq(last.from.min(last.to) as u64))?;
            last
        }
        None => {
            let (from, to) = (view.seq_of(&query.from)?, view.seq_of(&query.to)?);
            Last { from, to, seq: from.min(to) }
        }
    };
    let (low, high) = (from.min(to), from.max(to));
    let mut found = Difference {
        from: view.mark(from)?,
        to: view.mark(to)?,
        added: Vec::new(),
        removed: Vec::new(),
        changed: Vec::new(),
        next: None,
    };
    let edge = high.min(seq + EXAMINED);
    let mut statement = view.connection.prepare_cached(&net(view)).at(view.path)?;
    let mut rows = statement.query(params![low, high, seq, edge]).at(view.path)?;
    let (mut bytes, mut count, mut last) = (0, 0, seq);
    while let Some(row) = rows.next().at(view.path)? {
        if count >= query.limit.max(1) || bytes >= PAGE_BYTES {
            found.next = Some(query.cursor(&Last { from, to, seq: last })?);
            return Ok(found);
        }
        let read = || -> rusqlite::Result<(i64, String, Option<String>, Option<String>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        };
        let (entry, source, before, after) = read().at(view.path)?;
        last = entry;
        bytes += before.as_ref().map_or(0, String::len) + after.as_ref().map_or(0, String::len);
        let (before, after) = if from <= to { (before, after) } else { (after, before) };
        count += usize::from(found.add(view, &source, before.as_deref(), after.as_deref())?);
    }
    if edge < high {
        found.next = Some(query.cursor(&Last { from, to, seq: edge })?);
    }
    Ok(found)
}

/// For each key its row before its first entry between `?1` and `?2`, and after its last; those whose first
/// entry lies behind `?3`, up to `?4`.
pub(super) fn net(view: &View<'_>) -> String {
    let log = view.log();
    format!(
        "SELECT e.seq, e.source, e.before,
           (SELECT l.after FROM {log} AS l WHERE l.source = e.source AND l.key = e.key AND l.seq <= ?2
            ORDER BY l.seq DESC LIMIT 1)
         FROM {log} AS e WHERE e.seq > ?3 AND e.seq <= ?4 AND NOT EXISTS
           (SELECT 1 FROM {log} AS l WHERE l.source = e.source AND l.key = e.key AND l.seq > ?1 AND l.seq < e.seq)
         ORDER BY e.seq"
    )
}

trait Net {
    /// Adds a row, unless it came to nothing.
    fn add(
        &mut self,
        view: &View<'_>,
        source: &str,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<bool>;
}

impl Net for Difference {
    fn add(
        &mut self,
        view: &View<'_>,
        source: &str,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<bool> {
        let before = before.map(Image::parse).transpose()?;
        let after = after.map(Image::parse).transpose()?;
        match (before, after) {
            (None, None) => return Ok(false),
            (None, Some(after)) => self.added.push(after.record(source)?),
            (Some(before), None) => self.removed.push(before.record(source)?),
            (Some(before), Some(after)) if before.says_but_for(&after, &view.state.ignored) => {
                return Ok(false);
            }
            (Some(before), Some(after)) => self.changed.push(ChangedRow {
                key: after.key(&view.table.primary_key)?,
                before: before.record(source)?,
                after: after.record(source)?,
            }),
        }
        Ok(true)
    }
}
