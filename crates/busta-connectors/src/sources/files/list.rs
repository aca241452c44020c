//! Finding the files. Runs on a blocking thread.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use super::config::Settings;
use super::pattern::{Pattern, normal};
use crate::formats::is_passed_over;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, in nanoseconds since 1970 (negative before).
    pub mtime_ns: i64,
}

impl Stamp {
    /// The stamp of a file.
    pub fn of(metadata: &Metadata) -> Self {
        let nanos = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let mtime_ns = match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
            Ok(Ok(since)) => nanos(since),
            Ok(Err(before)) => -nanos(before.duration()),
            Err(_) => 0,
        };
        Self { size: metadata.len(), mtime_ns }
    }
}

/// Something that `paths` names and that cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// Its path.
    pub path: String,
    /// Why, in words.
    pub reason: String,
    /// Whether it is not there, rather than closed to us.
    pub is_missing: bool,
}

/// The files that the patterns name.
#[derive(Debug, Default)]
pub struct Listing {
    /// By path: relative to the base folder where the pattern is, with `/` between folders. Sorted.
    pub files: BTreeMap<String, Stamp>,
    /// What could not be looked into.
    pub unlisted: Vec<Unlisted>,
    /// The patterns, as they were written, that name no file.
    pub empty: Vec<String>,
    named: usize,
}

impl Listing {
    /// Lists everything, each file once however often it is named.
    pub fn new(settings: &Settings) -> Self {
        let mut listing = Self::default();
        for pattern in &settings.patterns {
            let before = listing.named;
            listing.add(settings, pattern);
            if listing.named == before {
                listing.empty.push(pattern.text.clone());
            }
        }
        listing.unlisted.sort_by(|a, b| a.path.cmp(&b.path));
        listing.unlisted.dedup_by(|a, b| a.path == b.path);
        listing
    }

    fn add(&mut self, settings: &Settings, pattern: &Pattern) {
        let root = path_of(settings, &pattern.root);
        match std::fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => self.walk(settings, pattern, &root),
            Ok(metadata) if pattern.glob.is_none() => self.file(&pattern.root, &metadata),
            Ok(_) => self.fail(&pattern.root, "this is a file, not a folder".to_owned(), false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let reason = format!("there is nothing at this path; {}", nearest(&root));
                self.fail(&pattern.root, reason, true);
            }
            Err(error) => self.fail(&pattern.root, error.to_string(), false),
        }
    }

    fn walk(&mut self, settings: &Settings, pattern: &Pattern, root: &Path) {
        let key_of = |path: &Path| normal(&pattern.root.join(path.strip_prefix(root).unwrap_or(path)));
        let wanted = |entry: &DirEntry| {
            entry.depth() == 0
                || !is_passed_over(&entry.file_name().to_string_lossy())
                    && !settings.excludes.covers(&key_of(entry.path()))
        };
        let walk = WalkDir::new(root).follow_links(true).into_iter().filter_entry(wanted);
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    let key = key_of(entry.path());
                    if pattern.glob.as_ref().is_none_or(|glob| glob.is_match(&key)) {
                        match entry.metadata() {
                            Ok(metadata) => self.file(&key, &metadata),
                            Err(error) => self.fail(&key, error.to_string(), false),
                        }
                    }
                }
                // Folders are walked into. Pipes, sockets and devices are no files to collect.
                Ok(_) => {}
                // A link back to a folder above: everything in it is listed already.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => self.unreadable(&key_of(error.path().unwrap_or(root)), &error),
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &walkdir::Error) {
        match error.io_error() {
            // It was there when its folder was read, and is gone: somebody cleans up.
            Some(io) if io.kind() == io::ErrorKind::NotFound => {}
            Some(io) => self.fail(path, io.to_string(), false),
            None => self.fail(path, error.to_string(), false),
        }
    }

    fn file(&mut self, path: &Path, metadata: &Metadata) {
        self.named += 1;
        match path.to_str() {
            Some(key) => {
                self.files.insert(key.to_owned(), Stamp::of(metadata));
            }
            None => self.fail(path, "the name of this file is not UTF-8".to_owned(), false),
        }
    }

    fn fail(&mut self, path: &Path, reason: String, is_missing: bool) {
        self.unlisted.push(Unlisted { path: path.to_string_lossy().into_owned(), reason, is_missing });
    }
}

/// The nearest thing that exists, in words.
pub fn nearest(path: &Path) -> String {
    let known = path.ancestors().skip(1).find(|ancestor| ancestor.is_dir());
    match known {
        Some(folder) if !folder.as_os_str().is_empty() => {
            format!("the nearest folder that exists is {}", folder.display())
        }
        _ => "no folder above it exists either".to_owned(),
    }
}

/// Where a listed file or the root of a pattern is.
pub fn path_of(settings: &Settings, key: impl AsRef<Path>) -> PathBuf {
    let path = settings.base_dir.join(key);
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}
