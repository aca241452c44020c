//! `busta sources test`: what there is, and the first records of it.

use std::io;
use std::sync::Arc;

use busta_core::source::Probe;
use busta_core::{Error, Records, Result};

use super::config::Settings;
use super::list::{Listing, nearest, path_of};
use super::reader::first_records;

/// How many records are shown.
const SAMPLE: usize = 5;

/// Lists everything and reads the start of the first file.
pub(super) fn probe(settings: &Arc<Settings>) -> Result<Probe> {
    let listing = Listing::new(settings);
    let bytes: u64 = listing.files.values().map(|stamp| stamp.size).sum();
    let Some((path, stamp)) = listing.files.first_key_value() else {
        return Err(nothing(settings, &listing));
    };
    let (mut sample, failures): (Records, _) = first_records(settings, path, *stamp)?;
    let found = sample.len();
    sample.truncate(SAMPLE);
    let mut summary =
        format!("{} files, {bytes} bytes; {path}: {found} records in its first part", listing.files.len());
    if let Some(failure) = failures.first() {
        summary.push_str(&format!(
            ", {} bad ({}: {})",
            failures.len(),
            failure.position.as_deref().unwrap_or(path),
            failure.reason
        ));
    }
    for unlisted in &listing.unlisted {
        summary.push_str(&format!("; {}: {}", unlisted.path, unlisted.reason));
    }
    for pattern in &listing.empty {
        summary.push_str(&format!("; nothing matches {pattern}"));
    }
    Ok(Probe { summary, sample })
}

/// Why there is no file.
fn nothing(settings: &Settings, listing: &Listing) -> Error {
    if let Some(unlisted) = listing.unlisted.first() {
        return Error::not_found(format!("{}: {}", unlisted.path, unlisted.reason)).hint("look at `paths`");
    }
    let patterns: Vec<&str> = settings.patterns.iter().map(|pattern| pattern.text.as_str()).collect();
    let folders = settings.patterns.iter().map(|pattern| path_of(settings, &pattern.root));
    let seen: Vec<String> =
        folders.map(|folder| format!("{}: {}", folder.display(), contents(&folder))).collect();
    Error::not_found(format!("no file matches {}", patterns.join(", ")))
        .hint(format!("look at `paths` and `exclude`; {}", seen.join("; ")))
}

/// What a folder holds, in words.
fn contents(folder: &std::path::Path) -> String {
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            let mut names: Vec<String> =
                entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            match names.as_slice() {
                [] => "the folder is empty".to_owned(),
                [first, second, _, _, ..] => {
                    format!("the folder holds {first}, {second} and {} more", names.len() - 2)
                }
                few => format!("the folder holds {}", few.join(", ")),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => nearest(folder),
        Err(error) => error.to_string(),
    }
}
