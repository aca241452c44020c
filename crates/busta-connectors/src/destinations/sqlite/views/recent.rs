//! The newest rows.

use std::path::Path;
use std::time::{Duration, Instant};

use busta_core::reading::view::{Label, RecentQuery, hour_of};
use busta_core::reading::{PAGE_BYTES, RowPage, Value};
use busta_core::{RecordsBuilder, Result};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::errors::At;
use super::super::lent::Reader;
use super::super::names::quoted;
use super::super::read::{find, write_row};
use super::super::schema::Table;
use super::columns::Part;
use super::read::{Open, patient};
use super::row::Reading;
use super::tally::{HOUR, code};
use super::timeline::{Changes, Place, Timeline};

/// How long a page looks for rows of a label or with a text; then it ends with what it has, and the next one
/// goes on there.
const PATIENCE: Duration = Duration::from_millis(15);
/// So many rows at least, so that each page gets further.
const LEAST: usize = 64;

/// Reads a page, in the transaction that the reader is in.
pub fn recent(reader: &mut Reader, path: &Path, query: &RecentQuery) -> Result<RowPage> {
    let until = Instant::now() + PATIENCE;
    let asked = [
        Some(Part::Time),
        query.group.as_ref().map(|_| Part::Group),
        query.label.map(|_| Part::Sentiment),
        query.text.as_ref().map(|_| Part::Text),
    ];
    let asked: Vec<Part> = asked.into_iter().flatten().collect();
    let open = Open::of(reader, path, &query.table, &asked)?;
    let table = find(&open.catalogue, &query.table)?;
    let connection = reader.connection();
    let Some(group) = open.group(connection, query.group.as_deref()).at(path)? else {
        return Ok(RowPage::default());
    };
    let after = query.place::<Place>()?;
    let page = Page { connection, table, query, text: Text::of(query, table, &open), found: Found::new() };
    let (found, next) = patient(page.read(&open, group, after, until), path)?;
    let next = next.map(|place| query.cursor(&place)).transpose()?;
    Ok(RowPage { rows: found.rows.finish(), next })
}

struct Page<'a> {
    connection: &'a Connection,
    table: &'a Table,
    query: &'a RecentQuery,
    text: Option<Text>,
    found: Found,
}

struct Found {
    rows: RecordsBuilder,
    record: Vec<u8>,
}

impl Found {
    fn new() -> Self {
        Self { rows: RecordsBuilder::with_capacity(32 << 10), record: Vec::new() }
    }
}

impl Page<'_> {
    /// The rows of the page, and where the next one goes on.
    fn read(
        mut self,
        open: &Open,
        group: u32,
        after: Option<Place>,
        until: Instant,
    ) -> rusqlite::Result<(Found, Option<Place>)> {
        let before = after.unwrap_or((i64::MAX, i64::MAX));
        let since = self.query.since.map_or(i64::MIN, |since| since.timestamp_millis());
        let wanted = self.query.label.map(|label| code(Some(label)));
        let row = format!(
            "SELECT _rowid_, {} FROM {} WHERE _rowid_ = ?1",
            self.table.all_columns().join(", "),
            quoted(&self.table.name)
        );
        let mut row = self.connection.prepare_cached(&row)?;
        let changes = Changes::read(self.connection, &open.view)?;
        let timeline = Timeline::new(self.connection, &open.view);
        let mut statement = self.connection.prepare_cached(&self.hours(open))?;
        let mut hours = statement.query(params![group, hour_of(since), hour_of(before.0)])?;
        let (mut last, mut examined) = (None, 0);
        while let Some(hour) = hours.next()? {
            let rows = timeline.hour(hour.get(0)?, &changes)?;
            let rows = rows.iter().rev().filter(|row| row.place() < before && row.at >= since);
            for found in rows.filter(|row| row.is_of(group) && wanted.is_none_or(|label| row.label == label))
            {
                if self.is_full() || (examined >= LEAST && Instant::now() >= until) {
                    return Ok((self.found, last));
                }
                examined += 1;
                last = Some(found.place());
                if self.says(found.id)? {
                    // A row that another program has removed behind our back is not there; the view does not
                    // know yet.
                    row.query_row([found.id], |row| self.push(row)).optional()?;
                }
            }
        }
        Ok((self.found, None))
    }

    /// The statement that finds the hours with rows of a group and the label, newest first.
    fn hours(&self, open: &Open) -> String {
        let rows = self.query.label.map_or("n", Label::as_str);
        format!(
            "SELECT bucket FROM {} WHERE grp = ?1 AND span = {HOUR} AND bucket >= ?2 AND bucket <= ?3 AND {rows} > 0
             ORDER BY bucket DESC",
            open.view.side("stats")
        )
    }

    fn is_full(&self) -> bool {
        self.found.rows.len() >= self.query.limit.max(1) || self.found.rows.bytes() >= PAGE_BYTES
    }

    fn says(&self, id: i64) -> rusqlite::Result<bool> {
        self.text.as_ref().map_or(Ok(true), |text| text.is_in(self.connection, id))
    }

    fn push(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        let Found { rows, record } = &mut self.found;
        record.clear();
        write_row(self.table, row, record)?;
        rows.push(record);
        Ok(())
    }
}

/// A text that rows are to hold.
struct Text {
    wanted: String,
    reading: Reading,
}

impl Text {
    fn of(query: &RecentQuery, table: &Table, open: &Open) -> Option<Self> {
        let wanted = query.text.as_deref()?.to_lowercase();
        Some(Self { wanted, reading: Reading::new(table, &open.view) })
    }

    fn is_in(&self, connection: &Connection, id: i64) -> rusqlite::Result<bool> {
        let holds = |text: &Value<'_>| match text {
            Value::Text(text) => text.to_lowercase().contains(&self.wanted),
            _ => false,
        };
        let mut statement = connection.prepare_cached(self.reading.sql())?;
        let says = statement.query_row([id], |row| Ok(self.reading.texts(row)?.iter().any(holds)));
        says.optional().map(|says| says == Some(true))
    }
}
