//! Staging: from JSON texts to cells, beside the reader.

use std::collections::HashMap;
use std::sync::Arc;

use busta_core::json::for_each_field;
use busta_core::{Error, Failure, Records, Stage, StreamSpec};

use super::rows::{BatchColumn, Cell, Kind, Row, Rows};

/// SQLite takes no text, blob or row beyond 10^9 bytes
/// (<https://www.sqlite.org/limits.html>); a record is refused at half of that, since its texts are
/// also repeated in its key.
const MAX_RECORD: usize = 500_000_000;

/// Walks over the records once. What the table cannot take is a failure of its own.
pub(super) fn stage(spec: Option<Arc<StreamSpec>>, records: &Records) -> (Rows, Vec<Failure>) {
    let mut stager = Stager::new(spec, records);
    let mut failures = Vec::new();
    for index in 0..records.len() {
        if let Err(error) = stager.row(index, records) {
            let position = records.position(index);
            failures.push(Failure::item(Stage::Write, position, &error, Some(records.get(index))));
            stager.rows.rejected += 1;
        }
    }
    (stager.rows, failures)
}

struct Stager {
    rows: Rows,
    /// How many of the first columns are the primary key.
    keys: usize,
    by_field: HashMap<Box<str>, u32>,
    /// The row in which a column was last met, to notice names that occur twice.
    met: Vec<u32>,
    /// The columns of the last record in their order: most records have the same.
    order: Vec<u32>,
}

impl Stager {
    fn new(spec: Option<Arc<StreamSpec>>, records: &Records) -> Self {
        let keys: Vec<String> = match &spec {
            Some(spec) if spec.write_mode != busta_core::WriteMode::Append => spec.primary_key.clone(),
            _ => Vec::new(),
        };
        let rows = Rows {
            spec,
            columns: Vec::new(),
            rows: Vec::with_capacity(records.len()),
            cells: Vec::new(),
            records: records.clone(),
            arena: Vec::new(),
            rejected: 0,
        };
        let mut stager =
            Self { rows, keys: keys.len(), by_field: HashMap::new(), met: Vec::new(), order: Vec::new() };
        for key in keys {
            stager.new_column(&key);
        }
        stager
    }

    fn row(&mut self, index: usize, records: &Records) -> Result<(), Error> {
        let record = records.get(index);
        let start = self.rows.cells.len();
        let arena = self.rows.arena.len();
        let outcome = self.cells(record, index as u32).and_then(|()| self.key(record, start));
        match outcome {
            Ok(key) => {
                for cell in &self.rows.cells[start..] {
                    let column = &mut self.rows.columns[cell.column as usize];
                    column.kinds = column.kinds.with(cell.kind.kinds());
                }
                if index == 0 {
                    self.rows.cells.reserve((self.rows.cells.len() - start) * records.len());
                }
                let end = self.rows.cells.len() as u32;
                self.rows.rows.push(Row { record: index as u32, end, key });
                Ok(())
            }
            Err(error) => {
                self.rows.cells.truncate(start);
                self.rows.arena.truncate(arena);
                Err(error)
            }
        }
    }

    fn cells(&mut self, record: &[u8], row: u32) -> Result<(), Error> {
        if record.len() > MAX_RECORD {
            return Err(Error::data(format!("the record has {} bytes, SQLite takes 500 MB", record.len())));
        }
        let start = self.rows.cells.len();
        let mut nth = 0;
        for_each_field(record, |name, raw| {
            let column = self.column(nth, &name);
            nth += 1;
            let offset = raw.as_ptr() as usize - record.as_ptr() as usize;
            let cell = self.cell(column, raw, offset);
            let met = &mut self.met[column as usize];
            if *met == row + 1 {
                // The last of two with one name counts, also if it is null.
                if let Some(before) = self.rows.cells[start..].iter_mut().find(|c| c.column == column) {
                    *before = cell;
                    return;
                }
            }
            *met = row + 1;
            if cell.kind != Kind::Null {
                self.rows.cells.push(cell);
            }
        })
        .map_err(|error| Error::data(format!("not a JSON object: {error}")))?;
        self.order.truncate(nth);
        Ok(())
    }

    /// The column of a field: most likely the one at the same place of the last record.
    fn column(&mut self, nth: usize, name: &str) -> u32 {
        if let Some(&guess) = self.order.get(nth)
            && *self.rows.columns[guess as usize].field == *name
        {
            return guess;
        }
        let column = match self.by_field.get(name) {
            Some(&column) => column,
            None => self.new_column(name),
        };
        match self.order.get_mut(nth) {
            Some(place) => *place = column,
            None => self.order.push(column),
        }
        column
    }

    fn new_column(&mut self, field: &str) -> u32 {
        let column = self.rows.columns.len() as u32;
        self.rows.columns.push(BatchColumn { field: field.into(), kinds: Default::default() });
        self.by_field.insert(field.into(), column);
        self.met.push(0);
        column
    }

