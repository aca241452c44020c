//! Pages of rows. A place is a segment and a row in it, counted with those that are superseded, so it
//! stays the same for as long as the segment is there.

use busta_core::reading::{OrderKey, PAGE_BYTES, RowPage, RowQuery, Sorter};
use busta_core::{Error, RecordsBuilder, Result};
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::merge::RowSet;
use super::read::check_table;
use super::rows::RowReader;
use super::segment::Segment;
use super::view::View;

/// How many rows and bytes a page looks at to find those that are asked for.
const EXAMINED: u64 = 100_000;
const EXAMINED_BYTES: u64 = 64 << 20;
/// A table with more than this is not put in an order: all of it is read for each page.
const ORDERED: u64 = 250_000;
const ORDERED_BYTES: u64 = 256 << 20;

/// Where the next page goes on: before a row.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Place {
    /// The segment, and where it stands among others.
    order: u64,
    id: u64,
    row: u64,
    /// Where the row begins in the file, if its lines are not compressed: what lies before is not read again.
    #[serde(default)]
    offset: u64,
}

/// Where the next page of an order goes on: behind a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OrderedPlace {
    last: (OrderKey, u64),
    /// The last place among segments, and the checksum of those up to it.
    newest: u64,
    files: u32,
}

/// Reads a page.
pub(super) fn read(view: &View, query: &RowQuery) -> Result<RowPage> {
    check_table(view, &query.table)?;
    check_columns(view, query)?;
    // Files that are dropped meanwhile stay until this page is read.
    let _pin = view.pin();
    match &query.order {
        None => stored(view, query),
        Some(_) => ordered(view, query),
    }
}

/// Columns of streams without a key are learned from a sample of their rows, so one that is not known is
/// looked for in as many rows as a page may look at.
fn check_columns(view: &View, query: &RowQuery) -> Result<()> {
    let mut columns: Columns = view.columns.get(&query.table).cloned().unwrap_or_default();
    let unknown = |columns: &Columns| query.columns().any(|name| !columns.names().any(|known| known == name));
    let (mut examined, mut line) = (0, Vec::new());
    for segment in view.segments(&query.table).into_iter().filter(|segment| segment.key.is_none()) {
        if !unknown(&columns) {
            break;
        }
        let mut rows = RowReader::open(&view.layout, segment)?;
        while examined < EXAMINED && rows.next(&mut line)? {
            columns.note_record(&line);
            line.clear();
            examined += 1;
        }
    }
    query.check(columns.names())
}

fn stored(view: &View, query: &RowQuery) -> Result<RowPage> {
    let from = query.place::<Place>()?;
    let superseded = view.superseded(&query.table)?;
    let mut found = Found { query, rows: RecordsBuilder::default(), examined: 0, bytes: 0 };
    let (segments, resumed) = segments_from(view, query, from)?;
    for segment in segments {
        let start = Place { order: segment.order, id: segment.id, row: 0, offset: 0 };
        let first = resumed.filter(|place| place.id == segment.id).unwrap_or(start);
        if let Some(next) = found.read(view, segment, first, superseded.get(&segment.id))? {
            return Ok(RowPage { rows: found.rows.finish(), next: Some(query.cursor(&next)?) });
        }
    }
    Ok(RowPage { rows: found.rows.finish(), next: None })
}

/// The segments that a page is read from, and the place in the first of them where it begins.
fn segments_from<'a>(
    view: &'a View,
    query: &RowQuery,
    from: Option<Place>,
) -> Result<(Vec<&'a Segment>, Option<Place>)> {
    let mut segments = view.segments(&query.table);
    let Some(from) = from else { return Ok((segments, None)) };
    segments.retain(|segment| segment.order >= from.order);
    let here = segments.iter().take_while(|segment| segment.order == from.order).count();
    if segments[..here].iter().any(|segment| segment.id == from.id) {
        segments.retain(|segment| (segment.order, segment.id) >= (from.order, from.id));
        return Ok((segments, Some(from)));
    }
    match segments[..here] {
        [] => Ok((segments, None)),
        // One file made of a segment of appended rows has the same rows in the same order.
        [whole] if whole.seals_early() && whole.rows >= from.row => {
            Ok((segments, Some(Place { id: whole.id, offset: 0, ..from })))
        }
        _ => Err(made_anew(query)),
    }
}

