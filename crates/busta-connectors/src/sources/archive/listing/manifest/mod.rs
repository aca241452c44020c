//! Manifests: files that name all others.
//!
//! | form | how it is told |
//! | --- | --- |
//! | JSON: an array, `{"files": [...]}`, or objects line by line | it begins with `[` or `{` |
//! | CSV with a header, by commas, semicolons or tabs | a column of the first line is `path`, `key`, `file`, `name` or `url` |
//! | lines: paths, addresses, or checksums as `sha256sum` and its kin write them | anything else |
//!
//! Beside where a file is, fields may say `size`, `checksum` (or `md5`, `sha1`, `sha256`, `sha512`), `etag` and
//! `modified`.

mod json;

use busta_core::{Error, Result};
use url::Url;

use super::fields::{Fields, entry_of, is_location, strongest};
use super::gather::Gather;
use super::link::Base;
use super::{Entry, Page};
use crate::http::excerpt;
use crate::sources::archive::hash_line::{HashLine, lines};

pub(super) use json::{elements, fields};

/// Reads a manifest. Its keys are paths below `base`; an address elsewhere has its own path as the key, and its
/// `url`. Errors are of kind `data` and say where in the manifest.
pub fn parse(body: &[u8], base: &Url) -> Result<Page> {
    let text = String::from_utf8_lossy(body);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let base = Base::new(base);
    let gather = match (text.trim_start().chars().next(), delimiter(text)) {
        (Some('[' | '{'), _) => from_json(text, &base)?,
        (Some('<'), _) => return Err(no_manifest(text)),
        (_, Some(delimiter)) => from_csv(text, delimiter, &base)?,
        (_, None) => from_lines(text, &base)?,
    };
    Ok(gather.finish())
}

fn from_lines(text: &str, base: &Base) -> Result<Gather> {
    let mut gather = Gather::default();
    for (number, line) in lines(text) {
        let place = || format!("line {number} of the manifest");
        add(&mut gather, of_line(line, base), place)?;
    }
    Ok(gather)
}

/// A line is a checksum with a name, or a path.
fn of_line(line: &str, base: &Base) -> Result<Entry, String> {
    match HashLine::parse(line) {
        Some(HashLine { name: Some(name), stated }) => {
            let mut entry = entry_of(&name, base)?;
            strongest(
                &mut entry.checksum,
                stated.checksum(None).map_err(|why| format!("has a checksum that {why}"))?,
            )?;
            Ok(entry)
        }
        _ => entry_of(line.trim(), base),
    }
}

/// What separates columns, if the first line names them.
fn delimiter(text: &str) -> Option<u8> {
    let header = text.lines().find(|line| !line.trim().is_empty())?;
    let unquoted = |cell: &str| is_location(cell.trim().trim_matches('"'));
    [b',', b';', b'\t'].into_iter().find(|delimiter| header.split(char::from(*delimiter)).any(unquoted))
}

fn from_csv(text: &str, delimiter: u8, base: &Base) -> Result<Gather> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let broken = |e: csv::Error| Error::data(format!("the manifest cannot be read as CSV: {e}"));
    let names = reader.headers().map_err(broken)?.clone();
    let mut gather = Gather::default();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(broken)? {
        let line = row.position().map_or(0, csv::Position::line);
        let mut fields = Fields::default();
        let set = names.iter().zip(&row).try_for_each(|(name, value)| fields.set(name, value));
        let entry = set.and_then(|()| fields.entry(base));
        add(&mut gather, entry, || format!("line {line} of the manifest"))?;
    }
    Ok(gather)
}

fn from_json(text: &str, base: &Base) -> Result<Gather> {
    let broken = |e: serde_json::Error| Error::data(format!("the manifest cannot be read as JSON: {e}"));
    let mut gather = Gather::default();
    for (index, element) in elements(text).map_err(broken)?.into_iter().enumerate() {
        let entry = match serde_json::from_str::<String>(element.get()) {
            Ok(path) => entry_of(path.trim(), base),
            Err(_) => fields(element).and_then(|fields| fields.entry(base)),
        };
        add(&mut gather, entry, || format!("entry {} of the manifest", index + 1))?;
    }
    Ok(gather)
}

fn add(gather: &mut Gather, entry: Result<Entry, String>, place: impl Fn() -> String) -> Result<()> {
    let added = entry.and_then(|entry| gather.add(entry));
    added.map(drop).map_err(|why| Error::data(format!("{} {}", place(), excerpt(why.as_bytes()))))
}

fn no_manifest(text: &str) -> Error {
    Error::data(format!("the answer is no manifest; it begins: {}", excerpt(text.as_bytes())))
        .hint("check the address of the manifest; an index page is read by `discover: {type: html}`")
}

#[cfg(test)]
mod tests;
