//! Rows in the order of their times.
//!
//! The rows of an hour are one value, in order, as they were when the journal was last [folded](super::fold); what is
//! there is that value with the [changes](Changes) that the journal holds. An index would be the usual thing. But rows
//! may come in any order, and then each is another page of the index to be written, and of several indexes several.
//! Which hours have rows of a group is told by the counts.

use std::ops::Range;

use busta_core::reading::view::hour_of;
use rusqlite::{Connection, OptionalExtension, params};

use super::dictionary::ALL;
use super::journal;
use super::layout::View;
use super::packed::{Take, put, put_signed};

/// What a row's place in time tells of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Milliseconds since 1970.
    pub at: i64,
    /// The rowid.
    pub id: i64,
    /// [`ALL`] if it has none.
    pub group: u32,
    /// The [code](super::tally::code) of its label.
    pub label: i64,
    pub score: Option<f64>,
}

/// Where a row is: by its time, and of equally old ones by its rowid.
pub type Place = (i64, i64);

/// How a score is written.
const NO_SCORE: u8 = 0;
const WHOLE: u8 = 1;
const FRACTION: u8 = 2;

impl Row {
    pub fn place(&self) -> Place {
        (self.at, self.id)
    }

    pub fn hour(&self) -> i64 {
        hour_of(self.at)
    }

    pub fn is_of(&self, group: u32) -> bool {
        group == ALL || self.group == group
    }

    /// Appends it; its time as the difference to another one.
    pub fn put(&self, bytes: &mut Vec<u8>, since: i64) {
        put_signed(bytes, self.at - since);
        put_signed(bytes, self.id);
        put(bytes, self.group.into());
        put_signed(bytes, self.label);
        match self.score {
            None => bytes.push(NO_SCORE),
            Some(score) if score == f64::from(score as i32) => {
                bytes.push(WHOLE);
                put_signed(bytes, (score as i32).into());
            }
            Some(score) => {
                bytes.push(FRACTION);
                bytes.extend(score.to_le_bytes());
            }
        }
    }

    /// Takes what was put.
    pub fn take(bytes: &mut Take<'_>, since: i64) -> Option<Self> {
        let at = since.wrapping_add(bytes.signed()?);
        let (id, group, label) = (bytes.signed()?, bytes.number()? as u32, bytes.signed()?);
        let score = match bytes.bytes(1)? {
            [NO_SCORE] => None,
            [WHOLE] => Some(bytes.signed()? as f64),
            _ => Some(f64::from_le_bytes(bytes.bytes(8)?.try_into().ok()?)),
        };
        Some(Self { at, id, group, label, score })
    }
}

fn packed(rows: &[Row]) -> Vec<u8> {
    let (mut bytes, mut last) = (Vec::new(), 0);
    for row in rows {
        row.put(&mut bytes, last);
        last = row.at;
    }
    bytes
}

fn unpacked(bytes: &[u8]) -> impl Iterator<Item = Row> {
    let (mut take, mut last) = (Take(bytes), 0);
    std::iter::from_fn(move || {
        let row = Row::take(&mut take, last)?;
        last = row.at;
        Some(row)
    })
}

/// What became of a place: the row that is there now, or `None`.
type Change = (Place, Option<Row>);

/// What has changed, in order.
#[derive(Default)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// What the journal holds.
    pub fn read(connection: &Connection, view: &View) -> rusqlite::Result<Self> {
        let mut changes = Self::default();
        journal::each(connection, view, |entry| changes.push(entry.row, entry.sign))?;
        changes.sort();
        Ok(changes)
    }

    fn push(&mut self, row: Row, sign: i32) {
        self.0.push((row.place(), (sign > 0).then_some(row)));
    }

    /// Of one place the last change counts.
    fn sort(&mut self) {
        self.0.sort_by_key(|(place, _)| *place);
        self.0.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
    }

    /// One hour after another.
    fn by_hour(&self) -> impl Iterator<Item = (i64, &[Change])> {
        let hour = |change: &Change| hour_of(change.0.0);
        self.0.chunk_by(move |a, b| hour(a) == hour(b)).map(move |changes| (hour(&changes[0]), changes))
    }

    fn of(&self, hour: i64) -> &[Change] {
        let before = |end: i64| self.0.partition_point(|((at, _), _)| hour_of(*at) < end);
        &self.0[before(hour)..before(hour + 1)]
    }

    /// Whether something has changed there.
    pub fn touch(&self, place: Place) -> bool {
        self.0.binary_search_by_key(&place, |(place, _)| *place).is_ok()
    }

    /// The rows that came.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.iter().filter_map(|(_, row)| row.as_ref())
    }
}

