//! A page that is being put together, with every file once.

use std::collections::HashMap;

use busta_core::Result;

use super::fields::strongest;
use super::{Entry, Page};

#[derive(Debug, Default)]
pub(super) struct Gather {
    page: Page,
    /// Where files and folders stand in the page, by their keys.
    known: HashMap<String, usize>,
}

impl Gather {
    /// Adds a file, or a folder if its key ends with `/`. What is already there learns what it did not know.
    /// Gives its place among the files. The error of the inner result is a clause.
    pub(super) fn add(&mut self, entry: Entry) -> Result<Result<Option<usize>, String>> {
        let is_folder = entry.key.ends_with('/');
        if let Some(place) = self.known.get(&entry.key) {
            return Ok(match self.page.files.get_mut(*place).filter(|_| !is_folder) {
                Some(file) => merge(file, entry).map(|()| Some(*place)),
                None => Ok(None),
            });
        }
        self.known.insert(entry.key.clone(), self.page.files.len());
        if is_folder {
            self.page.folders.push(entry.key);
        } else {
            self.page.files.push(entry);
        }
        self.page.check_size()?;
        Ok(Ok((!is_folder).then(|| self.page.files.len() - 1)))
    }

    /// One of the files.
    pub(super) fn file(&mut self, place: usize) -> Option<&mut Entry> {
        self.page.files.get_mut(place)
    }

    /// The page.
    pub(super) fn finish(self) -> Page {
        self.page
    }
}

fn merge(file: &mut Entry, other: Entry) -> Result<(), String> {
    file.url = file.url.take().or(other.url);
    file.size = file.size.or(other.size);
    file.etag = file.etag.take().or(other.etag);
    file.modified = file.modified.take().or(other.modified);
    match other.checksum {
        Some(checksum) => strongest(&mut file.checksum, checksum),
        None => Ok(()),
    }
}
