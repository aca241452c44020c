//! Reading back: tables, columns and rows.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use busta_core::destination::{ColumnInfo, Scan, TableInfo};
use busta_core::{Error, Records, RecordsBuilder, Result};

use super::columns::Columns;
use super::layout::Layout;
use super::merge::{RowSet, Superseded};
use super::rows::RowReader;
use super::segment::Segment;
use super::view::View;

/// How many rows a scan gives at once, and how many bytes at most (and one row more).
const SCAN_ROWS: usize = 1000;
const SCAN_BYTES: usize = 1 << 20;

/// The tables with their rows and the size of their files.
pub(super) fn tables(view: &View) -> Result<Vec<TableInfo>> {
    let info = |name: &String| {
        let segments = view.segments(name);
        let gone: u64 = view.superseded(name)?.values().map(RowSet::len).sum();
        let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
        let bytes = segments.iter().map(|segment| segment.bytes).sum();
        Ok(TableInfo { name: name.clone(), rows: rows - gone, bytes: Some(bytes) })
    };
    view.tables.iter().map(info).collect()
}

/// The columns of a table: those in the catalogue, and those that only the rows of streams without
/// a key show, which are read for it.
pub(super) fn columns(view: &View, table: &str) -> Result<Vec<ColumnInfo>> {
    check_table(view, table)?;
    let mut columns: Columns = view.columns.get(table).cloned().unwrap_or_default();
    let mut line = Vec::new();
    for segment in view.segments(table).into_iter().filter(|segment| segment.key.is_none()) {
        let mut rows = RowReader::open(&view.layout, segment)?;
        line.clear();
        while rows.next(&mut line)? {
            columns.note_record(&line);
            line.clear();
        }
    }
    Ok(columns.describe(view.primary_keys.get(table).map_or(&[], Vec::as_slice)))
}

/// Begins to read the rows of a table.
pub(super) fn scan(view: &View, table: &str) -> Result<TableScan> {
    check_table(view, table)?;
    Ok(TableScan(Some(Cut {
        layout: view.layout.clone(),
        segments: view.segments(table).into_iter().cloned().collect(),
        superseded: view.superseded(table)?,
        open: None,
        _pin: view.pin(),
    })))
}

pub(super) fn check_table(view: &View, table: &str) -> Result<()> {
    if view.tables.iter().any(|known| known == table) {
        return Ok(());
    }
    let known = if view.tables.is_empty() { "none yet".to_owned() } else { view.tables.join(", ") };
    Err(Error::not_found(format!("there is no table `{table}`")).hint(format!("tables: {known}")))
}

/// A scan in progress; empty while its rows are being read, and when it has failed.
pub(super) struct TableScan(Option<Cut>);

/// What is still to be read.
struct Cut {
    layout: Layout,
    segments: VecDeque<Segment>,
    superseded: Superseded,
    open: Option<OpenSegment>,
    _pin: Option<Arc<()>>,
}

struct OpenSegment {
    rows: RowReader,
    without: Option<RowSet>,
    row: u64,
}

#[async_trait]
impl Scan for TableScan {
    async fn next(&mut self) -> Result<Option<Records>> {
        let Some(mut cut) = self.0.take() else { return Ok(None) };
        let (cut, records) = super::trying(move || {
            let records = cut.read()?;
            Ok((cut, records))
        })
        .await?;
        self.0 = Some(cut);
        Ok((!records.is_empty()).then_some(records))
    }
}

impl Cut {
    fn read(&mut self) -> Result<Records> {
        let mut records = RecordsBuilder::default();
        let mut line = Vec::new();
        while records.len() < SCAN_ROWS && records.bytes() < SCAN_BYTES {
            let Some(open) = &mut self.open else {
                let Some(segment) = self.segments.pop_front() else { break };
                let rows = RowReader::open(&self.layout, &segment)?;
                self.open = Some(OpenSegment { rows, without: self.superseded.remove(&segment.id), row: 0 });
                continue;
            };
            line.clear();
            if !open.rows.next(&mut line)? {
                self.open = None;
                continue;
            }
            if open.without.as_ref().is_none_or(|without| !without.contains(open.row)) {
                records.push(&line);
            }
            open.row += 1;
        }
        Ok(records.finish())
    }
}
