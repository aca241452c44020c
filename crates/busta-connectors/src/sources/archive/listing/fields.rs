//! What a row or an object says about a file, in fields of many names.

use super::Entry;
use super::link::{Base, is_relative};
use crate::download::Checksum;
use crate::sources::archive::hash_line::{Function, Stated};

/// What fields say about one file.
#[derive(Debug, Default)]
pub(super) struct Fields {
    path: Option<String>,
    address: Option<String>,
    entry: Entry,
    is_folder: bool,
}

impl Fields {
    /// Takes in a field. Unknown ones and empty ones are passed over. The error is a clause.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let name = plain_name(name);
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        match name.as_str() {
            "path" | "key" | "file" | "filename" | "file_name" | "name" => {
                self.path.get_or_insert_with(|| value.to_owned());
            }
            "url" | "href" | "download_url" => self.address = Some(value.to_owned()),
            "size" | "bytes" | "length" | "content_length" | "size_bytes" | "file_size" => {
                self.entry.size = value.parse().ok();
            }
            "modified" | "last_modified" | "lastmodified" | "updated" | "mtime" | "mod_time" => {
                self.entry.modified = Some(value.to_owned());
            }
            "etag" => self.entry.etag = super::plain_etag(value),
            "type" => self.is_folder |= matches!(value, "directory" | "dir" | "folder"),
            "is_dir" => self.is_folder |= value == "true",
            "checksum" | "hash" | "digest" => self.state(value, None)?,
            "file:checksum" | "multihash" => {
                let checksum =
                    Checksum::from_multihash(value).map_err(|why| format!("has a checksum that {why}"))?;
                self.keep(checksum)?;
            }
            other => {
                // Functions that are not computed here do not vouch for anything, and stand in nobody's way.
                if let Some(said @ Function::Known(_)) = Function::of_name(other) {
                    self.state(value, Some(&said))?;
                }
            }
        }
        Ok(())
    }

    fn state(&mut self, value: &str, said: Option<&Function>) -> Result<(), String> {
        let stated = Stated::parse(value).ok_or_else(|| format!("has `{value}`, which is no checksum"))?;
        self.keep(stated.checksum(said).map_err(|why| format!("has a checksum that {why}"))?)
    }

    fn keep(&mut self, checksum: Checksum) -> Result<(), String> {
        strongest(&mut self.entry.checksum, checksum)
    }

    /// The file, with its key below `base`; a folder's key ends with `/`. The error is a clause.
    pub(super) fn entry(mut self, base: &Base) -> Result<Entry, String> {
        let text = self.path.as_deref().or(self.address.as_deref()).ok_or("names no file")?;
        let is_address = self.path.is_none() || text.contains("://");
        locate(&mut self.entry, text, is_address, base)?;
        if let (Some(_), Some(address)) = (&self.path, &self.address) {
            let target = base.target(address).ok_or_else(|| not_an_address(address))?;
            self.entry.url = Some(target.url.into());
        }
        if self.is_folder && !self.entry.key.ends_with('/') {
            self.entry.key.push('/');
        }
        Ok(self.entry)
    }
}

/// Whether a column of this name says where a file is.
pub(super) fn is_location(name: &str) -> bool {
    matches!(
        plain_name(name).as_str(),
        "path" | "key" | "file" | "filename" | "file_name" | "name" | "url" | "href" | "download_url"
    )
}

/// The entry of a path or an address alone.
pub(super) fn entry_of(text: &str, base: &Base) -> Result<Entry, String> {
    let mut entry = Entry::default();
    locate(&mut entry, text, text.contains("://"), base)?;
    Ok(entry)
}

/// Keeps the stronger of two checksums. The error is a clause.
pub(super) fn strongest(known: &mut Option<Checksum>, new: Checksum) -> Result<(), String> {
    match known {
        Some(old) if old.algorithm() == new.algorithm() && *old != new => {
            Err(format!("has two checksums, {old} and {new}"))
        }
        Some(old) if old.algorithm().digest_bytes() >= new.algorithm().digest_bytes() => Ok(()),
        _ => {
            *known = Some(new);
            Ok(())
        }
    }
}

/// Notes where a file is.
fn locate(entry: &mut Entry, text: &str, is_address: bool, base: &Base) -> Result<(), String> {
    let target = match (is_address, text.starts_with('/')) {
        (true, _) => base.target(text),
        (false, true) => base.of_root(text),
        (false, false) => {
            let mut key = text;
            while let Some(rest) = key.strip_prefix("./") {
                key = rest;
            }
            entry.key = key.to_owned();
            return if is_relative(key) {
                Ok(())
            } else {
                Err(format!("has `{text}`, which names no file below the base"))
            };
        }
    };
    let target = target.ok_or_else(|| not_an_address(text))?;
    if !is_relative(&target.key) {
        return Err(format!("has `{text}`, whose path has an empty name in it"));
    }
    entry.key = target.key;
    entry.url = Some(target.url.into());
    Ok(())
}

fn not_an_address(text: &str) -> String {
    format!("has `{text}`, which is no address of a file on a web server")
}

fn plain_name(name: &str) -> String {
    name.trim().trim_start_matches('\u{FEFF}').to_ascii_lowercase().replace([' ', '-'], "_")
}
