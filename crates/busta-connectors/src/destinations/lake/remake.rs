//! Complete files made of a segment: of its log when it is sealed, or of a complete file that has lost
//! some of its rows.

use std::fs;
use std::io::Write as _;

use busta_core::failpoint::hit;
use busta_core::{Error, Result};
use serde_json::Value;

use super::format::{Made, MadeFile, Paths};
use super::layout::{Layout, remove_file, rename_file, sync_folder};
use super::merge::RowSet;
use super::rows::RowReader;
use super::segment::{Phase, Segment};
use super::sidecar::{self, SidecarReader};
use super::trouble::io_error;
use super::writer::begin_sidecar;

/// About how many bytes of rows are taken in at once.
const PAGE_BYTES: usize = 1 << 20;

/// Makes complete files of the rows of `segment` that are not in `without`.
pub(super) fn remake(
    layout: &Layout,
    segment: &Segment,
    without: &RowSet,
    remembered: Option<&Value>,
) -> Result<Made> {
    let paths = Paths::new(layout.ahead(), segment.id);
    let mut maker = layout.format().begin(&segment.table, remembered, paths)?;
    let mut rows = RowReader::open(layout, segment)?;
    while let Some(page) = rows.page(PAGE_BYTES, without)? {
        if maker.push(&page)? {
            continue;
        }
        // They do not fit what was begun. With the rest known, all of them will.
        maker.learn(&page);
        while let Some(page) = rows.page(PAGE_BYTES, without)? {
            maker.learn(&page);
        }
        rows = RowReader::open(layout, segment)?;
    }
    maker.finish()
}

/// Takes complete files into staging as segments with the numbers from `next` on, with their sidecars,
/// in the place of `segment`. They are durable once the folder is synced.
pub(super) fn adopt(
    layout: &Layout,
    segment: &Segment,
    without: &RowSet,
    made: &Made,
    next: u64,
) -> Result<Vec<Segment>> {
    let copies: Vec<Segment> =
        made.files.iter().zip(next..).map(|(file, id)| copy_of(layout, segment, file, id)).collect();
    if made.rows() + without.len() != segment.rows {
        return Err(Error::bug(format!("files made of segment {} do not hold its rows", segment.id)));
    }
    for (file, copy) in made.files.iter().zip(&copies) {
        rename_file(&file.path, &layout.staged(copy))?;
    }
    let whole = without.len() == 0 && copies.len() == 1;
    if !(whole && link_keys(layout, segment, copies[0].id)?) {
        copy_keys(layout, segment, without, made, &copies)?;
    }
    if segment.key.is_some() && layout.format().file() != layout.log() {
        // Values of such files may have another type than in the log, and keys must not.
        copies.iter().try_for_each(|copy| sync_keys(layout, copy.id))?;
        sync_folder(&layout.keys())?;
    }
    hit(layout.points().finish_rewritten);
    Ok(copies)
}

fn copy_of(layout: &Layout, segment: &Segment, file: &MadeFile, id: u64) -> Segment {
    Segment {
        id,
        form: layout.format().file(),
        folder: file.folder.clone(),
        fixed: file.fixed.clone(),
        phase: Phase::Sealed,
        rows: file.rows,
        bytes: file.bytes,
        ..segment.clone()
    }
}

/// The same keys belong to both; `false` if the file system has no such links.
fn link_keys(layout: &Layout, segment: &Segment, id: u64) -> Result<bool> {
    let (from, to) = (layout.sidecar(segment.id), layout.sidecar(id));
    if segment.key.is_none() || !from.exists() {
        return Ok(true);
    }
    remove_file(&to)?;
    Ok(fs::hard_link(&from, &to).is_ok())
}

fn sync_keys(layout: &Layout, id: u64) -> Result<()> {
    let path = layout.sidecar(id);
    match fs::File::open(&path).and_then(|file| file.sync_all()) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_error("sync", &path, e)),
        _ => Ok(()),
    }
}

fn copy_keys(
    layout: &Layout,
    segment: &Segment,
    without: &RowSet,
    made: &Made,
    copies: &[Segment],
) -> Result<()> {
    let Some(spec) = &segment.key else { return Ok(()) };
    let path = layout.sidecar(segment.id);
    // Without a sidecar the copies have none either: their keys are read from the rows.
    let Some(mut keys) = SidecarReader::open(&path, spec, segment.rows)? else { return Ok(()) };
    let mut outs = Vec::with_capacity(copies.len());
    for copy in copies {
        outs.push((begin_sidecar(layout, copy.id, &sidecar::head(spec))?, Vec::new(), 0));
    }
    let mut places = made.places.iter().flat_map(|(file, rows)| std::iter::repeat_n(*file, *rows as usize));
    let mut row = 0;
    while row < segment.rows {
        let block = keys.block()?;
        for row in row..row + block.rows {
            let key = if block.has_entries { Some(keys.entry()?) } else { None };
            if without.contains(row) {
                continue;
            }
            let Some((_, entries, count)) = outs.get_mut(places.next().unwrap_or(0)) else {
                return Err(Error::bug("a row went to a file that is not there"));
            };
            key.iter().for_each(|key| key.encode(entries));
            *count += 1;
        }
        for (file, entries, count) in outs.iter_mut().filter(|(_, _, count)| *count > 0) {
            // What lies between two keys still does when some are gone.
            let body = sidecar::body(block.span.as_ref(), entries, block.number_cursors);
            let written = file.write_all(&sidecar::block(&body, *count));
            written.map_err(|e| io_error("write", &path, e))?;
            entries.clear();
            *count = 0;
        }
        row += block.rows;
    }
    Ok(())
}
