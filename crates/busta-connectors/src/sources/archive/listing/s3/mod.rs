//! Listings of S3 and of the many servers that speak like it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html>
//!
//! Where servers differ, and what is done:
//!
//! | | |
//! | --- | --- |
//! | names come percent-encoded, as asked for (`encoding-type=url`), or not | `EncodingType` says it; a name that is not in that form is taken as it is |
//! | `ListObjectsV2` is asked for and not known | a cut page without a token goes on by its marker |
//! | no `NextMarker` | the last of all names is the marker |
//! | elements of the next generation, any namespace, any order | passed over |

mod document;
mod refusal;

use std::borrow::Cow;

use busta_core::{Error, Result};
use percent_encoding::percent_decode_str;

use super::{Entry, Next, Page, plain_etag};
use document::{Document, Object};

pub use refusal::refusal;

/// The query of a request for the names that begin with `prefix`. With a delimiter, what lies below the next one
/// is a folder; without, all files below are listed. `next` goes on behind a page, in the version that the page
/// was of; the first asks for `ListObjectsV2`.
pub fn request(prefix: &str, delimiter: Option<&str>, next: Option<&Next>) -> Vec<(&'static str, String)> {
    let mut query = Vec::with_capacity(5);
    match next {
        Some(Next::Marker(marker)) => query.push(("marker", marker.clone())),
        Some(Next::Token(token)) => {
            query.extend([("list-type", "2".to_owned()), ("continuation-token", token.clone())]);
        }
        None => query.push(("list-type", "2".to_owned())),
    }
    query.extend(delimiter.map(|delimiter| ("delimiter", delimiter.to_owned())));
    query.extend([("prefix", prefix.to_owned()), ("encoding-type", "url".to_owned())]);
    query
}

/// Reads the answer to a request that went on from `after`. Its keys are paths in the bucket. Placeholders for
/// folders (objects whose names end with `/`) are left out.
///
/// Errors: `data` if it is no listing, breaks off, or does not go on; those of [`refusal`] for an error document.
pub fn parse(body: &[u8], after: Option<&Next>) -> Result<Page> {
    let text = String::from_utf8_lossy(body);
    let document = document::read(&text)?;
    let page = Page {
        files: files(&document)?,
        folders: document.folders.iter().map(|folder| document.name(folder).into_owned()).collect(),
        next: next(&document)?,
    };
    if page.next.is_some() && page.next.as_ref() == after {
        return Err(Error::data("the listing says that it goes on, and where it already is")
            .hint("try another address of the bucket"));
    }
    Ok(page)
}

fn files(document: &Document<'_>) -> Result<Vec<Entry>> {
    let files = document.objects.iter().map(|object| file(document, object));
    let is_file = |entry: &Result<Entry>| !matches!(entry, Ok(entry) if entry.key.ends_with('/'));
    files.filter(is_file).collect()
}

fn file(document: &Document<'_>, object: &Object<'_>) -> Result<Entry> {
    let key = document.name(&object.key).into_owned();
    let size = match object.size.trim() {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| Error::data(format!("the listing says that `{key}` has the size `{text}`")))?,
        ),
    };
    let modified = Some(object.modified.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Entry { key, size, etag: plain_etag(&object.etag), modified, ..Entry::default() })
}

/// How the listing goes on.
fn next(document: &Document<'_>) -> Result<Option<Next>> {
    if !document.is_truncated {
        return Ok(None);
    }
    if let Some(token) = &document.next_token {
        return Ok(Some(Next::Token(token.clone().into_owned())));
    }
    let marker = document.next_marker.as_ref().map(|marker| document.name(marker));
    let names = document.objects.iter().map(|object| &object.key).chain(&document.folders);
    let marker = marker.or_else(|| names.map(|name| document.name(name)).max());
    match marker {
        Some(marker) => Ok(Some(Next::Marker(marker.into_owned()))),
        None => Err(Error::data("the listing says that it goes on, and neither where nor from what")),
    }
}

impl Document<'_> {
    /// A name as it is. Where the server says that names are encoded, a `+` is a space.
    fn name<'n>(&self, raw: &'n str) -> Cow<'n, str> {
        if !self.is_encoded || !is_encoded(raw) {
            return Cow::Borrowed(raw);
        }
        let spaced = raw.replace('+', " ");
        match percent_decode_str(&spaced).decode_utf8() {
            Ok(name) => Cow::Owned(name.into_owned()),
            Err(_) => Cow::Borrowed(raw),
        }
    }
}

/// Whether a name can be percent-encoded: some servers encode names and forget the marker.
fn is_encoded(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => is_hex(at + 1) && is_hex(at + 2),
        byte => byte.is_ascii_graphic(),
    })
}

#[cfg(test)]
mod tests;
