//! Index pages: what web servers make of folders.
//!
//! Apache, nginx, lighttpd, Caddy, Python's `http.server` and many others differ in everything but this: there is
//! a link to each file and folder, and a folder's ends with `/`. So the links count that lead below the
//! page; those with a query (`?C=N;O=D` sorts) do not. nginx and Caddy can also write JSON.
//!
//! Sizes and times are taken from the text behind a link where they are exact: `1.2K` is not.

mod row;

use std::collections::BTreeMap;

use busta_core::{Error, Result};
use url::Url;

use super::gather::Gather;
use super::link::{Base, is_relative};
use super::manifest::{elements, fields};
use super::{Entry, Page};
use crate::formats::markup::entity::{Declared, decode};
use crate::formats::markup::token::{Token, Tokens, attributes};
use crate::http::excerpt;
use row::Row;

/// Reads the index page that was found at `page`. Its keys are paths below the page.
///
/// Errors are of kind `data`: it is no index page, or breaks off.
pub fn parse(body: &[u8], page: &Url) -> Result<Page> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    if text.starts_with('[') {
        return from_json(text, page);
    }
    let mut reader = Reader::new(page);
    for token in Tokens::new(text) {
        reader.token(token)?;
    }
    reader.finish(text)
}

/// The index of nginx (`autoindex_format json`) or Caddy (`Accept: application/json`).
fn from_json(text: &str, page: &Url) -> Result<Page> {
    let base = Base::new(page);
    let mut gather = Gather::default();
    let elements =
        elements(text).map_err(|e| Error::data(format!("the index page cannot be read as JSON: {e}")))?;
    for (index, element) in elements.into_iter().enumerate() {
        let entry = fields(element).and_then(|fields| fields.entry(&base));
        entry.and_then(|entry| gather.add(entry)).map_err(|why| {
            let why = excerpt(why.as_bytes());
            Error::data(format!("entry {} of the index page {why}", index + 1))
        })?;
    }
    Ok(gather.finish())
}

struct Reader<'a> {
    base: Base,
    gather: Gather,
    /// The file whose row is being read, and what it says.
    row: Option<(usize, Row)>,
    /// The element whose content is no markup, while it is open.
    skipping: Option<&'a str>,
    /// How many are open of the elements whose end HTML wants to be written.
    open: BTreeMap<&'static str, usize>,
    in_link: bool,
    has_parent: bool,
}

impl<'a> Reader<'a> {
    fn new(page: &Url) -> Self {
        Self {
            base: Base::new(page),
            gather: Gather::default(),
            row: None,
            skipping: None,
            open: BTreeMap::new(),
            in_link: false,
            has_parent: false,
        }
    }

    fn token(&mut self, token: Token<'a>) -> Result<()> {
        match (self.skipping, token) {
            (Some(name), Token::End { name: end }) if end.eq_ignore_ascii_case(name) => self.skipping = None,
            (Some(_), _) => {}
            (None, Token::Start { name, attributes, .. }) => self.start(name, attributes)?,
            (None, Token::End { name }) => self.end(name),
            (None, Token::Text(text)) if !self.in_link => {
                if let Some((_, row)) = &mut self.row {
                    row.text(&decode(text, &Declared::default()));
                }
            }
            (None, Token::Text(_) | Token::CData(_) | Token::Doctype(_)) => {}
        }
        Ok(())
    }

    fn start(&mut self, name: &'a str, text: &'a str) -> Result<()> {
        if ["script", "style", "template"].iter().any(|raw| name.eq_ignore_ascii_case(raw)) {
            self.skipping = Some(name);
        } else if let Some(closed) = closed(name) {
            *self.open.entry(closed).or_default() += 1;
        } else if name.eq_ignore_ascii_case("a") {
            self.close_row();
            self.in_link = true;
            if let Some(href) = attribute(text, "href") {
                self.link(&href)?;
            }
        } else if name.eq_ignore_ascii_case("base")
            && let Some(href) = attribute(text, "href")
        {
            self.base.start_at(&href);
        }
        if let Some((_, row)) = &mut self.row {
            row.attributes(text);
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        if name.eq_ignore_ascii_case("a") {
            self.in_link = false;
        } else if name.eq_ignore_ascii_case("tr") || name.eq_ignore_ascii_case("li") {
            self.close_row();
        } else if let Some(open) = closed(name).and_then(|closed| self.open.get_mut(closed)) {
            *open = open.saturating_sub(1);
        }
    }

    /// Takes in a link if it leads below the page.
    fn link(&mut self, href: &str) -> Result<()> {
        self.has_parent |= href.trim().starts_with("..");
        let Some(target) = self.base.target(href) else { return Ok(()) };
        if !target.is_below || target.url.query().is_some() || !is_relative(&target.key) {
            return Ok(());
        }
        let entry = Entry { key: target.key, url: Some(target.url.into()), ..Entry::default() };
        let place =
            self.gather.add(entry).map_err(|why| Error::data(format!("a link of the index page {why}")))?;
        self.row = place.map(|place| (place, Row::default()));
        Ok(())
    }

    fn close_row(&mut self) {
        let Some((place, row)) = self.row.take() else { return };
        if let Some(file) = self.gather.file(place) {
            let (size, modified) = row.read();
            file.size = file.size.or(size);
            file.modified = file.modified.take().or(modified);
        }
    }

    fn finish(mut self, text: &str) -> Result<Page> {
        self.close_row();
        let open = self.open.iter().find(|(_, open)| **open > 0).map(|(name, _)| *name);
        if let Some(name) = self.skipping.or(open) {
            return Err(Error::data(format!("the index page breaks off: its <{name}> has no end"))
                .hint("it may work when it is asked for again"));
        }
        let page = self.gather.finish();
        if page.files.is_empty() && page.folders.is_empty() && !self.has_parent && !calls_itself_index(text) {
            return Err(Error::data(format!(
                "the page links to nothing below it and is no index; it begins: {}",
                excerpt(text.as_bytes())
            ))
            .hint("open it in a browser: a page that scripts fill cannot be read"));
        }
        Ok(page)
    }
}

/// The element of this name if index pages have their rows in it, and HTML wants its end to be written.
fn closed(name: &str) -> Option<&'static str> {
    ["pre", "table", "ul"].into_iter().find(|closed| name.eq_ignore_ascii_case(closed))
}

fn attribute(text: &str, name: &str) -> Option<String> {
    let found = attributes(text).find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(decode(found.1, &Declared::default()).into_owned())
}

/// Whether a page without links is that of an empty folder.
fn calls_itself_index(text: &str) -> bool {
    let head: String = text.chars().take(4096).collect::<String>().to_ascii_lowercase();
    ["index of", "directory listing", "folder listing"].iter().any(|title| head.contains(title))
}

#[cfg(test)]
mod tests;
