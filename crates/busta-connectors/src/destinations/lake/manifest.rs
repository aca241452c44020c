//! The manifest: the log of what is committed.
//!
//! Each line is the CRC-32 of the rest in hex, a blank, and a JSON list of [`Change`]s. A line that
//! is on the disk, whole, is a commit; nothing else is. Lines are appended and synced one by one, so
//! only the last one can be torn; a damaged line with a whole one behind it is corruption, and said
//! so. When the log has grown long, it is written anew as a snapshot of the state, which takes its
//! place by a rename.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use busta_core::failpoint::hit;
use busta_core::{Error, Result};
use serde::Serialize;

use super::layout::{Layout, sync_folder};
use super::state::{Change, State};
use super::trouble::{corrupt, gone, io_error};

/// The version of the format that this code writes and reads.
const FORMAT: u32 = 1;

/// A manifest is not compacted before it has this size...
const COMPACT_FROM: u64 = 4 << 20;
/// ... and this many times that of its last snapshot: so the cost of compaction is a fixed share of
/// what was written, whatever the size of the state.
const COMPACT_GROWTH: u64 = 4;

/// The manifest, opened for writing.
pub(super) struct Manifest {
    file: File,
    layout: Layout,
    /// How much of the file is committed.
    length: u64,
    /// Its length after the last compaction.
    compacted: u64,
}

impl Manifest {
    /// Reads what is committed without changing anything, and how many bytes of the file it takes.
    pub(super) fn read(layout: &Layout) -> Result<(State, u64)> {
        let path = layout.manifest();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((State::default(), 0)),
            Err(e) => return Err(io_error("open", &path, e)),
        };
        let mut lines = BufReader::with_capacity(1 << 18, file);
        let (mut state, mut line, mut length, mut number) = (State::default(), Vec::new(), 0, 0);
        let mut torn = None;
        loop {
            line.clear();
            number += 1;
            let size = lines.read_until(b'\n', &mut line).map_err(|e| io_error("read", &path, e))?;
            if size == 0 {
                return Ok((state, length));
            }
            match (decode(&line), torn) {
                (Some(_), Some(damaged)) => {
                    return Err(corrupt(&path, format_args!("line {damaged} is damaged")));
                }
                (Some(json), None) if number == 1 => check_header(json, layout)?,
                (Some(json), None) => {
                    let changes: Vec<Change> = serde_json::from_slice(json)
                        .map_err(|e| corrupt(&path, format_args!("line {number} cannot be read: {e}")))?;
                    changes.into_iter().for_each(|change| state.apply(change));
                }
                (None, _) => torn = torn.or(Some(number)),
            }
            if torn.is_none() {
                length += size as u64;
            }
        }
    }

    /// Opens the manifest for writing, behind the `length` bytes that [`read`](Self::read) found;
    /// begins one if there is none.
    pub(super) fn open(layout: &Layout, length: u64) -> Result<Self> {
        let path = layout.manifest();
        let fail = |e| io_error("open", &path, e);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(fail)?;
        let mut manifest = Self { file, layout: layout.clone(), length, compacted: 0 };
        manifest.cut()?;
        if length == 0 {
            manifest.append_line(&header(layout)?)?;
            sync_folder(&layout.own())?;
        }
        Ok(manifest)
    }

    /// Makes changes durable, all in one: when this returns `Ok`, they are committed. After an error
    /// they may be in the file or not, until [`cut`](Self::cut) has succeeded.
    pub(super) fn append(&mut self, changes: &[Change]) -> Result<()> {
        self.append_line(&encode(changes)?)
    }

    fn append_line(&mut self, line: &[u8]) -> Result<()> {
        let path = self.layout.manifest();
        self.file.write_all(line).map_err(|e| io_error("write", &path, e))?;
        // The data and the size, without which the data cannot be read back, are what fdatasync covers.
        self.file.sync_data().map_err(|e| io_error("sync", &path, e))?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Takes back whatever an append that failed has left.
    pub(super) fn cut(&mut self) -> Result<()> {
        let path = self.layout.manifest();
        self.file.set_len(self.length).map_err(|e| io_error("cut", &path, e))?;
        self.file.sync_data().map_err(|e| io_error("sync", &path, e))
    }

    /// Whether the file at its path is still the one that is open.
    pub(super) fn check_place(&self) -> Result<()> {
        let path = self.layout.manifest();
        if is_same_file(&self.file, &path) { Ok(()) } else { Err(gone(self.layout.root())) }
    }

    /// Whether compaction is worth its cost.
    pub(super) fn is_long(&self) -> bool {
        self.length > COMPACT_FROM.max(self.compacted * COMPACT_GROWTH)
    }

    /// Writes the state anew and puts it in the place of the log.
    pub(super) fn compact(&mut self, state: &State) -> Result<()> {
        let new = self.layout.manifest_new();
        let file = File::create(&new).map_err(|e| io_error("create", &new, e))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let mut length = 0;
        let mut write = |line: &[u8]| {
            length += line.len() as u64;
            out.write_all(line).map_err(|e| io_error("write", &new, e))
        };
        write(&header(&self.layout)?)?;
        for change in state.snapshot() {
            write(&encode(&[change])?)?;
        }
        hit(self.layout.points().compact_written);
        let file = out.into_inner().map_err(|e| io_error("write", &new, e.into_error()))?;
        file.sync_all().map_err(|e| io_error("sync", &new, e))?;
        hit(self.layout.points().compact_before_rename);
        let path = self.layout.manifest();
        let reopened = OpenOptions::new().append(true).open(&new).map_err(|e| io_error("open", &new, e))?;
        fs::rename(&new, &path).map_err(|e| io_error("rename to", &path, e))?;
        // From here on the new file is the manifest, whatever becomes of the sync.
        (self.file, self.length, self.compacted) = (reopened, length, length);
        hit(self.layout.points().compact_after_rename);
        sync_folder(&self.layout.own())
    }
}

