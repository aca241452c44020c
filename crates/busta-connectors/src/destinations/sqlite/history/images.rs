//! The images of rows on their way into a table, from the texts of their records: nothing is read back for the log.

use super::super::insert::Origin;
use super::super::rows::{Cell, Kind, Rows};
use super::super::schema::Table;
use super::image;

/// The images of a batch: its fields in the order in which they are read from the table.
pub(in super::super) struct Images<'a> {
    rows: &'a Rows,
    /// The columns of the batch in the table's order, each with what goes before its value.
    columns: Vec<(u32, Vec<u8>)>,
    /// Whether such rows take the place of others.
    may_replace: bool,
    /// The image of one row. Its beginning is that of all.
    image: Vec<u8>,
    fields: usize,
    /// The cell of each column, by column of the batch.
    cells: Vec<Option<Cell>>,
}

/// The image of one row.
pub(in super::super) struct Incoming<'a, 'b> {
    images: &'b mut Images<'a>,
    record: &'b [u8],
    cells: &'b [Cell],
    written: bool,
}

impl<'a> Images<'a> {
    pub fn new(table: &Table, rows: &'a Rows, origin: &Origin<'_>, may_replace: bool) -> Self {
        let mut order: Vec<u32> = (0..rows.columns.len() as u32).collect();
        // Fields without a column of their own are read after the others, by name.
        order.sort_by_key(|&at| {
            let field = &*rows.columns[at as usize].field;
            (table.column(field).unwrap_or(usize::MAX), field)
        });
        let name = |at: u32| {
            let name = serde_json::Value::from(&*rows.columns[at as usize].field);
            (at, format!("{name}:").into_bytes())
        };
        let mut image = Vec::new();
        image::begin(origin.run, origin.loaded_at, &mut image);
        Self {
            rows,
            columns: order.into_iter().map(name).collect(),
            may_replace,
            fields: image.len(),
            image,
            cells: vec![None; rows.columns.len()],
        }
    }

    /// The image of a row, which is made when it is asked for.
    pub fn of<'b>(&'b mut self, record: &'b [u8], cells: &'b [Cell]) -> Incoming<'a, 'b> {
        Incoming { images: self, record, cells, written: false }
    }

    fn write(&mut self, record: &[u8], cells: &[Cell]) {
        self.cells.fill(None);
        for cell in cells.iter().filter(|cell| cell.kind != Kind::Null) {
            self.cells[cell.column as usize] = Some(*cell);
        }
        self.image.truncate(self.fields);
        self.image.push(b'{');
        for (column, name) in &self.columns {
            let Some(cell) = self.cells[*column as usize] else { continue };
            if self.image.len() > self.fields + 1 {
                self.image.push(b',');
            }
            self.image.extend_from_slice(name);
            self.image.extend_from_slice(&self.rows.json(record, cell));
        }
        self.image.extend_from_slice(b"}]");
    }
}

impl Incoming<'_, '_> {
    /// Whether the row takes the place of one with its key.
    pub fn may_replace(&self) -> bool {
        self.images.may_replace
    }

    /// The image.
    pub fn image(&mut self) -> &[u8] {
        if !self.written {
            self.images.write(self.record, self.cells);
            self.written = true;
        }
        &self.images.image
    }

    /// Whether its fields are these, to the letter. That they are not does not say that they differ.
    pub fn is(&mut self, fields: &[u8]) -> bool {
        let from = self.images.fields;
        self.image()[from..] == *fields
    }
}
