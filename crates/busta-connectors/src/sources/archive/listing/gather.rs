//! A page that is being put together, with every file once.

use std::collections::HashMap;

use super::fields::strongest;
use super::{Entry, MAX_ENTRIES, Page};

#[derive(Debug, Default)]
pub(super) struct Gather {
    page: Page,
    /// Where files stand in the page, by their keys; folders with no place.
    known: HashMap<String, Option<usize>>,
}

impl Gather {
    /// Adds a file, or a folder if its key ends with `/`. A file that is already there learns what it did not
    /// know. Gives its place among the files. The error is a clause.
    pub(super) fn add(&mut self, entry: Entry) -> Result<Option<usize>, String> {
        if let Some(place) = self.known.get(&entry.key).copied() {
            if let Some(file) = place.and_then(|place| self.page.files.get_mut(place)) {
                merge(file, entry)?;
            }
            return Ok(place);
        }
        if self.known.len() >= MAX_ENTRIES {
            return Err(format!(
                "is one more than the {MAX_ENTRIES} that are read; it must be cut into several"
            ));
        }
        let place = (!entry.key.ends_with('/')).then_some(self.page.files.len());
        self.known.insert(entry.key.clone(), place);
        match place {
            Some(_) => self.page.files.push(entry),
            None => self.page.folders.push(entry.key),
        }
        Ok(place)
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
    if let (Some(url), Some(another)) = (&file.url, &other.url)
        && url != another
    {
        return Err(format!("has the path `{}` of another address: both would be one file", file.key));
    }
    file.url = file.url.take().or(other.url);
    file.size = file.size.or(other.size);
    file.etag = file.etag.take().or(other.etag);
    file.modified = file.modified.take().or(other.modified);
    match other.checksum {
        Some(checksum) => strongest(&mut file.checksum, checksum),
        None => Ok(()),
    }
}
