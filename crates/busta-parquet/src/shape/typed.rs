//! The shape of records that are columns.

use busta_core::columns::{self, Columns, Values};

use super::{Column, Seen};
use crate::value::{Value, exact};

/// What the columns of a file with these would hold.
pub(super) fn shape(columns: &Columns) -> Vec<Column> {
    if columns.rows() == 0 {
        return Vec::new();
    }
    columns.list().iter().map(|column| Column { name: column.name().into(), seen: seen(column) }).collect()
}

fn seen(column: &columns::Column) -> Seen {
    let said = column.rows().is_none_or(|rows| column.nulls().count() < rows);
    if !said {
        return Seen::default();
    }
    match column.values() {
        Values::Bools(_) => Seen::BOOL,
        // Together they are what either is that says more.
        Values::Ints(values) if values.iter().all(|value| exact(*value)) => Seen::INT,
        Values::Ints(_) => Seen::LONG,
        Values::Floats(_) => Seen::FLOAT,
        Values::Times(_) => Seen::TIME,
        // Texts are taken as such, also where they are moments: a column with both holds texts.
        Values::Texts(_) => Seen::TEXT,
        Values::Raw(texts) => {
            let said = (0..texts.ends().len()).filter(|row| !column.nulls().is_null(*row));
            said.fold(Seen::default(), |seen, row| seen.with(Value::seen(texts.get(row))))
        }
        Values::Same(raw) => Value::seen(raw),
    }
}