/// `{"busta_<kind>": <version>}`.
fn header(layout: &Layout) -> Result<Vec<u8>> {
    encode(&BTreeMap::from([(format!("busta_{}", layout.format().name()), FORMAT)]))
}

fn check_header(json: &[u8], layout: &Layout) -> Result<()> {
    let path = layout.manifest();
    let header: BTreeMap<String, u32> = serde_json::from_slice(json).unwrap_or_default();
    let Some((kind, found)) = header.iter().find_map(|(key, n)| Some((key.strip_prefix("busta_")?, *n)))
    else {
        return Err(corrupt(&path, "does not begin like a manifest of busta"));
    };
    if kind != layout.format().name() {
        return Err(Error::config(format!(
            "{} belongs to a destination of type `{kind}`",
            layout.root().display()
        ))
        .hint(format!("give the one of type `{}` a `path` of its own", layout.format().name())));
    }
    if found == FORMAT {
        return Ok(());
    }
    Err(Error::config(format!("{} has format {found}, this busta knows format {FORMAT}", path.display()))
        .hint("use the version of busta that wrote it, or a newer one"))
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut line = vec![b' '; 9];
    serde_json::to_writer(&mut line, value)
        .map_err(|e| Error::bug(format!("a line of the manifest cannot be encoded: {e}")))?;
    let crc = format!("{:08x}", crc32fast::hash(&line[9..]));
    line[..8].copy_from_slice(crc.as_bytes());
    line.push(b'\n');
    Ok(line)
}

/// The JSON of a whole line; `None` if it is damaged.
fn decode(line: &[u8]) -> Option<&[u8]> {
    let (crc, rest) = line.strip_suffix(b"\n")?.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    (crc32fast::hash(json) == crc).then_some(json)
}

#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let here = fs::metadata(path).map(|m| (m.dev(), m.ino()));
    let open = file.metadata().map(|m| (m.dev(), m.ino()));
    matches!((here, open), (Ok(a), Ok(b)) if a == b)
}