    fn cell(&mut self, column: u32, raw: &str, offset: usize) -> Cell {
        let value = |kind, data| Cell { data, column, kind };
        match raw.as_bytes()[0] {
            b'n' => value(Kind::Null, 0),
            b't' => value(Kind::Boolean, 1),
            b'f' => value(Kind::Boolean, 0),
            b'{' | b'[' => Cell::text(column, Kind::Nested, offset, raw.len()),
            b'"' if memchr::memchr(b'\\', raw.as_bytes()).is_none() => {
                Cell::text(column, Kind::Text, offset + 1, raw.len() - 2)
            }
            b'"' => match serde_json::from_str::<String>(raw) {
                Ok(text) => {
                    let start = self.rows.arena.len();
                    self.rows.arena.extend_from_slice(text.as_bytes());
                    Cell::text(column, Kind::Unescaped, start, text.len())
                }
                Err(_) => Cell::text(column, Kind::Other, offset, raw.len()),
            },
            _ => number(raw).map_or_else(
                || Cell::text(column, Kind::Other, offset, raw.len()),
                |(kind, data)| value(kind, data),
            ),
        }
    }

    /// The row's key, from the cells of the key's columns.
    fn key(&mut self, record: &[u8], start: usize) -> Result<Cell, Error> {
        if self.keys == 0 {
            return Ok(Cell { data: 0, column: 0, kind: Kind::Null });
        }
        let mut parts = Vec::with_capacity(self.keys);
        for column in 0..self.keys as u32 {
            let cell = self.rows.cells[start..].iter().rev().find(|c| c.column == column);
            match cell.filter(|cell| cell.kind != Kind::Null) {
                Some(cell) => parts.push(*cell),
                None => {
                    let field = &self.rows.columns[column as usize].field;
                    if self.rows.spec.as_ref().is_some_and(|spec| spec.may_lack(field)) {
                        parts.push(Cell { data: 0, column, kind: Kind::Null });
                        continue;
                    }
                    return Err(Error::data(format!("primary key field `{field}` is missing"))
                        .hint("set `primary_key` to fields that every record has"));
                }
            }
        }
        if let [single] = parts[..] {
            return Ok(single);
        }
        Ok(self.composite(record, &parts))
    }

    /// A JSON array of the parts. Texts are written anew, so that two ways of escaping are one key.
    fn composite(&mut self, record: &[u8], parts: &[Cell]) -> Cell {
        let mut json = vec![b'['];
        for (n, &part) in parts.iter().enumerate() {
            if n > 0 {
                json.push(b',');
            }
            json.extend_from_slice(&self.rows.json(record, part));
        }
        json.push(b']');
        let start = self.rows.arena.len();
        self.rows.arena.extend_from_slice(&json);
        Cell::text(0, Kind::Composite, start, json.len())
    }
}

/// A number that SQLite can hold without losing what it says; all else is kept as its JSON text.
fn number(raw: &str) -> Option<(Kind, u64)> {
    if raw.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        let float: f64 = raw.parse().ok().filter(|f: &f64| f.is_finite())?;
        return holds(float, raw).then_some((Kind::Real, float.to_bits()));
    }
    raw.parse::<i64>().ok().map(|integer| (Kind::Integer, integer as u64))
}

/// Whether `float`, the double nearest to `raw`, has all its digits: written with as many, it is the same text.
/// Any 15 digits are in a double (IEEE 754), and what a program wrote from a double, however long, is in it too.
fn holds(float: f64, raw: &str) -> bool {
    const ALWAYS: usize = 15;
    if raw.len() <= ALWAYS {
        return true;
    }
    let digits = |text: &str| -> String {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let all: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        all.trim_start_matches('0').to_owned()
    };
    let said = digits(raw);
    let significant = said.trim_end_matches('0').len();
    significant <= ALWAYS || digits(&format!("{float:.*e}", said.len() - 1)) == said
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_digit_is_lost() {
        for kept in [
            "0.1",
            "1e300",
            "-12.50",
            "0.10000000000000001",
            "0.000000000000000000",
            "1.7976931348623157e308",
            "0.1000000000000000055511151231257827",
            "123456789012345.6",
            "1234567890123456.75",
            "100000000000000000000.0",
        ] {
            assert_eq!(number(kept).map(|(kind, _)| kind), Some(Kind::Real), "{kept}");
        }
        for lost in [
            "1234567890123456.78",
            "9999999999999999.99",
            "123456789012345678.1234567",
            "9007199254740993.5",
            "0.12345678901234567890",
            "1e999",
            "18446744073709551616",
        ] {
            assert_eq!(number(lost), None, "{lost}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_from_a_double_is_in_one(bits: u64, decimals in 0_usize..40) {
            let float = f64::from_bits(bits);
            prop_assume!(float.is_finite());
            for text in [format!("{float:?}"), format!("{float:.16e}"), format!("{float:.*e}", decimals.max(16))] {
                prop_assert_eq!(number(&text), Some((Kind::Real, float.to_bits())), "{}", text);
            }
        }
    }
}
