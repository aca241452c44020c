//! A file that comes again with another content: what is there of it, and what becomes of that.
//!
//! Rows with a key take the place of those that have it. Rows without one can only come beside those that are there,
//! so each of them would be there twice: they are refused, unless the operator says that this is what he wants.

use busta_core::Error;
use busta_core::transform::Warning;

use super::settings::Archive;
use super::version::RowsThere;
use super::work::RowsOf;

/// In the place of a version: some rows of a file are there, of a run that has not come to its end.
pub const UNFINISHED: &str = "unfinished";

/// What is there of a file whose rows are to be read.
#[derive(Debug, Default)]
pub enum Before {
    /// Nothing that its rows could meet.
    #[default]
    Nothing,
    /// So many rows of another content, if their number is known.
    Others(Option<u64>),
    /// The very rows that it has, since it is what it was before.
    Same(RowsThere),
    /// Rows of another content that cannot be replaced: what is to be noted, and why.
    Fixed(RowsThere, Error),
}

impl Before {
    /// How many rows of another content there are.
    pub fn others(&self) -> Option<u64> {
        match self {
            Self::Others(rows) => *rows,
            Self::Nothing | Self::Same(_) | Self::Fixed(..) => None,
        }
    }
}

impl Archive {
    /// What is there of a file.
    pub fn before(&self, of: &RowsOf) -> Before {
        let Some(there) = self.rows_there(&of.path) else { return Before::Nothing };
        if there.stored.as_ref() == Some(&of.version) {
            return Before::Same(there.unrefused());
        }
        // What was refused before is refused again.
        let are_others = there.version != of.version || there.stored.is_some();
        if !are_others || there.rows == Some(0) {
            return Before::Nothing;
        }
        if self.replaces { Before::Others(there.rows) } else { fixed(there, of) }
    }
}

fn fixed(there: RowsThere, of: &RowsOf) -> Before {
    let error = if there.version == UNFINISHED { unfinished(of) } else { others(&there, of) };
    let stored = Some(there.stored.unwrap_or(there.version));
    let broken = Some(error.to_string());
    Before::Fixed(
        RowsThere { version: of.version.clone(), stored, broken, untold: None, rows: there.rows },
        error,
    )
}

fn unfinished(of: &RowsOf) -> Error {
    let path = &of.path;
    Error::data(format!(
        "{path}: some of its rows are there, of a run that did not come to its end, and read anew they would be there \
         twice: the table has no primary key"
    ))
    .hint("`busta sources collect --resume` goes on with a run that was cut short; `--full-refresh` reads all anew")
}

fn others(there: &RowsThere, of: &RowsOf) -> Error {
    let rows = there.rows.map_or_else(|| "its rows".to_owned(), |rows| format!("{rows} of its rows"));
    Error::data(format!(
        "{}: {rows} are there, of another content of the file or by another table, and those of this one cannot \
         take their place: the table has no primary key",
        of.path
    ))
    .hint(
        "collect with `--full-refresh`, or describe a `primary_key` in a `layout`; with `write_mode: append` they are \
         added to those that are there",
    )
}

/// What is doubtful about a file that comes again with so few rows.
pub fn fewer(before: u64, now: u64, path: &str) -> Option<Warning> {
    (now < before).then(|| Warning {
        rule: "published anew".to_owned(),
        message: format!(
            "{path} had {before} rows and has {now} now; those that it no longer has stay in the table"
        ),
    })
}
