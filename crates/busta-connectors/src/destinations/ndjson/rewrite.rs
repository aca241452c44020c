//! A segment written anew, without its superseded rows.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};

use busta_core::Result;

use super::keys;
use super::lake::begin_sidecar;
use super::layout::Layout;
use super::merge::{RowKeys, RowSet};
use super::rows::RowReader;
use super::segment::{Phase, Segment};
use super::stage::ZSTD_LEVEL;
use super::trouble::io_error;

/// Keys are put together in blocks of this many rows.
const BLOCK_ROWS: u32 = 8192;

/// Copies the rows of `segment` that are not in `without` to a new segment in staging, with its
/// sidecar, and syncs it. It takes the old one's place among the rows.
pub(super) fn rewrite(
    layout: &Layout,
    segment: &Segment,
    without: &RowSet,
    id: u64,
    zstd: bool,
) -> Result<Segment> {
    let mut copy = Segment { id, zstd, phase: Phase::Sealed, rows: 0, bytes: 0, ..segment.clone() };
    let path = layout.staged(&copy);
    let fail = |e: io::Error| io_error("write", &path, e);
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).map_err(fail)?;
    let mut out = Lines::new(file, zstd).map_err(fail)?;
    let mut rows = RowReader::open(layout, segment)?;
    let mut line = Vec::new();
    for row in 0..segment.rows {
        line.clear();
        rows.next(&mut line)?;
        if !without.contains(row) {
            line.push(b'\n');
            out.write_all(&line).map_err(fail)?;
            copy.rows += 1;
        }
    }
    let file = out.finish().map_err(fail)?;
    file.sync_all().map_err(fail)?;
    copy.bytes = file.metadata().map_err(fail)?.len();
    copy_keys(layout, segment, without, id)?;
    Ok(copy)
}

fn copy_keys(layout: &Layout, segment: &Segment, without: &RowSet, id: u64) -> Result<()> {
    let Some(spec) = &segment.key else { return Ok(()) };
    let RowKeys::Sidecar(mut keys) = RowKeys::open(layout, segment, spec)? else { return Ok(()) };
    let path = layout.sidecar(id);
    let fail = |e: io::Error| io_error("write", &path, e);
    let mut out = begin_sidecar(layout, id, &keys::head(spec))?;
    let (mut entries, mut count) = (Vec::new(), 0);
    for row in 0..segment.rows {
        let key = keys.next()?;
        if !without.contains(row) {
            key.encode(&mut entries);
            count += 1;
        }
        if count == BLOCK_ROWS || (count > 0 && row + 1 == segment.rows) {
            out.write_all(&keys::block(&entries, count)).map_err(fail)?;
            entries.clear();
            count = 0;
        }
    }
    Ok(())
}

/// A file of lines, compressed or not.
enum Lines {
    Plain(BufWriter<File>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Lines {
    fn new(file: File, zstd: bool) -> io::Result<Self> {
        let out = BufWriter::with_capacity(1 << 17, file);
        Ok(if zstd { Self::Zstd(zstd::Encoder::new(out, ZSTD_LEVEL)?) } else { Self::Plain(out) })
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.write_all(line),
            Self::Zstd(out) => out.write_all(line),
        }
    }

    fn finish(self) -> io::Result<File> {
        let out = match self {
            Self::Plain(out) => out,
            Self::Zstd(out) => out.finish()?,
        };
        out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}
