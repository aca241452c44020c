//! The journal: which rows came and went since it was last [folded](super::fold), and their terms.
//!
//! An entry is a [row](Row), the length of its terms in bytes, whether it came or went, and its
//! [packed](super::packed) terms. So a commit appends some bytes for each row, and a question skips the terms that
//! are not of its group.

use rusqlite::{Connection, OptionalExtension, params};

use super::layout::View;
use super::packed::{Take, put};
use super::timeline::Row;

/// A piece of the journal is begun when the last one has so many bytes: small commits share one.
const PIECE_BYTES: i64 = 32 << 10;

/// Entries that are gathered.
#[derive(Default)]
pub struct Entries(Vec<u8>);

impl Entries {
    /// Appends a row and its packed terms, with a `sign` of -1 if it went.
    pub fn push(&mut self, row: &Row, terms: &[u8], sign: i64) {
        row.put(&mut self.0, 0);
        put(&mut self.0, (terms.len() as u64) << 1 | u64::from(sign < 0));
        self.0.extend(terms);
    }

    /// How much there is.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// An entry that is read.
pub struct Entry<'b> {
    pub row: Row,
    /// 1, or -1 if it went.
    pub sign: i32,
    /// Packed.
    pub terms: &'b [u8],
}

fn entry<'b>(take: &mut Take<'b>) -> Option<Entry<'b>> {
    let (row, length) = (Row::take(take, 0)?, take.number()?);
    let terms = take.bytes((length >> 1) as usize)?;
    Some(Entry { row, sign: if length & 1 == 0 { 1 } else { -1 }, terms })
}

/// Calls `each` with the entries of the journal, in their order.
pub fn each(connection: &Connection, view: &View, mut each: impl FnMut(&Entry<'_>)) -> rusqlite::Result<()> {
    let sql = format!("SELECT entries FROM {} ORDER BY id", view.side("journal"));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut pieces = statement.query([])?;
    while let Some(piece) = pieces.next()? {
        let mut take = Take(piece.get_ref(0)?.as_blob()?);
        while let Some(entry) = entry(&mut take) {
            each(&entry);
        }
    }
    Ok(())
}

/// Appends entries.
pub fn append(connection: &Connection, view: &View, entries: Entries) -> rusqlite::Result<()> {
    if entries.0.is_empty() {
        return Ok(());
    }
    let journal = view.side("journal");
    let last = format!("SELECT id, entries FROM {journal} WHERE bytes < ?1 ORDER BY id DESC LIMIT 1");
    let piece = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
    let last = connection.prepare_cached(&last)?.query_row([PIECE_BYTES], piece).optional()?;
    let (id, all) = last.unzip();
    let all = [all.unwrap_or_default(), entries.0].concat();
    let put = format!("INSERT OR REPLACE INTO {journal} VALUES (?1, ?2, ?3)");
    connection.prepare_cached(&put)?.execute(params![id, all.len() as i64, all])?;
    Ok(())
}

/// How long it is.
pub fn bytes(connection: &Connection, view: &View) -> rusqlite::Result<i64> {
    let sql = format!("SELECT coalesce(sum(bytes), 0) FROM {}", view.side("journal"));
    connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
}

/// Ends it.
pub fn clear(connection: &Connection, view: &View) -> rusqlite::Result<()> {
    connection.prepare_cached(&format!("DELETE FROM {}", view.side("journal")))?.execute([]).map(drop)
}
