//! Reading a side file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use busta_core::{Error, Result};

use super::super::document::{Node, Path as FieldPath, Selection};
use super::Duplicates;
use super::table::{self, Table};
use crate::formats::csv::{CsvCutter, CsvOptions};
use crate::formats::detect::Format;
use crate::formats::json::{JsonCutter, RecordsPath};
use crate::formats::ndjson::NdjsonCutter;
use crate::formats::window::Window;
use crate::formats::{Cut, Cutter, MAX_RECORD};

/// A file and what is wanted of it.
#[derive(Clone, Debug)]
pub struct Side {
    /// Where it is.
    pub file: PathBuf,
    /// The field that rows are found by.
    pub on: String,
    /// The fields to take.
    pub fields: Option<Vec<String>>,
    /// What their names get in front.
    pub prefix: String,
    /// Where the rows are in a JSON document.
    pub records: RecordsPath,
    /// What becomes of a second row with a key.
    pub duplicates: Duplicates,
}

/// Whether the file's name tells a format.
pub fn check_name(file: &Path) -> Result<(), String> {
    if is_parquet(file) || Format::of_name(file).is_some() {
        return Ok(());
    }
    Err("expected a name that ends with .csv, .tsv, .json, .geojson, .ndjson, .jsonl or .parquet".to_owned())
}

fn is_parquet(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"))
}

impl Side {
    /// Reads the whole file. Anything wrong with it is an error: a join with half a table is worse than
    /// none.
    pub fn load(&self) -> Result<Table> {
        self.read().map_err(|error| error.at(self.file.display()))
    }

    fn read(&self) -> Result<Table> {
        let file = File::open(&self.file).map_err(|error| unreadable(&error))?;
        let unseen: Vec<FieldPath> =
            self.fields.iter().flatten().map(|field| FieldPath::field(field)).collect();
        let selection = self.fields.as_ref().map(|_| Selection::new(unseen.clone()));
        let mut rows = Rows { side: self, table: Table::default(), count: 0, selection, unseen };
        if is_parquet(&self.file) {
            rows.parquet(file)?;
        } else {
            rows.text(file)?;
        }
        if rows.count == 0 {
            return Err(Error::config("the file has no rows"));
        }
        if let Some(field) = rows.unseen.first() {
            return Err(Error::config(format!("none of its {} rows has the field `{field}`", rows.count))
                .hint("`fields` are the names in the file, before `prefix` is put in front"));
        }
        Ok(rows.table)
    }

    fn cutter(&self) -> Cutter {
        match Format::of_name(&self.file) {
            Some(Format::Csv) => Cutter::Csv(CsvCutter::new(CsvOptions::default())),
            Some(Format::Ndjson) => Cutter::Ndjson(NdjsonCutter::default()),
            _ => Cutter::Json(JsonCutter::new(self.records.clone())),
        }
    }
}

fn unreadable(error: &io::Error) -> Error {
    Error::config(format!("the side file cannot be read: {error}"))
}

struct Rows<'s> {
    side: &'s Side,
    table: Table,
    count: usize,
    /// The fields to take, if not all.
    selection: Option<Selection>,
    /// Those of them that no row has had so far.
    unseen: Vec<FieldPath>,
}

impl Rows<'_> {
    #[cfg(feature = "parquet")]
    fn parquet(&mut self, file: File) -> Result<()> {
        for records in busta_parquet::ParquetReader::open(file)? {
            records?.iter().try_for_each(|row| self.row(row))?;
        }
        Ok(())
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(&mut self, _: File) -> Result<()> {
        Err(Error::config("this busta was built without Parquet"))
    }

    fn text(&mut self, file: File) -> Result<()> {
        let mut window = Window::open(file, None, None, Vec::new()).map_err(|error| unreadable(&error))?;
        let mut cutter = self.side.cutter();
        window.fill().map_err(|error| unreadable(&error))?;
        loop {
            let (used, cut) = cutter.next(window.unread(), window.is_last());
            match cut {
                Cut::Record(span) => self.row(&window.unread()[span])?,
                Cut::Made(_) => self.row(cutter.made())?,
                Cut::Bad { place, error, .. } => return Err(error.at(place)),
                Cut::More if window.unread().len() > MAX_RECORD => {
                    return Err(Error::data("a row is larger than 32 MiB"));
                }
                Cut::More => {
                    window.consume(used);
                    window.fill().map_err(|error| unreadable(&error))?;
                    continue;
                }
                Cut::End => return Ok(()),
            }
            window.consume(used);
        }
    }

    fn row(&mut self, json: &[u8]) -> Result<()> {
        self.count += 1;
        let (count, side) = (self.count, self.side);
        let wrong = |message: String| Error::config(format!("row {count}: {message}"));
        let mut row = Node::record(json)?;
        let on = FieldPath::field(&side.on);
        let Some(key) =
            row.find(on.segments())?.and_then(|node| table::key(node).map(|key| key.into_owned()))
        else {
            let names = row.field_names()?.join(", ");
            return Err(wrong(format!("`{}` is missing, or no text or number (it has {names})", side.on)));
        };
        self.note_fields(&mut row)?;
        if self.table.has(&key) {
            match side.duplicates {
                Duplicates::Fail => {
                    let error = wrong(format!("there is a row with {} = {key} already", side.on));
                    return Err(error.hint("`duplicates: first` or `last` says which one counts"));
                }
                Duplicates::First => return Ok(()),
                Duplicates::Last => {}
            }
        }
        match &self.selection {
            Some(selection) => selection.apply(&mut row)?,
            None => row.remove(on.segments())?,
        }
        row.prefix_fields(&side.prefix)?;
        self.table.insert(&key, &row)
    }

    /// Crosses off the fields that this row has.
    fn note_fields(&mut self, row: &mut Node<'_>) -> Result<()> {
        let mut unseen = Vec::new();
        for field in self.unseen.drain(..) {
            if row.find(field.segments())?.is_none() {
                unseen.push(field);
            }
        }
        self.unseen = unseen;
        Ok(())
    }
}
