//! Rows of columns as JSON.

use std::ops::Range;

use super::{Cell, Column, Columns, Values};
use crate::moment;

impl Columns {
    /// The JSON texts of rows, one behind the other, and where they lie.
    pub fn text(&self, rows: impl Iterator<Item = usize>) -> (Vec<u8>, Vec<Range<u32>>) {
        let leads = self.leads();
        // A sample of them, or all.
        let count = rows.size_hint().0.min(self.rows());
        let bytes = self.bytes() / self.rows().max(1) * count;
        let (mut buffer, mut spans) = (Vec::with_capacity(bytes), Vec::with_capacity(count));
        for row in rows {
            let start = buffer.len() as u32;
            self.push_row(&mut buffer, row, &leads);
            // Batches are far smaller than 4 GiB.
            spans.push(start..buffer.len() as u32);
        }
        (buffer, spans)
    }

    /// `"name":` of each column; of those that are the same everywhere, also the value.
    fn leads(&self) -> Vec<Vec<u8>> {
        let lead = |column: &Column| {
            let mut lead = Vec::new();
            push_text(&mut lead, column.name());
            lead.push(b':');
            if let Values::Same(raw) = column.values() {
                lead.extend_from_slice(raw.as_bytes());
            }
            lead
        };
        self.list().iter().map(lead).collect()
    }

    fn push_row(&self, out: &mut Vec<u8>, row: usize, leads: &[Vec<u8>]) {
        out.push(b'{');
        let mut is_first = true;
        for (column, lead) in self.list().iter().zip(leads) {
            let cell = column.get(row);
            if self.is_sparse && cell == Some(Cell::Null) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            out.extend_from_slice(lead);
            if let Some(cell) = cell {
                cell.push(out);
            }
        }
        out.push(b'}');
    }
}

impl Cell<'_> {
    /// Appends its JSON text.
    pub fn push(self, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match self {
            Self::Null => return out.extend_from_slice(b"null"),
            Self::Time(micros) => return moment::push(out, micros),
            Self::Text(text) => return push_text(out, text),
            Self::Raw(json) => return out.extend_from_slice(json.as_bytes()),
            Self::Bool(value) => serde_json::to_writer(out, &value),
            Self::Int(value) => serde_json::to_writer(out, &value),
            Self::Float(value) => serde_json::to_writer(out, &value),
        };
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{Nulls, Texts};
    use super::*;

    fn sample() -> Columns {
        let names = ["id", "price", "ok", "time", "note", "tags"];
        let kinds = [
            Values::Ints(vec![]),
            Values::Floats(vec![]),
            Values::Bools(vec![]),
            Values::Times(vec![]),
            Values::Texts(Texts::default()),
            Values::Raw(Texts::default()),
        ];
        let list = names.iter().zip(kinds).map(|(name, values)| Column::new(name, values)).collect();
        Columns::new(list).with("symbol", "\"BTC\"")
    }

    fn texts(columns: &Columns) -> Vec<Value> {
        let (buffer, spans) = columns.text(0..columns.rows());
        let row = |span: Range<u32>| &buffer[span.start as usize..span.end as usize];
        spans.into_iter().map(|span| serde_json::from_slice(row(span)).unwrap()).collect()
    }

    #[test]
    fn rows_are_records() {
        let mut columns = sample();
        let cells = [
            Cell::Int(-7),
            Cell::Float(5.0),
            Cell::Bool(true),
            Cell::Time(1),
            Cell::Text("a\"b\n"),
            Cell::Raw("[1]"),
        ];
        for (place, cell) in cells.into_iter().enumerate() {
            assert!(columns.column_mut(place).push(cell));
        }
        assert!(!columns.column_mut(0).push(Cell::Text("7")));
        columns.end_row();
        // Half a row that turns out to be none.
        assert!(columns.column_mut(0).push(Cell::Null));
        columns.drop_row();
        columns.end_row();
        assert_eq!(
            texts(&columns),
            [
                json!({"id": -7, "price": 5.0, "ok": true, "time": "1970-01-01T00:00:00.000001Z", "note": "a\"b\n", "tags": [1], "symbol": "BTC"}),
                json!({"id": null, "price": null, "ok": null, "time": null, "note": null, "tags": null, "symbol": "BTC"}),
            ]
        );
        assert_eq!(texts(&columns.filter(|row| row == 1)), texts(&columns)[1..]);
        let sparse = columns.clone().sparse();
        assert_eq!(texts(&sparse)[0], texts(&columns)[0]);
        assert_eq!(texts(&sparse.filter(|row| row == 1)), [json!({"symbol": "BTC"})]);
        let list = columns.list().to_vec();
        assert_eq!(Columns::of(2, list.clone()), Some(columns));
        assert_eq!(Columns::of(3, list), None);
        assert_eq!(Texts::of("é".to_owned(), vec![1, 2]), None);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            cells in prop::collection::vec((any::<Option<i64>>(), any::<Option<String>>(), any::<bool>()), 0..40)
        ) {
            let list = vec![
                Column::new("n", Values::Ints(Vec::new())),
                Column::new("t", Values::Texts(Texts::default())),
            ];
            let mut columns = Columns::new(list);
            let mut expected = Vec::new();
            for (number, text, stays) in &cells {
                columns.column_mut(0).push(number.map_or(Cell::Null, Cell::Int));
                columns.column_mut(1).push(text.as_deref().map_or(Cell::Null, Cell::Text));
                if *stays {
                    columns.end_row();
                    expected.push(json!({"n": number, "t": text}));
                } else {
                    columns.drop_row();
                }
            }
            prop_assert_eq!(texts(&columns), expected.clone());
            for column in columns.list() {
                let nulls = column.nulls();
                prop_assert_eq!(nulls.is_empty(), (0..columns.rows()).all(|row| !nulls.is_null(row)));
                prop_assert_eq!(Nulls::of(nulls.present().to_vec()), nulls.clone());
            }
            let odd = expected.into_iter().enumerate().filter(|(row, _)| row % 2 == 1);
            prop_assert_eq!(texts(&columns.filter(|row| row % 2 == 1)), odd.map(|(_, row)| row).collect::<Vec<_>>());
        }
    }
}
