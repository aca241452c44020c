//! The XML of a listing.

use std::borrow::Cow;

use busta_core::{Error, Result};

use crate::formats::markup::entity::{Declared, decode};
use crate::formats::markup::token::{Token, Tokens};
use crate::http::excerpt;
use crate::sources::archive::listing::MAX_ENTRIES;

/// Listings have elements three deep.
const MAX_DEPTH: usize = 16;

/// What a listing says, with names as they stand in it.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub objects: Vec<Object<'a>>,
    pub folders: Vec<Cow<'a, str>>,
    pub is_truncated: bool,
    /// Whether names are percent-encoded.
    pub is_encoded: bool,
    pub next_token: Option<Cow<'a, str>>,
    pub next_marker: Option<Cow<'a, str>>,
}

/// An object of a listing.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    pub key: Cow<'a, str>,
    pub size: Cow<'a, str>,
    pub etag: Cow<'a, str>,
    pub modified: Cow<'a, str>,
}

/// Reads a listing. Markup that is not well-formed is an error, as something of it may be lost.
pub(super) fn read(text: &str) -> Result<Document<'_>> {
    let mut reader = Reader::default();
    for token in Tokens::new(text) {
        match token {
            Token::Start { name, empty, .. } => {
                reader.start(local(name), text)?;
                if empty {
                    reader.end(local(name))?;
                }
            }
            Token::End { name } => reader.end(local(name))?,
            Token::Text(text) => reader.text(decode(text, &Declared::default())),
            Token::CData(text) => reader.text(Cow::Borrowed(text)),
            Token::Doctype(_) => {}
        }
    }
    // The tokens forgive a tag that breaks off.
    let is_whole = reader.path.is_empty() && text.trim_end().ends_with('>');
    match (reader.is_over, is_whole) {
        (true, true) => Ok(reader.document),
        (false, true) => Err(no_listing(text)),
        (false, false) if reader.path.is_empty() => Err(no_listing(text)),
        (_, false) => {
            Err(Error::data("the listing breaks off").hint("it may work when it is asked for again"))
        }
    }
}

#[derive(Default)]
struct Reader<'a> {
    document: Document<'a>,
    /// The names of the open elements.
    path: Vec<&'a str>,
    /// What the innermost open element says.
    words: Cow<'a, str>,
    object: Object<'a>,
    is_over: bool,
}

impl<'a> Reader<'a> {
    fn start(&mut self, name: &'a str, text: &str) -> Result<()> {
        match (self.path.is_empty(), name) {
            (true, "ListBucketResult") if !self.is_over => {}
            (true, "Error") => {
                return Err(super::refusal(text.as_bytes()).unwrap_or_else(|| no_listing(text)));
            }
            (true, _) => return Err(no_listing(text)),
            (false, _) if self.path.len() >= MAX_DEPTH => return Err(broken(name)),
            (false, _) => {}
        }
        self.path.push(name);
        self.words = Cow::default();
        if self.path.len() == 2 && name == "Contents" {
            self.object = Object::default();
        }
        Ok(())
    }

    fn text(&mut self, text: Cow<'a, str>) {
        if self.words.is_empty() {
            self.words = text;
        } else {
            self.words.to_mut().push_str(&text);
        }
    }

    fn end(&mut self, name: &str) -> Result<()> {
        if self.path.last() != Some(&name) {
            return Err(broken(name));
        }
        let words = std::mem::take(&mut self.words);
        match self.path.get(1..).unwrap_or_default() {
            [] => self.is_over = true,
            ["IsTruncated"] => self.document.is_truncated = words.trim().eq_ignore_ascii_case("true"),
            ["EncodingType"] => self.document.is_encoded = words.trim().eq_ignore_ascii_case("url"),
            ["NextContinuationToken"] => self.document.next_token = some(words),
            ["NextMarker"] => self.document.next_marker = some(words),
            ["CommonPrefixes", "Prefix"] => self.document.folders.extend(some(words)),
            ["Contents", "Key"] => self.object.key = words,
            ["Contents", "Size"] => self.object.size = words,
            ["Contents", "ETag"] => self.object.etag = words,
            ["Contents", "LastModified"] => self.object.modified = words,
            ["Contents"] => {
                let object = std::mem::take(&mut self.object);
                if object.key.is_empty() {
                    return Err(Error::data("the listing has an object without a `Key`"));
                }
                self.document.objects.push(object);
            }
            _ => {}
        }
        self.path.pop();
        if self.document.objects.len() + self.document.folders.len() > MAX_ENTRIES {
            return Err(Error::data(format!("the listing has more than {MAX_ENTRIES} names in one page")));
        }
        Ok(())
    }
}

fn some(words: Cow<'_, str>) -> Option<Cow<'_, str>> {
    Some(words).filter(|words| !words.is_empty())
}

/// A name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn broken(name: &str) -> Error {
    Error::data(format!("the listing is not well-formed at `{}`", excerpt(name.as_bytes())))
}

fn no_listing(text: &str) -> Error {
    Error::data(format!("the answer is no listing of S3; it begins: {}", excerpt(text.as_bytes())))
        .hint("check the address of the bucket; for an index page in HTML take `discover: {type: html}`")
}
