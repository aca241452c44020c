//! From a listing to splits. See the module above for what makes this safe.

use busta_core::{Cursor, Cursors, Result, Split, WriteMode};
use serde::{Deserialize, Serialize};

use super::config::Settings;
use super::list::{Listing, Stamp, Unlisted};
use crate::digest;
use crate::formats::CutterPlace;

/// A group holds at most this many files. Fewer where there are fewer in all, so that there is work
/// for several readers.
const GROUP_FILES: usize = 256;
const SMALLEST_GROUP: usize = 16;
/// Groups aimed at: a few for each of the pool's 20 readers.
const GROUPS: usize = 64;
/// A group holds about this many bytes at most.
const GROUP_BYTES: u64 = 8 << 20;
/// A file of this size is a split of its own.
const LARGE_FILE: u64 = 4 << 20;
/// What opening a file costs, in bytes that could have been read in that time.
const OPENING: u64 = 8 << 10;

/// What a split is to read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// These files, in this order.
    Files(Vec<Entry>),
    /// Nothing: only these failures are to be told.
    Unlisted(Vec<Unlisted>),
}

/// One file of a split.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its path.
    pub path: String,
    /// Its size when it was listed.
    pub size: u64,
    /// Where an earlier run came to, if it did not come to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Inside>,
}

/// A place inside a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// The file as it was when this place was reached.
    pub stamp: Stamp,
    /// Which member, if the file is an archive: its place in the archive's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<u64>,
    /// How much of its text is done: bytes after decompression.
    pub offset: u64,
    /// The state of the format there.
    pub place: CutterPlace,
}

/// The start cursor of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The file as it was.
    pub stamp: Stamp,
    /// Where to go on; `None` if it was read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Inside>,
}

impl Start {
    /// The start cursor of a file that has been read up to a place.
    pub fn inside(inside: Inside) -> Self {
        Self { stamp: inside.stamp, from: Some(inside) }
    }
}

/// The key of a file's start cursor. The prefix keeps it apart from the stream's own.
pub fn start_key(path: &str) -> String {
    format!("file:{path}")
}

/// The splits of what is new, in the order of the paths.
pub fn splits(settings: &Settings, listing: Listing, starts: &Cursors) -> Result<Vec<Split>> {
    let mut start = starts.lookup();
    let alone = settings.stream.write_mode == WriteMode::Replace;
    let entries: Vec<Entry> = listing
        .files
        .into_iter()
        .filter_map(|(path, stamp)| {
            let from = if alone { Due::Whole } else { due(start(&start_key(&path)), stamp) };
            let size = stamp.size;
            match from {
                Due::Not => None,
                Due::Whole => Some(Entry { path, size, from: None }),
                Due::From(inside) => Some(Entry { path, size, from: Some(inside) }),
            }
        })
        .collect();
    let group_files = if alone { 1 } else { (entries.len() / GROUPS).clamp(SMALLEST_GROUP, GROUP_FILES) };
    let groups = groups(entries, group_files);
    let total: u64 = groups.iter().map(|group| cost(group)).sum();
    let ordinary = (total / groups.len().max(1) as u64).max(1) as f64;
    let mut splits = Vec::with_capacity(groups.len() + 1);
    if !listing.unlisted.is_empty() {
        let id = format!("unlisted {}", digest::of_names(listing.unlisted.iter().map(|u| u.path.as_str())));
        splits.push(Split::new(id, settings.stream.name.clone(), None, &Work::Unlisted(listing.unlisted))?);
    }
    for group in groups {
        let (id, weight) = (id(&group), cost(&group) as f64 / ordinary);
        let split = Split::new(id, settings.stream.name.clone(), None, &Work::Files(group))?;
        splits.push(Split { weight, ..split });
    }
    Ok(splits)
}

enum Due {
    Not,
    Whole,
    From(Inside),
}

/// Whether a file that looks like `stamp` is to be read.
fn due(start: Option<Cursor>, stamp: Stamp) -> Due {
    // A start cursor of an older version that cannot be read any more only costs reading again.
    let start: Option<Start> = start.and_then(|cursor| cursor.decode().ok());
    match start {
        Some(start) if start.stamp == stamp => start.from.map_or(Due::Not, Due::From),
        _ => Due::Whole,
    }
}

fn groups(entries: Vec<Entry>, group_files: usize) -> Vec<Vec<Entry>> {
    let mut groups: Vec<Vec<Entry>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        let size = entry.size;
        match groups.last_mut() {
            Some(group) if group.len() < group_files && size <= room && size < LARGE_FILE => {
                group.push(entry)
            }
            _ => {
                groups.push(vec![entry]);
                room = GROUP_BYTES;
            }
        }
        room = if size >= LARGE_FILE { 0 } else { room.saturating_sub(size) };
    }
    groups
}

fn cost(group: &[Entry]) -> u64 {
    group.iter().map(|entry| entry.size + OPENING).sum()
}

fn id(group: &[Entry]) -> String {
    match group {
        [only] => only.path.clone(),
        _ => {
            let digest = digest::of_names(group.iter().map(|entry| entry.path.as_str()));
            format!("{} +{} {digest}", group[0].path, group.len() - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, size: u64) -> Entry {
        Entry { path: path.to_owned(), size, from: None }
    }

    #[test]
    fn large_files_stand_alone() {
        let sizes = [1, 2, LARGE_FILE, 3, LARGE_FILE - 1, LARGE_FILE - 1, 5, GROUP_BYTES * 9, 1];
        let entries = sizes.iter().enumerate().map(|(i, size)| entry(&format!("{i}"), *size)).collect();
        let groups = groups(entries, 16);
        let sizes: Vec<Vec<u64>> = groups.iter().map(|g| g.iter().map(|e| e.size).collect()).collect();
        for group in &sizes {
            assert!(group.len() == 1 || group.iter().all(|size| *size < LARGE_FILE), "{sizes:?}");
            assert!(group.len() == 1 || group.iter().sum::<u64>() <= GROUP_BYTES, "{sizes:?}");
        }
        assert_eq!(sizes.iter().map(Vec::len).sum::<usize>(), 9);
    }

    #[test]
    fn an_id_stands_for_all_paths() {
        let group = |paths: &[&str]| id(&paths.iter().map(|p| entry(p, 1)).collect::<Vec<_>>());
        assert_eq!(group(&["a"]), "a");
        assert_ne!(group(&["a", "b"]), group(&["a", "c"]));
        assert_ne!(group(&["a", "b", "c"]), group(&["a", "b"]));
        assert_eq!(group(&["a", "b"]), group(&["a", "b"]));
    }
}
