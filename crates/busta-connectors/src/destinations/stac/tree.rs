//! The files of the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use busta_core::failpoint::hit;
use busta_core::{Error, Result};

use super::name::safe;
use crate::destinations::lake::io_error;

/// The folder of the tree that is busta's own.
pub(super) const OWN: &str = "_busta";

/// Where files are written before they are moved to their places, below [`OWN`].
const FRESH: &str = "fresh";

/// How many files are written, and waited for, at once.
const AT_ONCE: usize = 8;

/// The folder and the file of an Item, below the tree.
pub(super) fn item_path(root: &Path, collection: Option<&str>, id: &str) -> PathBuf {
    let name = safe(id);
    let folder = collection.map_or_else(|| root.to_owned(), |collection| root.join(safe(collection)));
    folder.join(&name).join(format!("{name}.json"))
}

/// Gets ready for writing: what a crash has left is removed.
pub(super) fn begin(root: &Path) -> Result<()> {
    let fresh = root.join(OWN).join(FRESH);
    match fs::remove_dir_all(&fresh) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &fresh, e)),
        _ => {}
    }
    fs::create_dir_all(&fresh).map_err(|e| io_error("create", &fresh, e))
}

/// Brings files in line with what they are to hold. Those that do so are left alone.
pub(super) fn write_all(root: &Path, files: &[(PathBuf, Vec<u8>)]) -> Result<()> {
    let share = files.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = files
            .chunks(share)
            .enumerate()
            .map(|(n, files)| {
                let fresh = root.join(OWN).join(FRESH).join(n.to_string());
                scope.spawn(move || files.iter().try_for_each(|(path, text)| write(path, text, &fresh)))
            })
            .collect();
        // Every thread is waited for, also when one has failed.
        threads.into_iter().map(join).fold(Ok(()), Result::and)
    })
}

fn join(thread: std::thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(Error::bug("writing a file panicked")))
}

/// A file appears whole, or not at all, also after a power cut.
fn write(path: &Path, text: &[u8], fresh: &Path) -> Result<()> {
    if fs::read(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|e| io_error("create", folder, e))?;
    let written = File::create(fresh).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    written.map_err(|e| io_error("write", fresh, e))?;
    hit("stac.publish.file_written");
    fs::rename(fresh, path).map_err(|e| io_error("rename", fresh, e))
}

/// The names of the Items of each collection, by the names of their folders; `None` for those of the
/// catalogue itself.
pub(super) type Expected = BTreeMap<Option<String>, BTreeSet<String>>;

/// Removes Items and collections that are no more. Files of others beside them stay.
pub(super) fn sweep(root: &Path, expected: &Expected) -> Result<()> {
    let none = Default::default();
    let own = expected.get(&None).unwrap_or(&none);
    for folder in folders(root)?.into_iter().filter(|name| name != OWN) {
        let path = root.join(&folder);
        if !own.contains(&folder) {
            remove_item(&path, &folder)?;
        }
        let items = expected.get(&Some(folder.clone()));
        for name in folders(&path)? {
            if !items.is_some_and(|items| items.contains(&name)) {
                remove_item(&path.join(&name), &name)?;
            }
        }
        if items.is_none() {
            remove(&path.join("collection.json"))?;
        }
        // Only if it is empty.
        let _ = fs::remove_dir(&path);
    }
    Ok(())
}

fn remove_item(folder: &Path, name: &str) -> Result<()> {
    remove(&folder.join(format!("{name}.json")))?;
    // Only if it is empty.
    let _ = fs::remove_dir(folder);
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if !matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(io_error("remove", path, e))
        }
        _ => Ok(()),
    }
}

fn folders(path: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| io_error("list", path, e))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| io_error("list", path, e))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}
