//! What stands before the rows of a text: comments, or the page that a server sent in the place of the file.

use busta_core::{Error, Result};
use memchr::memchr;

use super::header::is_column;
use super::sheet::delimiter;
use crate::formats::csv::RowCutter;
use crate::formats::window::Window;
use crate::formats::zip::is_zip;
use crate::formats::{MAX_RECORD, unreadable};
use crate::sources::archive::layout::{Kind, Table};

/// What no rows begin with, in small letters.
const PAGES: [&str; 3] = ["<!doctype", "<html", "<?xml"];

/// Refuses a text that begins like a web page or an archive.
///
/// # Errors
/// If it does.
pub(super) fn refuse(text: &[u8]) -> Result<()> {
    if is_zip(text) {
        return Err(Error::data("this is a zip archive inside another file, which is not opened")
            .hint("have the inner archive published as a file of its own, or unpack it"));
    }
    let start = text.trim_ascii_start();
    let begins =
        |page: &&&str| start.get(..page.len()).is_some_and(|head| head.eq_ignore_ascii_case(page.as_bytes()));
    match PAGES.iter().find(begins) {
        None => Ok(()),
        Some(page) => {
            Err(Error::data(format!("it begins with `{page}`: this is a web page or XML, and no rows"))
                .hint("look at what the server sends for it; the file is read again when it has changed"))
        }
    }
}

/// Moves `window`, which is at the start of a text, on to its first row or its header, over lines that begin with `#`.
///
/// # Errors
/// If the text cannot be read, or is none of rows.
pub(super) fn pass(table: &Table, window: &mut Window, rows: &mut RowCutter) -> Result<()> {
    refuse(window.unread())?;
    loop {
        let unread = window.unread();
        let end = memchr(b'\n', unread).map(|at| at + 1).or_else(|| window.is_last().then_some(unread.len()));
        let Some(end) = end.filter(|end| *end > 0) else {
            if unread.first().is_some_and(|first| *first != b'#')
                || window.is_last()
                || unread.len() > MAX_RECORD
            {
                return Ok(());
            }
            window.fill().map_err(|error| unreadable(&error))?;
            continue;
        };
        let line = &unread[..end];
        if !matches!(line, b"\n" | b"\r\n") && !is_comment(table, line) {
            return Ok(());
        }
        rows.pass(line);
        window.consume(end);
    }
}

/// Whether a line that begins with `#` is neither the table's header nor a row of it.
fn is_comment(table: &Table, line: &[u8]) -> bool {
    let Some(text) = line.strip_prefix(b"#") else { return false };
    let text = String::from_utf8_lossy(text);
    let fields: Vec<&str> = text.split(char::from(delimiter(table))).collect();
    let may_be_row = table.columns.first().is_some_and(|column| column.kind == Kind::Text)
        && fields.len() == table.columns.len();
    !may_be_row && !fields.iter().all(|name| is_column(table, name))
}
