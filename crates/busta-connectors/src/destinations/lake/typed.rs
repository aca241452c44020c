//! Batches of columns: what is known of their rows without making a text of any.

use std::fmt::Write as _;

use busta_core::CursorValue;
use busta_core::columns::{Cell, Column, Columns as Batch, Values};
use sha2::{Digest, Sha256};

use super::columns::{OWN_FIELDS, Types};
use super::content;
use super::keys::{RowKey, first_bytes, hash_missing, hash_text, hash_value};
use super::segment::RowKeySpec;

/// Whether its rows can be kept as columns: they have no fields of busta's own, which get other names.
pub(super) fn fits(batch: &Batch) -> bool {
    batch.list().iter().all(|column| !OWN_FIELDS.contains(&column.name()))
}

/// busta's own fields, which are the same in all rows.
pub(super) fn own_columns(own: [&str; 3]) -> Vec<Column> {
    let raw = |value: &str| serde_json::Value::from(value).to_string();
    let column = |(name, value): (&&str, &str)| Column::new(name, Values::Same(raw(value).into()));
    OWN_FIELDS.iter().zip(own).map(column).collect()
}

/// What the columns show for the catalogue.
pub(super) fn types(batch: &Batch) -> Vec<(String, Types)> {
    let types = |column: &Column| {
        let mut types = match column.values() {
            Values::Bools(_) => Types::of("true"),
            Values::Ints(_) => Types::of("1"),
            Values::Floats(_) => Types::of("1.5"),
            Values::Times(_) | Values::Texts(_) => Types::of("\"\""),
            Values::Raw(_) => raw_types(column, batch.rows()),
            Values::Same(raw) => return Types::of(raw),
        };
        let nulls = column.nulls();
        if nulls.count() == batch.rows() {
            types = Types::default();
        }
        if nulls.is_empty() { types } else { types.with(Types::of("null")) }
    };
    batch.list().iter().map(|column| (column.name().to_owned(), types(column))).collect()
}

fn raw_types(column: &Column, rows: usize) -> Types {
    (0..rows).fold(Types::default(), |types, row| match column.get(row) {
        Some(Cell::Raw(raw)) => types.with(Types::of(raw)),
        _ => types,
    })
}

/// Whether the values of the cursor field are numbers; `None` if they may come back from a file as what they
/// were not.
pub(super) fn has_number_cursors(spec: &RowKeySpec, batch: &Batch) -> Option<bool> {
    let Some(column) = spec.cursor.as_ref().and_then(|field| batch.column(field)) else { return Some(false) };
    match column.values() {
        Values::Ints(_) | Values::Floats(_) => Some(true),
        Values::Times(_) | Values::Texts(_) => Some(false),
        Values::Bools(_) | Values::Same(_) | Values::Raw(_) => None,
    }
}

/// The keys of the rows, as they are of their texts. The error says which field is missing.
pub(super) fn keys(spec: &RowKeySpec, batch: &Batch) -> Vec<Result<RowKey, String>> {
    let parts: Vec<Option<&Column>> = spec.fields.iter().map(|field| batch.column(field)).collect();
    let cursor = spec.cursor.as_ref().and_then(|field| batch.column(field));
    let contents = content::of_columns(batch, &spec.ignored);
    let mut text = String::new();
    let mut key = |(row, content)| {
        let mut hash = Sha256::new();
        for (field, part) in spec.fields.iter().zip(&parts) {
            let hashed = part.is_some_and(|column| hash_cell(&mut hash, column, row, &mut text));
            if !hashed {
                hash_missing(&mut hash, spec, field)?;
            }
        }
        let cursor = cursor.and_then(|column| cursor_value(column, row));
        Ok(RowKey { hash: u128::from_le_bytes(first_bytes(hash)), content, cursor })
    };
    contents.into_iter().enumerate().map(&mut key).collect()
}

/// Adds a value to the hash of its row's key, as its JSON text would be; `false` if it is null.
fn hash_cell(hash: &mut Sha256, column: &Column, row: usize, text: &mut String) -> bool {
    text.clear();
    // Writing to memory cannot fail.
    let _ = match (column.values(), column.get(row)) {
        (Values::Same(raw), _) => text.write_str(raw),
        (_, None | Some(Cell::Null)) => return false,
        (_, Some(Cell::Text(text))) => {
            hash_text(hash, text);
            return true;
        }
        (_, Some(cell)) => text.write_str(&json(cell)),
    };
    if text == "null" {
        return false;
    }
    hash_value(hash, text);
    true
}

fn cursor_value(column: &Column, row: usize) -> Option<CursorValue> {
    match (column.values(), column.get(row)) {
        (Values::Same(raw), _) => CursorValue::from_json(raw),
        (_, Some(cell)) => CursorValue::from_json(&json(cell)),
        (_, None) => None,
    }
}

fn json(cell: Cell) -> String {
    let mut text = Vec::with_capacity(32);
    cell.push(&mut text);
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use busta_core::Records;
    use busta_core::columns::Texts;
    use proptest::prelude::*;

    use super::super::columns::Columns;
    use super::*;

    proptest! {
        #[test]
        fn columns_are_known_by_what_their_texts_are(
            rows in prop::collection::vec(
                (
                    any::<Option<i64>>(),
                    any::<Option<String>>(),
                    prop_oneof![Just(Some(5.0)), Just(None), (-1e9..1e9_f64).prop_map(Some)],
                    prop_oneof![Just(None), (0..4_000_000_000_000_000_i64).prop_map(Some)],
                    any::<Option<bool>>(),
                    prop::option::of(prop::sample::select(vec!["[1, {\"a\":null}]", "{\"b\":2.0}", "12.50", "18446744073709551615", "\"x\""])),
                ),
                1..20,
            ),
            key in prop::sample::subsequence(vec!["n", "t", "f", "at", "b", "r", "s", "none"], 1..3),
            cursor in prop::sample::select(vec!["n", "f", "at", "t", "r"]),
        ) {
            let mut batch = Batch::new(vec![
                Column::new("n", Values::Ints(vec![])),
                Column::new("t", Values::Texts(Texts::default())),
                Column::new("f", Values::Floats(vec![])),
                Column::new("at", Values::Times(vec![])),
                Column::new("b", Values::Bools(vec![])),
                Column::new("r", Values::Raw(Texts::default())),
            ]).with("s", "\"BTC\"").with("none", "null");
            for (n, t, f, at, b, r) in &rows {
                let cells = [n.map(Cell::Int), t.as_deref().map(Cell::Text), f.map(Cell::Float), at.map(Cell::Time), b.map(Cell::Bool), r.map(Cell::Raw)];
                for (place, cell) in cells.into_iter().enumerate() {
                    batch.column_mut(place).push(cell.unwrap_or(Cell::Null));
                }
                batch.end_row();
            }
            let spec = RowKeySpec { fields: key.iter().map(|&name| name.to_owned()).collect(), optional: vec![], cursor: Some(cursor.to_owned()), ignored: vec![] };
            let mut columns = Columns::default();
            let records = Records::of_columns(batch.clone());
            let expected: Vec<_> = records.iter().map(|record| RowKey::of(&spec, record, &mut columns)).collect();
            prop_assert_eq!(keys(&spec, &batch), expected);
            prop_assert_eq!(types(&batch), columns.into_list());
        }
    }
}
