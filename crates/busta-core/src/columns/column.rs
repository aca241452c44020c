//! One column.

use std::mem::size_of_val;

use crate::moment;

/// A value on its way into a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double, which is neither infinite nor NaN.
    Float(f64),
    /// A moment: microseconds since 1970, from the year 0 to the year 9999.
    Time(i64),
    /// A text.
    Text(&'a str),
    /// The JSON text of any value but `null`.
    Raw(&'a str),
}

/// The values of a column, of which those at nulls mean nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Booleans.
    Bools(Vec<bool>),
    /// Integers.
    Ints(Vec<i64>),
    /// Doubles. None is infinite or NaN, which JSON has no numbers for.
    Floats(Vec<f64>),
    /// Moments in microseconds since 1970, from the year 0 to the year 9999; as JSON, texts of the one form
    /// `2024-01-31T23:59:59.000000Z`.
    Times(Vec<i64>),
    /// Texts.
    Texts(Texts),
    /// The JSON texts of values that no other type holds: objects, lists, numbers with more digits. None is `null`.
    Raw(Texts),
    /// The same JSON text in all rows.
    Same(Box<str>),
}

/// Texts, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Texts {
    /// Texts that end at these places of `bytes`; `None` if there is no such place, or the last is not its end.
    pub fn of(bytes: String, ends: Vec<u32>) -> Option<Self> {
        let is_order = ends.is_sorted() && ends.last().copied().unwrap_or(0) as usize == bytes.len();
        let are_places = ends.iter().all(|end| bytes.is_char_boundary(*end as usize));
        (is_order && are_places).then_some(Self { bytes, ends })
    }

    /// Appends one. A column has less than 4 GiB of them, since batches are far smaller.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
    }

    /// The text at a place.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn get(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..self.ends[at] as usize]
    }

    /// All of them, one behind the other.
    pub fn bytes(&self) -> &str {
        &self.bytes
    }

    /// Where each ends.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    fn truncate(&mut self, len: usize) {
        if len < self.ends.len() {
            self.ends.truncate(len);
            self.bytes.truncate(self.ends.last().copied().unwrap_or(0) as usize);
        }
    }
}

/// Which rows of a column are null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nulls {
    /// A bit for each row up to the last null, set where there is a value; the lowest is that of the first.
    present: Vec<u8>,
    count: usize,
}

impl Nulls {
    /// Of bits that are set where there is a value, one for each row or fewer, if no null follows.
    pub fn of(present: Vec<u8>) -> Self {
        let count = present.iter().map(|bits| bits.count_zeros() as usize).sum();
        Self { present, count }
    }

    /// Whether there is a null.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether this row is null.
    pub fn is_null(&self, row: usize) -> bool {
        self.present.get(row / 8).is_some_and(|bits| bits & (1 << (row % 8)) == 0)
    }

    /// The bits; see [`of`](Self::of).
    pub fn present(&self) -> &[u8] {
        &self.present
    }

    /// Row `row` is null, as no row behind it is known to be.
    pub fn note(&mut self, row: usize) {
        self.present.resize(self.present.len().max(row / 8 + 1), 0xff);
        self.present[row / 8] &= !(1 << (row % 8));
        self.count += 1;
    }

    fn truncate(&mut self, len: usize) {
        while self.present.len() * 8 > len && !self.present.is_empty() {
            let first = (self.present.len() - 1) * 8;
            for row in len.max(first)..first + 8 {
                let (bits, bit) = (&mut self.present[row / 8], 1 << (row % 8));
                self.count -= usize::from(*bits & bit == 0);
                *bits |= bit;
            }
            if first < len {
                break;
            }
            self.present.pop();
        }
    }
}

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    name: Box<str>,
    values: Values,
    nulls: Nulls,
}

impl Column {
    /// A column without nulls.
    pub fn new(name: &str, values: Values) -> Self {
        Self { name: name.into(), values, nulls: Nulls::default() }
    }

    /// The same with nulls.
    #[must_use]
    pub fn with_nulls(self, nulls: Nulls) -> Self {
        Self { nulls, ..self }
    }

    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Which of them are null.
    pub fn nulls(&self) -> &Nulls {
        &self.nulls
    }

    /// The values and which of them are null, to append to: a null has a value too, which means nothing.
    #[inline]
    pub fn parts_mut(&mut self) -> (&mut Values, &mut Nulls) {
        (&mut self.values, &mut self.nulls)
    }

    /// How many rows it has; `None` if it is the same in all of them.
    pub fn rows(&self) -> Option<usize> {
        match &self.values {
            Values::Bools(values) => Some(values.len()),
            Values::Ints(values) | Values::Times(values) => Some(values.len()),
            Values::Floats(values) => Some(values.len()),
            Values::Texts(texts) | Values::Raw(texts) => Some(texts.ends.len()),
            Values::Same(_) => None,
        }
    }

