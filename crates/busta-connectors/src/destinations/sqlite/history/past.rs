//! The rows as they were at a place.

use busta_core::reading::history::{PartQuery, Place};
use busta_core::reading::{PAGE_BYTES, RowPage};
use busta_core::{RecordsBuilder, Result};
use rusqlite::types::Value as SqlValue;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::super::errors::At;
use super::super::names::quoted;
use super::super::read::write_row;
use super::View;
use super::image::Image;
use super::keys::{StoredKey, owned};

/// How many rows and entries a page looks at, at most.
const EXAMINED: usize = 50_000;

/// The last key that a page has dealt with, and at which place in the log.
#[derive(Serialize, Deserialize)]
struct Last {
    seq: i64,
    source: String,
    key: StoredKey,
}

/// A row of the table, or the first entry of a key after the place.
#[derive(Clone, Copy)]
enum Found {
    Row(i64),
    Entry(i64),
}

/// Reads a page. Keys come in their order from the table and from the log at once.
pub(super) fn rows_at(view: &View<'_>, place: &Place, part: &PartQuery) -> Result<RowPage> {
    let list = format!("rows at {place}");
    let after = part.place::<Last>(&list)?;
    let seq = match &after {
        Some(last) => view.seq_of(&Place::Seq(last.seq as u64))?,
        None => view.seq_of(place)?,
    };
    let (source, key) = match &after {
        Some(last) => (last.source.clone(), last.key.value()),
        // Before all keys: they are not NULL.
        None => (String::new(), SqlValue::Null),
    };
    let mut statement = view.connection.prepare_cached(&view.keys(after.is_some())).at(view.path)?;
    let mut rows = statement.query(params![source, key]).at(view.path)?;
    let mut page = Page { view, records: RecordsBuilder::default(), limit: part.limit.max(1), more: false };
    let mut group: Option<(String, SqlValue, Option<Found>)> = None;
    let mut last: Option<Last> = None;
    let mut examined = 0;
    while let Some(row) = rows.next().at(view.path)? {
        let read = || -> rusqlite::Result<(String, SqlValue, bool, i64)> {
            Ok((row.get(0)?, owned(row.get_ref(1)?), row.get(2)?, row.get(3)?))
        };
        let (source, key, is_row, number) = read().at(view.path)?;
        let same = group.as_ref().is_some_and(|(s, k, _)| *s == source && same_key(k, &key));
        if !same {
            if let Some((source, key, found)) = group.take() {
                page.add(&source, found)?;
                last = Some(Last { seq, source, key: StoredKey::of((&key).into()) });
            }
            if page.is_full() || examined >= EXAMINED {
                page.more = true;
                break;
            }
            group = Some((source, key, None));
        }
        examined += 1;
        let Some((_, _, found)) = &mut group else { continue };
        // Entries come before the row, the oldest first.
        if found.is_none() && (is_row || number > seq) {
            *found = Some(if is_row { Found::Row(number) } else { Found::Entry(number) });
        }
    }
    if let Some((source, _, found)) = group.take().filter(|_| !page.more) {
        page.add(&source, found)?;
    }
    let next = last.filter(|_| page.more).map(|last| part.cursor(&list, &last)).transpose()?;
    Ok(RowPage { rows: page.records.finish(), next })
}

/// SQLite takes 1 and 1.0 for one key.
fn same_key(one: &SqlValue, other: &SqlValue) -> bool {
    match (one, other) {
        (SqlValue::Integer(n), SqlValue::Real(r)) | (SqlValue::Real(r), SqlValue::Integer(n)) => {
            *r == *n as f64
        }
        _ => one == other,
    }
}

impl View<'_> {
    /// All keys of the table and the log in their order, of each its entries and then its row.
    fn keys(&self, after: bool) -> String {
        let behind = |source: &str, key: &str| match after {
            true => format!("({source}, {key}) > (?1, ?2)"),
            false => "?1 IS ?1 AND ?2 IS ?2".to_owned(),
        };
        format!(
            "SELECT source, key, 0 AS is_row, seq AS number FROM {} WHERE {}
             UNION ALL SELECT _busta_source, _busta_key, 1, _rowid_ FROM {} WHERE _busta_key IS NOT NULL AND {}
             ORDER BY 1, 2, 3, 4",
            self.log(),
            behind("source", "key"),
            quoted(&self.table.name),
            behind("_busta_source", "_busta_key")
        )
    }
}

/// A page so far.
struct Page<'a> {
    view: &'a View<'a>,
    records: RecordsBuilder,
    limit: usize,
    more: bool,
}

impl Page<'_> {
    fn is_full(&self) -> bool {
        self.records.len() >= self.limit || self.records.bytes() >= PAGE_BYTES
    }

    fn add(&mut self, source: &str, found: Option<Found>) -> Result<()> {
        match found {
            None => Ok(()),
            Some(Found::Row(rowid)) => {
                let record = self.row(rowid).at(self.view.path)?;
                self.records.push(&record);
                Ok(())
            }
            Some(Found::Entry(seq)) => {
                let Some(before) = self.entry(seq).at(self.view.path)? else { return Ok(()) };
                self.records.push(Image::parse(&before)?.record(source)?.get().as_bytes());
                Ok(())
            }
        }
    }

    fn row(&self, rowid: i64) -> rusqlite::Result<Vec<u8>> {
        let table = self.view.table;
        let sql = format!(
            "SELECT _rowid_, {} FROM {} WHERE _rowid_ = ?1",
            table.all_columns().join(", "),
            quoted(&table.name)
        );
        self.view.connection.prepare_cached(&sql)?.query_row([rowid], |row| {
            let mut record = Vec::new();
            write_row(table, row, &mut record)?;
            Ok(record)
        })
    }

    /// The row before an entry, if there was one.
    fn entry(&self, seq: i64) -> rusqlite::Result<Option<String>> {
        let sql = format!("SELECT before FROM {} WHERE seq = ?1", self.view.log());
        let before = self.view.connection.prepare_cached(&sql)?.query_row([seq], |row| row.get(0));
        before.optional().map(Option::flatten)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{config::Location, open, schema::Catalogue, schema::Wanted};
    use super::super::difference;
    use super::super::tables::{State, settle};
    use super::*;

    /// Whatever the size of table and log, a page only walks along two indexes.
    #[test]
    fn a_page_walks_along_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location {
            path: folder.path().join("busta.db"),
            may_make_folder: false,
            busy_timeout: std::time::Duration::from_secs(1),
        };
        let connection = open::writer(&location).unwrap();
        let mut catalogue = Catalogue::default();
        let wanted = Wanted { table: "t", primary_key: &["id".to_owned()], shadow: false };
        assert!(catalogue.ensure(&connection, &wanted).unwrap());
        let logged = busta_core::DatasetSettings { change_log: true, ..Default::default() };
        settle(&connection, &mut catalogue, "t", &logged, chrono::DateTime::UNIX_EPOCH).unwrap();
        let table = catalogue.table("t").unwrap();
        let state = State::of(&connection, table).unwrap().unwrap();
        let view = View { connection: &connection, path: &location.path, table, state };
        for sql in [view.keys(false), view.keys(true), difference::net(&view)] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
            let lines =
                plan.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = lines.map(Result::unwrap).collect();
            let plan = plan.join("\n");
            // The few entries of one key may be sorted; all of them may not.
            let sorted = plan.replace("TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY", "");
            assert!(!sorted.contains("TEMP B-TREE"), "{sql}\n{plan}");
            assert!(!sql.contains("UNION") || plan.matches("COVERING INDEX").count() == 2, "{sql}\n{plan}");
        }
    }
}
