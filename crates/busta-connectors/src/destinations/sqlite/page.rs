//! Pages of rows: by rowid, or by a column and the rowid. Each reads in a transaction of its own that is
//! over within [`PATIENCE`] or so, so that the log can be reset behind it.

use std::path::Path;
use std::time::{Duration, Instant};

use busta_core::reading::{OrderKey, PAGE_BYTES, RowPage, RowQuery};
use busta_core::{Error, RecordsBuilder, Result};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params_from_iter};

use super::condition::{Filter, Sorting};
use super::errors::At;
use super::lent::Reader;
use super::names::quoted;
use super::read::{find, write_row};
use super::schema::Table;

/// How long a page may look for its rows.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How many rows the filter of a page in stored order looks at, at most, and how many between two looks
/// at the time.
const EXAMINED: usize = 100_000;
const PIECE: usize = 10_000;

/// Reads a page, in the transaction that the reader is in.
pub(super) fn read(
    reader: &mut Reader,
    path: &Path,
    query: &RowQuery,
    patience: Duration,
) -> Result<RowPage> {
    let until = Instant::now() + patience;
    if query.order.is_some() {
        reader.cut_off(until).at(path)?;
    }
    let catalogue = reader.catalogue().at(path)?;
    let connection = reader.connection();
    let table = find(&catalogue, &query.table)?;
    let filter = Filter::of(query, table)?;
    filter.lend(connection).at(path)?;
    let source = Source { connection, path, table, query, filter };
    match &query.order {
        None => source.stored(until),
        Some(order) => source.ordered(&Sorting::of(order, table)),
    }
}

struct Source<'a> {
    connection: &'a Connection,
    path: &'a Path,
    table: &'a Table,
    query: &'a RowQuery,
    filter: Filter,
}

/// Rows of a page so far.
struct Found {
    rows: RecordsBuilder,
    record: Vec<u8>,
    /// The last row in it.
    last: i64,
}

