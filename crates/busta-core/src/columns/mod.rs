//! Records as columns: for readers that know the types of what they read, and destinations whose files have
//! columns. Between the two no text is made, and none is parsed.

mod column;
mod rows;

pub use column::{Cell, Column, Nulls, Texts, Values};

/// The columns of some records, all of one length: their top-level fields in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    rows: usize,
    list: Vec<Column>,
    is_sparse: bool,
}

impl Columns {
    /// Empty columns, which rows are pushed to.
    pub fn new(list: Vec<Column>) -> Self {
        Self { list, ..Self::default() }
    }

    /// Columns of so many rows; `None` if one of them has another length, or a name stands there twice.
    pub fn of(rows: usize, list: Vec<Column>) -> Option<Self> {
        let are_whole = list.iter().all(|column| column.rows().is_none_or(|own| own == rows));
        let differ = |(at, column): (usize, &Column)| list[..at].iter().all(|c| c.name() != column.name());
        (are_whole && list.iter().enumerate().all(differ)).then_some(Self { rows, list, ..Self::default() })
    }

    /// The same records, whose texts leave out what is null.
    #[must_use]
    pub fn sparse(self) -> Self {
        Self { is_sparse: true, ..self }
    }

    /// How many records there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in order.
    pub fn list(&self) -> &[Column] {
        &self.list
    }

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.list.iter().find(|column| column.name() == name)
    }

    /// A column that takes another cell of the row under way.
    #[inline]
    pub fn column_mut(&mut self, place: usize) -> &mut Column {
        &mut self.list[place]
    }

    /// The row under way is complete: columns without a cell of it are null there.
    pub fn end_row(&mut self) {
        self.rows += 1;
        for column in &mut self.list {
            if column.rows().is_some_and(|own| own < self.rows) {
                column.push_null();
            }
        }
    }

    /// The row under way is complete, and every column has a cell of it.
    #[inline]
    pub fn end_whole_row(&mut self) {
        self.rows += 1;
        debug_assert!(self.list.iter().all(|column| column.rows().is_none_or(|own| own == self.rows)));
    }

    /// So many rows are complete, and every column has cells of them; what else it has is forgotten.
    pub fn end_rows(&mut self, count: usize) {
        self.rows += count;
        self.drop_row();
        debug_assert!(self.list.iter().all(|column| column.rows().is_none_or(|own| own == self.rows)));
    }

    /// Forgets the row under way.
    pub fn drop_row(&mut self) {
        self.list.iter_mut().for_each(|column| column.truncate(self.rows));
    }

    /// The same with one more column, which says the same in all rows: the JSON text `raw`.
    #[must_use]
    pub fn with(mut self, name: &str, raw: impl Into<Box<str>>) -> Self {
        self.list.push(Column::new(name, Values::Same(raw.into())));
        self
    }

    /// The rows whose numbers `keeps` approves of.
    #[must_use]
    pub fn filter(&self, keeps: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.rows).filter(|row| keeps(*row)).collect();
        let list = self.list.iter().map(|column| column.pick(&rows)).collect();
        Self { rows: rows.len(), list, is_sparse: self.is_sparse }
    }

    /// About how many bytes of JSON the records are.
    pub fn bytes(&self) -> usize {
        self.list.iter().map(|column| column.bytes(self.rows)).sum::<usize>() + 2 * self.rows
    }

    /// The bytes of memory that they keep.
    pub fn weight(&self) -> usize {
        self.list.iter().map(Column::weight).sum()
    }
}