    /// Appends a value; `false`, and nothing, if it is of another type.
    #[inline]
    pub fn push(&mut self, cell: Cell) -> bool {
        match (&mut self.values, cell) {
            (_, Cell::Null) => self.push_null(),
            (Values::Bools(values), Cell::Bool(value)) => values.push(value),
            (Values::Ints(values), Cell::Int(value)) => values.push(value),
            (Values::Floats(values), Cell::Float(value)) => values.push(value),
            (Values::Times(values), Cell::Time(value)) => values.push(value),
            (Values::Texts(texts), Cell::Text(text)) => texts.push(text),
            (Values::Raw(texts), Cell::Raw(json)) => texts.push(json),
            _ => return false,
        }
        true
    }

    /// Appends a null; nothing if it is the same in all rows.
    pub fn push_null(&mut self) {
        let Some(row) = self.rows() else { return };
        self.nulls.note(row);
        match &mut self.values {
            Values::Bools(values) => values.push(false),
            Values::Ints(values) | Values::Times(values) => values.push(0),
            Values::Floats(values) => values.push(0.0),
            Values::Texts(texts) | Values::Raw(texts) => texts.push(""),
            Values::Same(_) => {}
        }
    }

    /// What it says in a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn get(&self, row: usize) -> Option<Cell<'_>> {
        if self.nulls.is_null(row) {
            return Some(Cell::Null);
        }
        Some(match &self.values {
            Values::Bools(values) => Cell::Bool(values[row]),
            Values::Ints(values) => Cell::Int(values[row]),
            Values::Floats(values) => Cell::Float(values[row]),
            Values::Times(values) => Cell::Time(values[row]),
            Values::Texts(texts) => Cell::Text(texts.get(row)),
            Values::Raw(texts) => Cell::Raw(texts.get(row)),
            Values::Same(_) => return None,
        })
    }

    /// Makes texts of moments.
    pub fn spell_out(&mut self) {
        let Values::Times(values) = &self.values else { return };
        let mut texts = Texts::default();
        let mut text = Vec::new();
        for micros in values {
            text.clear();
            moment::push(&mut text, *micros);
            let text = str::from_utf8(&text).unwrap_or_default();
            texts.push(text.trim_matches('"'));
        }
        self.values = Values::Texts(texts);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        match &mut self.values {
            Values::Bools(values) => values.truncate(len),
            Values::Ints(values) | Values::Times(values) => values.truncate(len),
            Values::Floats(values) => values.truncate(len),
            Values::Texts(texts) | Values::Raw(texts) => texts.truncate(len),
            Values::Same(_) => {}
        }
        self.nulls.truncate(len);
    }

    /// The values of these rows.
    pub(super) fn pick(&self, rows: &[usize]) -> Self {
        let mut picked =
            Self { name: self.name.clone(), values: self.values.emptied(), nulls: Nulls::default() };
        for cell in rows.iter().filter_map(|row| self.get(*row)) {
            picked.push(cell);
        }
        picked
    }

    /// About how many bytes of JSON its fields are.
    pub(super) fn bytes(&self, rows: usize) -> usize {
        /// Numbers and booleans are written with about so many characters,
        const SHORT: usize = 8;
        /// and moments with so many.
        const MOMENT: usize = 29;
        let values = match &self.values {
            Values::Bools(_) | Values::Ints(_) | Values::Floats(_) => SHORT * rows,
            Values::Times(_) => MOMENT * rows,
            Values::Texts(texts) => texts.bytes.len() + 2 * rows,
            Values::Raw(texts) => texts.bytes.len(),
            Values::Same(raw) => raw.len() * rows,
        };
        // Quotes, a colon and a comma.
        values + (self.name.len() + 4) * rows
    }

    pub(super) fn weight(&self) -> usize {
        let values = match &self.values {
            Values::Bools(values) => values.len(),
            Values::Ints(values) | Values::Times(values) => size_of_val(&**values),
            Values::Floats(values) => size_of_val(&**values),
            Values::Texts(texts) | Values::Raw(texts) => texts.bytes.len() + size_of_val(&*texts.ends),
            Values::Same(raw) => raw.len(),
        };
        values + self.nulls.present.len()
    }
}

impl Values {
    fn emptied(&self) -> Self {
        match self {
            Self::Bools(_) => Self::Bools(Vec::new()),
            Self::Ints(_) => Self::Ints(Vec::new()),
            Self::Floats(_) => Self::Floats(Vec::new()),
            Self::Times(_) => Self::Times(Vec::new()),
            Self::Texts(_) => Self::Texts(Texts::default()),
            Self::Raw(_) => Self::Raw(Texts::default()),
            Self::Same(raw) => Self::Same(raw.clone()),
        }
    }
}