impl Source<'_> {
    fn limit(&self) -> usize {
        self.query.limit.max(1)
    }

    /// A page in stored order. A filter goes piece by piece and stops where its time or its number of
    /// rows is used up; the next page goes on there.
    fn stored(&self, until: Instant) -> Result<RowPage> {
        let mut after = self.query.place::<i64>()?.unwrap_or(i64::MIN);
        let mut found = Found::new();
        if self.filter.is_empty() {
            let full = self.piece(after, i64::MAX, &mut found)?;
            return self.page(found, |found| full.then_some(found.last));
        }
        let mut examined = 0;
        while let Some(end) = self.end_of_piece(after).at(self.path)? {
            if self.piece(after, end, &mut found)? {
                return self.page(found, |found| Some(found.last));
            }
            (after, examined) = (end, examined + PIECE);
            if examined >= EXAMINED || Instant::now() >= until {
                return self.page(found, |_| Some(after));
            }
        }
        self.page(found, |_| None)
    }

    fn end_of_piece(&self, after: i64) -> rusqlite::Result<Option<i64>> {
        let sql = format!(
            "SELECT max(_rowid_) FROM (SELECT _rowid_ FROM {} WHERE _rowid_ > ?1 ORDER BY _rowid_ LIMIT {PIECE})",
            quoted(&self.table.name)
        );
        self.connection.prepare_cached(&sql)?.query_row([after], |row| row.get(0))
    }

    /// Reads rows after one rowid up to another. `true` if the page is full and there are more.
    fn piece(&self, after: i64, end: i64, found: &mut Found) -> Result<bool> {
        let sql = format!(
            "SELECT _rowid_, {} FROM {} WHERE _rowid_ > ?1 AND _rowid_ <= ?2{} ORDER BY _rowid_ LIMIT {}",
            self.table.all_columns().join(", "),
            quoted(&self.table.name),
            self.filter.sql(3),
            self.limit() + 1
        );
        let places = [after, end].map(SqlValue::Integer).into_iter();
        let mut statement = self.connection.prepare_cached(&sql).at(self.path)?;
        let mut rows =
            statement.query(params_from_iter(places.chain(self.filter.parameters()))).at(self.path)?;
        while let Some(row) = rows.next().at(self.path)? {
            if found.rows.len() >= self.limit() || found.rows.bytes() >= PAGE_BYTES {
                return Ok(true);
            }
            found.last = row.get(0).at(self.path)?;
            found.push(self.table, row).at(self.path)?;
        }
        Ok(false)
    }

    fn page(&self, found: Found, next: impl Fn(&Found) -> Option<i64>) -> Result<RowPage> {
        let next = next(&found).map(|rowid| self.query.cursor(&rowid)).transpose()?;
        Ok(RowPage { rows: found.rows.finish(), next })
    }

    /// A page in the order of a column: its keys first, which SQLite keeps no more of than the page
    /// holds, and then the rows.
    fn ordered(&self, sorting: &Sorting) -> Result<RowPage> {
        sorting.lend(self.connection).at(self.path)?;
        let after = self.query.place::<(OrderKey, i64)>()?;
        let places = self.places(sorting, after.as_ref()).map_err(|error| self.explain(error))?;
        let sql = format!(
            "SELECT _rowid_, {} FROM {} WHERE _rowid_ = ?1",
            self.table.all_columns().join(", "),
            quoted(&self.table.name)
        );
        let mut statement = self.connection.prepare_cached(&sql).at(self.path)?;
        let (mut found, mut last) = (Found::new(), None);
        for place in &places {
            if found.rows.len() >= self.limit() || found.rows.bytes() >= PAGE_BYTES {
                let next = last.map(|last| self.query.cursor(&last)).transpose()?;
                return Ok(RowPage { rows: found.rows.finish(), next });
            }
            let read = statement.query_row([place.1], |row| found.push(self.table, row)).optional();
            read.map_err(|error| self.explain(error))?;
            last = Some(place);
        }
        Ok(RowPage { rows: found.rows.finish(), next: None })
    }

    /// Key and rowid of the rows of a page, and of one more.
    fn places(
        &self,
        sorting: &Sorting,
        after: Option<&(OrderKey, i64)>,
    ) -> rusqlite::Result<Vec<(OrderKey, i64)>> {
        let sql = format!(
            "SELECT {} AS _busta_order, _rowid_ FROM {} WHERE {}{} AND ?1 IS ?1 AND ?2 IS ?2
             ORDER BY _busta_order {}, _rowid_ LIMIT {}",
            sorting.key(),
            quoted(&self.table.name),
            sorting.after(after.map(|(key, _)| key)),
            self.filter.sql(3),
            if sorting.descending { "DESC" } else { "ASC" },
            self.limit() + 1
        );
        let rowid = SqlValue::Integer(after.map_or(0, |(_, rowid)| *rowid));
        let key = after.map_or(SqlValue::Null, |(key, _)| sorting.bound(key));
        let parameters = [rowid, key].into_iter().chain(self.filter.parameters());
        let mut statement = self.connection.prepare(&sql)?;
        let place = |row: &rusqlite::Row<'_>| Ok((sorting.read(row.get_ref(0)?), row.get(1)?));
        statement.query_map(params_from_iter(parameters), place)?.collect()
    }

    fn explain(&self, error: rusqlite::Error) -> Error {
        if error.sqlite_error_code() != Some(ErrorCode::OperationInterrupted) {
            return super::errors::explain(error, self.path);
        }
        let column = self.query.order.as_ref().map_or("", |order| &order.column);
        Error::data(format!("to order `{}` by `{column}` takes too long", self.query.table))
            .hint("narrow it by a filter, or read it as it was stored")
    }
}

impl Found {
    /// With room for what most pages hold.
    fn new() -> Self {
        Self { rows: RecordsBuilder::with_capacity(32 << 10), record: Vec::new(), last: 0 }
    }

