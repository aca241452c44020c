//! What a repository says there is: listings of S3, index pages, manifests.
//!
//! Each form is read into a [`Page`]. What an entry's key is relative to differs: the bucket, the page, the base
//! address. A page that cannot be understood as a whole is an error, never a shorter list.

mod fields;
mod gather;
mod link;

pub mod html;
pub mod manifest;
pub mod s3;

use serde::{Deserialize, Serialize};

use crate::download::{Algorithm, Checksum};

/// A page with more entries than this is refused: each costs some hundred bytes of memory.
const MAX_ENTRIES: usize = 500_000;

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The files in the order of the page, each once.
    pub files: Vec<Entry>,
    /// The folders, ending with `/`.
    pub folders: Vec<String>,
    /// What to ask for to get the page after this one.
    pub next: Option<Next>,
}

/// A file in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path with nothing percent-encoded: in the bucket, below the index page, or below the base of a
    /// manifest.
    #[serde(rename = "k")]
    pub key: String,
    /// Where it is, if the listing says that itself.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its length in bytes, if the listing says it exactly.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its entity tag, without quotes.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// What it hashes to, if the listing says that it is a checksum.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// When it was changed, in the words of the listing: good for seeing that it has changed again.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
}

/// How a listing of S3 goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// The last name that was listed (`ListObjects`).
    Marker(String),
    /// What the server calls the rest (`ListObjectsV2`).
    Token(String),
}

impl Entry {
    /// The MD5 that the entity tag is by convention, if it has its form. Objects that were put together from
    /// parts have another form (`…-7`); those encrypted with a key of KMS have this one, and the tag is no MD5:
    /// where it differs, that alone is no proof of damage.
    pub fn etag_md5(&self) -> Option<Checksum> {
        Checksum::from_hex(Algorithm::Md5, self.etag.as_deref()?)
    }
}

impl Page {
    /// Puts the path of the listed folder before everything in it: `a/` and `b.zip` are `a/b.zip`.
    #[must_use]
    pub fn below(mut self, folder: &str) -> Self {
        let folder = folder.trim_matches('/');
        if !folder.is_empty() {
            let names = self.files.iter_mut().map(|file| &mut file.key).chain(&mut self.folders);
            names.for_each(|name| name.insert_str(0, &format!("{folder}/")));
        }
        self
    }
}

/// An entity tag without quotes and without the mark of a weak one, which names no content byte by byte.
fn plain_etag(text: &str) -> Option<String> {
    let tag = text.trim();
    let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
    (!tag.is_empty() && !tag.starts_with("W/")).then(|| tag.to_owned())
}

#[cfg(test)]
mod tests;