#[cfg(not(unix))]
fn is_same_file(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::destinations::ndjson::NdjsonFormat;
    use proptest::prelude::*;

    fn manifest_of(lines: u64) -> (tempfile::TempDir, Layout, Vec<u64>) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned(), Arc::new(NdjsonFormat::default()));
        layout.create().unwrap();
        let mut manifest = Manifest::open(&layout, 0).unwrap();
        let mut ends = vec![manifest.length];
        for length in 1..=lines {
            manifest.append(&[Change::Failures(length)]).unwrap();
            ends.push(manifest.length);
        }
        (folder, layout, ends)
    }

    #[test]
    fn a_manifest_cut_anywhere_holds_its_whole_lines() {
        let (_folder, layout, ends) = manifest_of(3);
        let whole = fs::read(layout.manifest()).unwrap();
        for cut in 0..=whole.len() {
            fs::write(layout.manifest(), &whole[..cut]).unwrap();
            let (state, length) = Manifest::read(&layout).unwrap();
            let lines = ends.iter().filter(|end| **end <= cut as u64).count();
            assert_eq!(state.failures.length, lines.saturating_sub(1) as u64, "cut at {cut}");
            assert_eq!(length, if lines == 0 { 0 } else { ends[lines - 1] });
            let mut manifest = Manifest::open(&layout, length).unwrap();
            manifest.append(&[Change::Failures(77)]).unwrap();
            assert_eq!(Manifest::read(&layout).unwrap().0.failures.length, 77, "cut at {cut}");
        }
    }

    #[test]
    fn damage_before_the_end_is_corruption() {
        let (_folder, layout, ends) = manifest_of(3);
        let mut bytes = fs::read(layout.manifest()).unwrap();
        bytes[ends[1] as usize + 12] ^= 1;
        fs::write(layout.manifest(), &bytes).unwrap();
        let error = Manifest::read(&layout).unwrap_err();
        assert_eq!(error.kind(), busta_core::ErrorKind::Corrupt);
        assert!(error.to_string().contains("line 3"), "{error}");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned(), Arc::new(NdjsonFormat::default()));
        layout.create().unwrap();
        fs::write(layout.manifest(), encode(&BTreeMap::from([("busta_ndjson", 9)])).unwrap()).unwrap();
        let error = Manifest::read(&layout).unwrap_err();
        assert_eq!(error.kind(), busta_core::ErrorKind::Config);
    }

    #[test]
    fn a_long_manifest_is_read_fast_and_compacted_to_what_is_live() {
        let (_folder, layout, _) = manifest_of(1);
        let start = |n: u64| {
            let (source, key) = ("shop".into(), format!("key {}", n % 10));
            vec![Change::Start { source, key, at: busta_core::Cursor::from_stored(n.to_string()) }]
        };
        let run = Change::Run { source: "shop".into(), run: "R1".into(), streams: vec![] };
        let mut log = fs::read(layout.manifest()).unwrap();
        log.extend(encode(&[run]).unwrap());
        (0..100_000).for_each(|n| log.extend(encode(&start(n)).unwrap()));
        fs::write(layout.manifest(), &log).unwrap();
        let (state, length) = Manifest::read(&layout).unwrap();
        let mut manifest = Manifest::open(&layout, length).unwrap();
        assert!(manifest.is_long());
        manifest.compact(&state).unwrap();
        assert!(!manifest.is_long() && manifest.length < 2_000, "{}", manifest.length);
        manifest.append(&start(100_003)).unwrap();
        let (state, length) = Manifest::read(&layout).unwrap();
        assert_eq!(length, fs::metadata(layout.manifest()).unwrap().len());
        let starts = state.checkpoint(&"R1".into(), &"shop".into()).starts;
        assert_eq!(starts.len(), 10);
        assert_eq!(starts.get("key 3").unwrap().as_str(), "100003");
        assert_eq!(starts.get("key 9").unwrap().as_str(), "99999");
    }

    proptest! {
        #[test]
        fn a_flipped_byte_never_goes_unseen(at in 0usize..200, bit in 0u8..8) {
            let (_folder, layout, ends) = manifest_of(3);
            let mut bytes = fs::read(layout.manifest()).unwrap();
            let at = at % bytes.len();
            // Without its line break a line is one with the next, and that looks like a torn append.
            prop_assume!(bytes[at] != b'\n');
            bytes[at] ^= 1 << bit;
            fs::write(layout.manifest(), &bytes).unwrap();
            if let Ok((state, length)) = Manifest::read(&layout) {
                prop_assert!(at as u64 >= ends[2] && state.failures.length == 2 && length == ends[2]
                    // Upper and lower case of a hex digit mean the same.
                    || state.failures.length == 3);
            }
        }
    }
}
