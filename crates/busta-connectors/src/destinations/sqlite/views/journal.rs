//! The journal: which terms came and went with which rows, since they were last folded into counts.
//!
//! An entry is a row's hour, its group, the length of its terms in bytes, whether they came or went, and its
//! [packed](super::packed) terms. So a commit appends a few bytes for each row, and a question skips the entries
//! that are not of its group.

use rusqlite::{Connection, OptionalExtension, params};

use super::dictionary::ALL;
use super::layout::View;
use super::packed::{Take, put, put_signed};
use super::tally::Part;

/// A piece of the journal is begun when the last one has so many bytes: small commits share one.
const PIECE_BYTES: i64 = 32 << 10;

/// Entries that are gathered.
#[derive(Default)]
pub struct Entries(Vec<u8>);

impl Entries {
    /// Appends the terms of a row, with a `sign` of -1 if they went.
    pub fn push(&mut self, part: &Part, sign: i64) {
        put_signed(&mut self.0, part.hour);
        put(&mut self.0, part.group.unwrap_or(ALL).into());
        put(&mut self.0, (part.terms.len() as u64) << 1 | u64::from(sign < 0));
        self.0.extend(&part.terms);
    }

    /// How much there is.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// An entry that is read.
pub struct Entry<'b> {
    pub hour: i64,
    /// [`ALL`] if the row has none.
    pub group: u32,
    /// 1, or -1 if the terms went.
    pub sign: i32,
    /// Packed.
    pub terms: &'b [u8],
}

fn entry<'b>(take: &mut Take<'b>) -> Option<Entry<'b>> {
    let (hour, group) = (take.signed()?, take.number()? as u32);
    let length = take.number()?;
    let terms = take.bytes((length >> 1) as usize)?;
    Some(Entry { hour, group, sign: if length & 1 == 0 { 1 } else { -1 }, terms })
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