/// Rows in order, with changes of the same hour.
fn merged(rows: impl Iterator<Item = Row>, changes: &[Change]) -> Vec<Row> {
    let (mut all, mut rows) = (Vec::new(), rows.peekable());
    for (place, row) in changes {
        while let Some(other) = rows.next_if(|other| other.place() < *place) {
            all.push(other);
        }
        rows.next_if(|other| other.place() == *place);
        all.extend(*row);
    }
    all.extend(rows);
    all
}

/// Reads and writes hours.
pub struct Timeline<'c> {
    connection: &'c Connection,
    table: String,
}

impl<'c> Timeline<'c> {
    pub fn new(connection: &'c Connection, view: &View) -> Self {
        Self { connection, table: view.side("hours") }
    }

    /// The rows of an hour, oldest first.
    pub fn hour(&self, hour: i64, changes: &Changes) -> rusqlite::Result<Vec<Row>> {
        self.with(hour, changes.of(hour))
    }

    fn with(&self, hour: i64, changes: &[Change]) -> rusqlite::Result<Vec<Row>> {
        let sql = format!("SELECT entries FROM {} WHERE hour = ?1", self.table);
        let rows: Option<Vec<u8>> =
            self.connection.prepare_cached(&sql)?.query_row([hour], |row| row.get(0)).optional()?;
        Ok(merged(unpacked(&rows.unwrap_or_default()), changes))
    }

    /// Calls `each` with the hours that have a row with points, the newest first, as they were when the journal was
    /// folded.
    pub fn folded(
        &self,
        hours: Range<i64>,
        mut each: impl FnMut(&Hour<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT hour, top, entries FROM {} WHERE hour >= ?1 AND hour < ?2 AND top > 0 ORDER BY hour DESC",
            self.table
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query([hours.start, hours.end])?;
        while let Some(row) = found.next()? {
            each(&Hour { hour: row.get(0)?, top: row.get(1)?, row })?;
        }
        Ok(())
    }

    /// Merges changes into the hours that they are of.
    pub fn fold(&self, changes: &Changes) -> rusqlite::Result<()> {
        let table = &self.table;
        let put = format!(
            "INSERT INTO {table} VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET top = excluded.top, entries = excluded.entries"
        );
        let remove = format!("DELETE FROM {table} WHERE hour = ?1");
        for (hour, changes) in changes.by_hour() {
            let rows = self.with(hour, changes)?;
            if rows.is_empty() {
                self.connection.prepare_cached(&remove)?.execute([hour])?;
                continue;
            }
            let top = rows.iter().filter_map(|row| row.score).fold(0.0, f64::max);
            self.connection.prepare_cached(&put)?.execute(params![hour, top, packed(&rows)])?;
        }
        Ok(())
    }
}

/// An hour as it was folded.
pub struct Hour<'r> {
    pub hour: i64,
    /// The highest score.
    pub top: f64,
    row: &'r rusqlite::Row<'r>,
}

impl Hour<'_> {
    /// Its rows, oldest first.
    pub fn rows(&self) -> rusqlite::Result<impl Iterator<Item = Row>> {
        Ok(unpacked(self.row.get_ref(2)?.as_blob()?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn row() -> impl Strategy<Value = Row> {
        let score = prop_oneof![
            Just(None),
            any::<i32>().prop_map(|n| Some(f64::from(n))),
            (-1e12..1e12_f64).prop_map(Some)
        ];
        (-50_i64..3_600_050, 0..20_i64, 0..4_u32, -1..=2_i64, score)
            .prop_map(|(at, id, group, label, score)| Row { at, id, group, label, score })
    }

    proptest! {
        #[test]
        fn rows_come_back(rows in vec(row(), 0..20)) {
            prop_assert_eq!(unpacked(&packed(&rows)).collect::<Vec<_>>(), rows);
        }

        #[test]
        fn the_last_change_of_a_place_counts(old in vec(row(), 0..20), changed in vec((row(), any::<bool>()), 0..20)) {
            let mut expected: BTreeMap<Place, Row> = old.into_iter().map(|row| (row.place(), row)).collect();
            let old: Vec<Row> = expected.values().copied().collect();
            let mut changes = Changes::default();
            for (row, came) in changed {
                changes.push(row, if came { 1 } else { -1 });
                expected.remove(&row.place());
                if came {
                    expected.insert(row.place(), row);
                }
            }
            changes.sort();
            let mut found = Vec::new();
            for hour in -1..=1 {
                let of_hour = old.iter().copied().filter(|row| row.hour() == hour);
                found.extend(merged(of_hour, changes.of(hour)));
            }
            prop_assert_eq!(found, expected.into_values().collect::<Vec<_>>());
            prop_assert_eq!(changes.by_hour().map(|(_, changes)| changes.len()).sum::<usize>(), changes.0.len());
        }
    }
}
