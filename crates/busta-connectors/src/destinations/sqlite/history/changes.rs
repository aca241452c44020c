//! Reading the entries of a log.

use busta_core::Result;
use busta_core::reading::PAGE_BYTES;
use busta_core::reading::history::{Change, ChangeAction, ChangesQuery, EpisodeKind, Part};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Row, params_from_iter};

use super::super::errors::At;
use super::View;
use super::episodes::{time, word};
use super::image::Image;
use super::keys::{candidates, sources_in};
use super::tables::number;

/// How many numbers a page covers when entries of one run are looked for among others.
const EXAMINED: i64 = 50_000;

/// A page of entries: newest first, or oldest first from a number on.
pub(super) fn changes(view: &View<'_>, query: &ChangesQuery) -> Result<Part<Change>> {
    let span = Span::of(view, query)?;
    let Some(span) = span else { return Ok(Part { items: Vec::new(), next: None }) };
    let limit = query.limit.max(1);
    let (sql, parameters) = select(view, query, &span, limit)?;
    let mut statement = view.connection.prepare_cached(&sql).at(view.path)?;
    let mut rows = statement.query(params_from_iter(parameters)).at(view.path)?;
    let (mut items, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().at(view.path)? {
        if items.len() == limit || bytes >= PAGE_BYTES {
            let last = items.last().map_or(0, |change: &Change| change.seq);
            return Ok(Part { items, next: Some(query.cursor(&last)?) });
        }
        let stored = Stored::of(row).at(view.path)?;
        bytes += stored.before.as_ref().map_or(0, String::len) + stored.after.as_ref().map_or(0, String::len);
        items.push(stored.read(&view.table.primary_key)?);
    }
    let next = span.rest.map(|edge| query.cursor(&edge)).transpose()?;
    Ok(Part { items, next })
}

/// Between which numbers a page looks, and where the next one goes on if this one finds too few.
struct Span {
    after: i64,
    up_to: i64,
    rest: Option<i64>,
}

impl Span {
    fn of(view: &View<'_>, query: &ChangesQuery) -> Result<Option<Self>> {
        let (mut after, mut up_to) = (query.since.unwrap_or(0) as i64, view.state.seq);
        if let Some(run) = &query.run {
            let sql = "SELECT min(first_seq), max(seq) FROM _busta_episodes
                       WHERE table_name = ?1 AND run = ?2 AND first_seq IS NOT NULL";
            let ends: (Option<i64>, Option<i64>) = view
                .connection
                .query_row(sql, [&view.table.name, run.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .at(view.path)?;
            let (Some(first), Some(last)) = ends else { return Ok(None) };
            (after, up_to) = (after.max(first - 1), up_to.min(last));
        }
        match query.place::<i64>()? {
            Some(last) if query.since.is_some() => after = after.max(last),
            Some(last) => up_to = up_to.min(last - 1),
            None => {}
        }
        if after >= up_to {
            return Ok(None);
        }
        if query.run.is_none() || up_to - after <= EXAMINED {
            return Ok(Some(Self { after, up_to, rest: None }));
        }
        Ok(Some(if query.since.is_some() {
            let edge = after + EXAMINED;
            Self { after, up_to: edge, rest: Some(edge) }
        } else {
            let edge = up_to - EXAMINED;
            Self { after: edge, up_to, rest: Some(edge + 1) }
        }))
    }
}

fn select(
    view: &View<'_>,
    query: &ChangesQuery,
    span: &Span,
    limit: usize,
) -> Result<(String, Vec<SqlValue>)> {
    let mut parameters = vec![SqlValue::Integer(span.after), SqlValue::Integer(span.up_to)];
    let mut wanted = String::new();
    if let Some(run) = &query.run {
        parameters.push(SqlValue::Text(run.as_str().to_owned()));
        wanted.push_str(&format!(" AND e.run = ?{}", parameters.len()));
    }
    if let Some(key) = &query.key {
        let keys = candidates(key, &view.table.primary_key)?;
        let first = parameters.len() + 1;
        parameters.extend(keys);
        let places: Vec<String> = (first..=parameters.len()).map(|n| format!("?{n}")).collect();
        // With the sources named, the index by source and key serves.
        wanted.push_str(&format!(
            " AND l.source IN ({}) AND l.key IN ({})",
            sources_in(&view.log(), "source", "key"),
            places.join(", ")
        ));
    }
    // A `+` keeps SQLite from walking along all numbers for the few entries of one key, and CROSS from
    // beginning with the episodes.
    let seq = if query.key.is_some() { "+l.seq" } else { "l.seq" };
    let sql = format!(
        "SELECT l.seq, l.at, l.episode, e.kind, e.run, l.source, e.who, l.before, l.after, l.count
         FROM {} AS l CROSS JOIN _busta_episodes AS e ON e.id = l.episode
         WHERE {seq} > ?1 AND {seq} <= ?2{wanted} ORDER BY {seq} {} LIMIT {}",
        view.log(),
        if query.since.is_some() { "ASC" } else { "DESC" },
        limit + 1
    );
    Ok((sql, parameters))
}

/// An entry as it is stored.
struct Stored {
    seq: u64,
    at: String,
    episode: u64,
    kind: String,
    run: Option<String>,
    source: String,
    who: Option<String>,
    before: Option<String>,
    after: Option<String>,
    count: u64,
}

impl Stored {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: number(row, 0)?,
            at: row.get(1)?,
            episode: number(row, 2)?,
            kind: row.get(3)?,
            run: row.get(4)?,
            source: row.get(5)?,
            who: row.get(6)?,
            before: row.get(7)?,
            after: row.get(8)?,
            count: number(row, 9)?,
        })
    }

    fn read(self, primary_key: &[String]) -> Result<Change> {
        let image = |text: &Option<String>| {
            text.as_deref().map(|text| Image::parse(text)?.record(&self.source)).transpose()
        };
        let key = self.before.as_deref().or(self.after.as_deref()).unwrap_or(r#"["","",{}]"#);
        Ok(Change {
            seq: self.seq,
            at: time(&self.at)?,
            action: match (&self.before, &self.after) {
                (None, _) => ChangeAction::Insert,
                (Some(_), Some(_)) => ChangeAction::Update,
                (Some(_), None) => ChangeAction::Remove,
            },
            change: self.episode,
            kind: word::<EpisodeKind>(&self.kind)?,
            key: Image::parse(key)?.key(primary_key)?,
            before: image(&self.before)?,
            after: image(&self.after)?,
            run: self.run.map(Into::into),
            source: self.source.into(),
            who: self.who,
            count: self.count,
        })
    }
}