    fn push(&mut self, table: &Table, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        self.record.clear();
        write_row(table, row, &mut self.record)?;
        self.rows.push(&self.record);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use busta_core::ErrorKind;
    use busta_core::reading::{Condition, Order};

    use super::super::lent::Lent;
    use super::super::schema::Catalogue;
    use super::super::{config::Location, open};
    use super::*;

    const ROWS: usize = EXAMINED + PIECE + 5;

    /// A database as `prepare` and `commit` leave it, filled by SQLite itself.
    fn filled() -> (tempfile::TempDir, Location) {
        let folder = tempfile::tempdir().unwrap();
        let busy_timeout = Duration::from_secs(1);
        let location =
            Location { path: folder.path().join("busta.db"), may_make_folder: false, busy_timeout };
        let connection = open::writer(&location).unwrap();
        let mut catalogue = Catalogue::default();
        let wanted = super::super::schema::Wanted { table: "t", primary_key: &[], shadow: false };
        assert!(catalogue.ensure(&connection, &wanted).unwrap());
        let column =
            super::super::rows::BatchColumn { field: "n".into(), kinds: super::super::rows::Kinds::INTEGER };
        catalogue.fit(&connection, "t", &[column], None).unwrap();
        let fill = format!(
            "WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS})
             INSERT INTO t (n, _busta_run, _busta_source, _busta_loaded_at) SELECT n, '', '', '' FROM c"
        );
        connection.execute_batch(&fill).unwrap();
        (folder, location)
    }

    fn page(location: &Location, query: &RowQuery, patience: Duration) -> Result<RowPage> {
        Lent::default().with(location, |reader| read(reader, &location.path, query, patience))
    }

    #[test]
    fn what_takes_too_long_is_cut_short_or_refused() {
        let (_folder, location) = filled();
        let last = Condition::parse_all(&format!("n={ROWS}")).unwrap();
        let mut query = RowQuery { filter: last, ..RowQuery::of("t", 10) };
        let first = page(&location, &query, PATIENCE * 100).unwrap();
        assert!(
            first.rows.is_empty() && first.next.is_some(),
            "it looks at some rows and says where to go on"
        );
        query.after = first.next;
        let second = page(&location, &query, PATIENCE * 100).unwrap();
        assert_eq!((second.rows.len(), second.next), (1, None));

        query.after = None;
        let cut = page(&location, &query, Duration::ZERO).unwrap();
        assert!(cut.rows.is_empty() && cut.next.is_some(), "without time it looks at one piece");

        let order = Some(Order::parse("-n").unwrap());
        let ordered = RowQuery { order, filter: Vec::new(), ..query };
        let error = page(&location, &ordered, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data);
        assert_eq!(
            error.to_string(),
            "to order `t` by `n` takes too long (narrow it by a filter, or read it as it was stored)"
        );
        assert_eq!(page(&location, &ordered, PATIENCE * 100).unwrap().rows.len(), 10);
    }

    #[test]
    fn what_was_committed_before_is_seen_by_every_connection() {
        use super::super::rows::{BatchColumn, Kinds};
        let (_folder, location) = filled();
        let lent = Lent::default();
        let query = RowQuery { limit: 1, ..RowQuery::of("t", 1) };
        let read = |reader: &mut Reader| read(reader, &location.path, &query, PATIENCE);
        let text = |page: &RowPage| String::from_utf8(page.rows.get(0).to_vec()).unwrap();
        // Two connections, of which each has learned what there is.
        let both = || {
            let nested = lent.with(&location, |one| {
                let other = lent.with(&location, |other| read(other))?;
                Ok([text(&read(one)?), text(&other)])
            });
            nested.unwrap()
        };
        let before = both();
        assert_eq!(before[0], before[1]);
        let writer = open::writer(&location).unwrap();
        for round in 0..20 {
            let field = format!("field_{round}");
            let column = BatchColumn { field: field.clone().into(), kinds: Kinds::INTEGER };
            let change =
                rusqlite::Transaction::new_unchecked(&writer, rusqlite::TransactionBehavior::Immediate);
            let change = change.unwrap();
            Catalogue::load(&writer).unwrap().fit(&writer, "t", &[column], None).unwrap();
            change.execute(&format!("UPDATE t SET {field} = {round} WHERE n = 1"), []).unwrap();
            assert!(!both().concat().contains(&field), "not committed yet");
            change.commit().unwrap();
            for row in both() {
                assert!(row.contains(&format!("\"{field}\":{round}")), "{row}");
            }
        }
    }

    #[test]
    fn a_reader_does_not_keep_the_log_from_being_emptied() {
        let (_folder, location) = filled();
        let page = page(&location, &RowQuery::of("t", 10), PATIENCE).unwrap();
        assert!(page.next.is_some());
        let connection = open::writer(&location).unwrap();
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0, "somebody still reads");
    }
}
