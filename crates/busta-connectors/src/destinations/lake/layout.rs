//! Where everything lies in the folder of the destination.
//!
//! ```text
//! lake/<table>/[<folders>/]<source>-<run>-<n>.<form>   complete, committed files: for every reader
//! lake/_busta/manifest.ndjson                  what is committed (see `manifest.rs`)
//! lake/_busta/staging/<n>.ndjson[.zst]         segments that still grow, or wait for a finish
//! lake/_busta/ahead/<n>-<k>                    files that are made of such a segment, not yet complete
//! lake/_busta/keys/<n>                         the keys of merged segments (see `sidecar.rs`)
//! lake/_busta/trash/<n>                        replaced files that a scan may still be reading
//! lake/_busta/failures[.<n>].ndjson            failures, up to the length in the manifest, which names the file
//! lake/_busta/lock                             held by the one process that writes
//! ```

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busta_core::Result;

use super::format::{Form, Format};
use super::points::Points;
use super::segment::Segment;
use super::trouble::io_error;
use crate::digest;

/// The folder with busta's own files, beside those of the tables.
const OWN: &str = "_busta";

/// Longer names are cut and get a digest, since file systems end at 255 bytes.
const MAX_NAME: usize = 100;

/// Paths in the folder of one destination, and the format of its files.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
    format: Arc<dyn Format>,
}

impl Layout {
    pub(super) fn new(root: PathBuf, format: Arc<dyn Format>) -> Self {
        Self { root, format }
    }

    /// What the complete files are.
    pub(super) fn format(&self) -> &dyn Format {
        &*self.format
    }

    /// How rows are appended in staging.
    pub(super) fn log(&self) -> Form {
        self.format.log()
    }

    pub(super) fn points(&self) -> &'static Points {
        self.format.points()
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn own(&self) -> PathBuf {
        self.root.join(OWN)
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.own().join("lock")
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.own().join("manifest.ndjson")
    }

    /// A compacted manifest before it takes the place of the old one.
    pub(super) fn manifest_new(&self) -> PathBuf {
        self.own().join("manifest.ndjson.new")
    }

    /// A log of failures: the first one, or one that took the place of others.
    pub(super) fn failures(&self, number: u64) -> PathBuf {
        match number {
            0 => self.own().join("failures.ndjson"),
            number => self.own().join(format!("failures.{number}.ndjson")),
        }
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.own().join("staging")
    }

    /// Where files are made of segments before they are complete.
    pub(super) fn ahead(&self) -> PathBuf {
        self.own().join("ahead")
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.own().join("keys")
    }

    pub(super) fn trash(&self) -> PathBuf {
        self.own().join("trash")
    }

    pub(super) fn table(&self, table: &str) -> PathBuf {
        self.root.join(safe_name(table))
    }

    /// The folder of the complete file of a segment.
    pub(super) fn folder(&self, segment: &Segment) -> PathBuf {
        let table = self.table(&segment.table);
        if segment.folder.is_empty() { table } else { table.join(&segment.folder) }
    }

    pub(super) fn staged(&self, segment: &Segment) -> PathBuf {
        self.staging().join(format!("{}{}", segment.id, segment.form.extension()))
    }

    pub(super) fn sealed(&self, segment: &Segment) -> PathBuf {
        self.folder(segment).join(format!(
            "{}-{}-{}{}",
            safe_name(segment.source.as_str()),
            safe_name(segment.run.as_str()),
            segment.id,
            segment.form.extension()
        ))
    }

    pub(super) fn trashed(&self, segment: &Segment) -> PathBuf {
        self.trash().join(segment.id.to_string())
    }

    pub(super) fn sidecar(&self, id: u64) -> PathBuf {
        self.keys().join(id.to_string())
    }

    /// Makes busta's own folders and sees that they survive a power cut.
    pub(super) fn create(&self) -> Result<()> {
        for folder in [self.root.clone(), self.own(), self.staging(), self.ahead(), self.keys(), self.trash()]
        {
            create_folder(&folder)?;
        }
        Ok(())
    }
}

/// Makes a folder, if it is missing, durably.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(folder);
    if !parent.as_os_str().is_empty() {
        create_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => {
            Err(io_error("create the folder", folder, e))
        }
        _ => sync_folder(parent),
    }
}

/// Makes created, renamed and removed names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    // The parent of a one-part relative path is empty, and means here.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| io_error("sync the folder", folder, e))
}

/// Removes a file, or finds that it is not there.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path, e)),
        _ => Ok(()),
    }
}

/// Renames a file; `false` if there is none.
pub(super) fn rename_file(from: &Path, to: &Path) -> Result<bool> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound && !from.exists() => Ok(false),
        Err(e) => Err(io_error(format_args!("rename {} to", from.display()), to, e)),
    }
}

/// A name as one part of a path: letters, digits, `-`, `_` and inner dots stay, every other byte is
/// percent-encoded, so that no name leaves its folder, hides, or meets busta's own folder. Different
/// names stay different.
fn safe_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric()
            || byte == b'-'
            || (byte == b'_' && !(at == 0 && name.eq_ignore_ascii_case(OWN)))
            || (byte == b'.' && at > 0);
        if plain {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    match safe.len() {
        0 => "%".to_owned(),
        1..=MAX_NAME => safe,
        _ => {
            safe.truncate(MAX_NAME - 17);
            safe.push('~');
            safe.push_str(&digest::first(8, name));
            safe
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_stay_in_their_folder_and_stay_different() {
        let long = "x".repeat(300);
        let longer = "x".repeat(301);
        let names =
            ["", ".", "..", "../etc", "a/b", "a%2Fb", "_busta", "_BUSTA", "é", "a b", "\0", &long, &longer];
        let safe: HashSet<String> = names.iter().map(|name| safe_name(name)).collect();
        assert_eq!(safe.len(), names.len(), "{safe:?}");
        for name in &safe {
            assert!(!name.is_empty() && name.len() <= MAX_NAME, "{name}");
            assert!(
                !name.starts_with('.') && !name.contains('/') && !name.eq_ignore_ascii_case(OWN),
                "{name}"
            );
        }
        assert_eq!(safe_name("order_lines.v2"), "order_lines.v2");
    }
}
