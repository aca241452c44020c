//! Staged rows: the cells of a batch in one flat list, texts left where they came from.

use std::borrow::Cow;
use std::sync::Arc;

use busta_core::{Records, StreamSpec};

/// The kinds of value that a column has held, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(pub u8);

impl Kinds {
    pub const BOOLEAN: Self = Self(1);
    pub const INTEGER: Self = Self(2);
    pub const REAL: Self = Self(4);
    pub const TEXT: Self = Self(8);
    /// Arrays and objects.
    pub const NESTED: Self = Self(16);
    /// What SQLite has no type for: integers beyond 64 bits, floats beyond a double, texts with half
    /// a surrogate pair. Kept as the JSON text that they were.
    pub const OTHER: Self = Self(32);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub fn has(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }

    /// The narrowest type that holds all of these.
    pub fn type_name(self) -> &'static str {
        if self.has(Self::NESTED) {
            "JSON"
        } else if self.has(Self::TEXT) || (self.has(Self::BOOLEAN) && self != Self::BOOLEAN) {
            "TEXT"
        } else if self.has(Self::REAL) {
            "REAL"
        } else if self.has(Self::BOOLEAN) {
            "BOOLEAN"
        } else {
            "INTEGER"
        }
    }
}

/// What a cell holds, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Integer,
    Real,
    /// A text without escapes, in the record itself.
    Text,
    /// A text that had escapes, in the arena.
    Unescaped,
    /// JSON text in the record.
    Nested,
    /// JSON text in the record.
    Other,
    /// JSON text in the arena: a key of several fields.
    Composite,
}

impl Kind {
    pub fn kinds(self) -> Kinds {
        match self {
            Self::Null => Kinds::default(),
            Self::Boolean => Kinds::BOOLEAN,
            Self::Integer => Kinds::INTEGER,
            Self::Real => Kinds::REAL,
            Self::Text | Self::Unescaped | Self::Composite => Kinds::TEXT,
            Self::Nested => Kinds::NESTED,
            Self::Other => Kinds::OTHER,
        }
    }
}

/// One value of one row: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// The value itself, or offset and length of its text.
    pub data: u64,
    /// Which column of the batch.
    pub column: u32,
    pub kind: Kind,
}

impl Cell {
    pub fn text(column: u32, kind: Kind, start: usize, len: usize) -> Self {
        Self { data: (start as u64) << 32 | len as u64, column, kind }
    }

    fn span(self) -> std::ops::Range<usize> {
        let start = (self.data >> 32) as usize;
        start..start + (self.data as u32) as usize
    }
}

/// A column of a batch.
#[derive(Clone, Debug)]
pub(super) struct BatchColumn {
    pub field: Box<str>,
    pub kinds: Kinds,
}

/// Where a row's cells end, and its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Which of the records it is.
    pub record: u32,
    /// One past its last cell.
    pub end: u32,
    /// [`Kind::Null`] if the stream has no key.
    pub key: Cell,
}

/// A batch ready to be bound to a statement.
pub(super) struct Rows {
    pub spec: Option<Arc<StreamSpec>>,
    pub columns: Vec<BatchColumn>,
    pub rows: Vec<Row>,
    pub cells: Vec<Cell>,
    pub records: Records,
    pub arena: Vec<u8>,
    pub rejected: u64,
}

impl Rows {
    pub fn weight(&self) -> usize {
        self.records.weight()
            + self.arena.capacity()
            + self.cells.capacity() * size_of::<Cell>()
            + self.rows.capacity() * size_of::<Row>()
            + self.columns.iter().map(|c| size_of::<BatchColumn>() + c.field.len()).sum::<usize>()
    }

    /// Each row's record and cells.
    pub fn iter(&self) -> impl Iterator<Item = (&Row, &[u8], &[Cell])> {
        let mut start = 0;
        self.rows.iter().map(move |row| {
            let cells = &self.cells[start..row.end as usize];
            start = row.end as usize;
            (row, self.records.get(row.record as usize), cells)
        })
    }

    /// The bytes of a cell that is a text or JSON text; `record` is the row's.
    pub fn bytes<'a>(&'a self, record: &'a [u8], cell: Cell) -> &'a [u8] {
        match cell.kind {
            Kind::Unescaped | Kind::Composite => &self.arena[cell.span()],
            _ => &record[cell.span()],
        }
    }

    /// The JSON text of a cell.
    pub fn json<'a>(&'a self, record: &'a [u8], cell: Cell) -> Cow<'a, [u8]> {
        let owned = |text: serde_json::Result<String>| Cow::Owned(text.unwrap_or_default().into_bytes());
        match cell.kind {
            Kind::Null => Cow::Borrowed(b"null"),
            Kind::Boolean => Cow::Borrowed(if cell.data == 0 { b"false" as &[u8] } else { b"true" }),
            Kind::Integer => owned(serde_json::to_string(&(cell.data as i64))),
            Kind::Real => owned(serde_json::to_string(&f64::from_bits(cell.data))),
            Kind::Text => {
                let inner = cell.span();
                Cow::Borrowed(&record[inner.start - 1..inner.end + 1])
            }
            Kind::Unescaped => {
                owned(serde_json::to_string(&String::from_utf8_lossy(self.bytes(record, cell))))
            }
            Kind::Nested | Kind::Other | Kind::Composite => Cow::Borrowed(self.bytes(record, cell)),
        }
    }
}