fn made_anew(query: &RowQuery) -> Error {
    Error::conflict(format!("files of `{}` were made anew since the last page", query.table))
        .hint("begin again with the first page")
}

/// The rows of a page so far.
struct Found<'a> {
    query: &'a RowQuery,
    rows: RecordsBuilder,
    examined: u64,
    bytes: u64,
}

impl Found<'_> {
    /// Reads a segment from a place on. Gives the place at which the page ended, if it did.
    fn read(
        &mut self,
        view: &View,
        segment: &Segment,
        first: Place,
        without: Option<&RowSet>,
    ) -> Result<Option<Place>> {
        if first.row >= segment.rows {
            return Ok(None);
        }
        let mut rows = RowReader::open_at(&view.layout, segment, first.row, first.offset)?;
        let mut line = Vec::new();
        let mut offset = first.offset;
        for row in first.row..segment.rows {
            if self.is_over() {
                return Ok(Some(Place { row, offset, ..first }));
            }
            line.clear();
            rows.next(&mut line)?;
            self.examined += 1;
            self.bytes += line.len() as u64;
            offset += line.len() as u64 + 1;
            if without.is_none_or(|without| !without.contains(row)) && self.query.admits(&line) {
                self.rows.push(&line);
            }
        }
        Ok(None)
    }

    fn is_over(&self) -> bool {
        self.rows.len() >= self.query.limit.max(1)
            || self.rows.bytes() >= PAGE_BYTES
            || self.examined >= EXAMINED
            || self.bytes >= EXAMINED_BYTES
    }
}

/// A page of an order, for which the whole table is read. Rows that are equal in it are told apart by the
/// place of their segment among all and by their own among the rows of that place.
fn ordered(view: &View, query: &RowQuery) -> Result<RowPage> {
    let Some(order) = query.order.clone() else { return Ok(RowPage::default()) };
    let segments = view.segments(&query.table);
    check_size(query, &segments)?;
    let superseded = view.superseded(&query.table)?;
    let after = query.place::<OrderedPlace>()?;
    if after.as_ref().is_some_and(|after| after.files != files_up_to(&segments, after.newest)) {
        return Err(made_anew(query));
    }
    let newest = segments.last().map_or(0, |segment| segment.order);
    let files = files_up_to(&segments, newest);
    let mut sorter = Sorter::new(order, after.map(|after| after.last), query.limit);
    let (mut line, mut order, mut before) = (Vec::new(), u64::MAX, 0);
    for segment in segments {
        if segment.order != order {
            (order, before) = (segment.order, 0);
        }
        let (mut rows, without) = (RowReader::open(&view.layout, segment)?, superseded.get(&segment.id));
        for row in 0..segment.rows {
            line.clear();
            rows.next(&mut line)?;
            if without.is_none_or(|without| !without.contains(row)) && query.admits(&line) {
                sorter.push(order << 32 | (before + row), &line);
            }
        }
        before += segment.rows;
    }
    let (rows, last) = sorter.finish();
    let mut records = RecordsBuilder::default();
    rows.iter().for_each(|row| records.push(row));
    let next = last.map(|last| query.cursor(&OrderedPlace { last, newest, files })).transpose()?;
    Ok(RowPage { rows: records.finish(), next })
}

/// The checksum of what the numbers of rows depend on: which segments there are, up to one.
fn files_up_to(segments: &[&Segment], newest: u64) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    for place in segments.chunk_by(|a, b| a.order == b.order).filter(|place| place[0].order <= newest) {
        hash.update(&place[0].order.to_le_bytes());
        // A file that takes the place of a segment of appended rows has the same rows in the same order.
        let moves = place.len() == 1 && place[0].seals_early();
        place.iter().filter(|_| !moves).for_each(|segment| hash.update(&segment.id.to_le_bytes()));
    }
    hash.finalize()
}

fn check_size(query: &RowQuery, segments: &[&Segment]) -> Result<()> {
    let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
    let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    if rows <= ORDERED && bytes <= ORDERED_BYTES {
        return Ok(());
    }
    Err(Error::data(format!("`{}` has {rows} rows in files, too many to put in an order", query.table))
        .hint("read it as it was stored, or query the files with a tool made for it, such as DuckDB"))
}
