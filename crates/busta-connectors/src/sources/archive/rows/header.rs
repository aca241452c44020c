//! The first row of a file, and which column each field belongs to.

use busta_core::{Error, Result};

use super::cell::fits;
use crate::sources::archive::layout::{Column, HeaderRow, Kind, Table};

/// The columns of a file in its own order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// What each field of a row is.
    pub columns: Vec<Column>,
    /// Columns of the table that the file does not have.
    pub absent: Vec<Column>,
    /// Whether the first row holds names and is no record.
    pub is_header: bool,
}

impl Order {
    /// The order of the table, without a header.
    pub fn of(table: &Table) -> Self {
        Self { columns: table.columns.clone(), absent: Vec::new(), is_header: false }
    }
}

/// What the first row of a file tells.
///
/// Names decide where they differ in number from the table's, or one of them is that of a column at another place; else
/// the table does, since headers are known to be wrong (COIN-M klines of Binance name a base volume as a quote volume).
/// In a file with more or fewer columns, a name that the table does not know is a column of texts.
///
/// # Errors
/// If the names lack one that the table cannot do without, or, where they are as many as its columns, any that is kept:
/// one of the others has taken its place, and nobody knows which.
pub(super) fn order(table: &Table, first: &[&str]) -> Result<Order> {
    let is_header = match table.header {
        HeaderRow::Present => true,
        HeaderRow::Absent => false,
        HeaderRow::Auto => is_header(table, first),
    };
    if !is_header {
        return Ok(Order::of(table));
    }
    let places: Vec<Option<usize>> = first.iter().map(|name| place(table, name)).collect();
    if first.len() != table.columns.len() {
        return by_names(table, first, &places, |column| is_needed(table, &column.name));
    }
    let is_elsewhere = |(at, place): (usize, &Option<usize>)| place.is_some_and(|place| place != at);
    if places.iter().enumerate().any(is_elsewhere) {
        return by_names(table, first, &places, |column| !column.skip);
    }
    Ok(Order { is_header: true, ..Order::of(table) })
}

fn by_names(
    table: &Table,
    first: &[&str],
    places: &[Option<usize>],
    is_needed: impl Fn(&Column) -> bool,
) -> Result<Order> {
    let mut columns: Vec<Column> = Vec::with_capacity(first.len());
    for (name, place) in first.iter().zip(places) {
        let known = place.map(|place| table.columns[place].clone());
        let known = known.filter(|known| columns.iter().all(|column| column.name != known.name));
        columns.push(known.unwrap_or_else(|| unknown(name, &columns)));
    }
    let is_absent = |column: &&Column| columns.iter().all(|known| known.name != column.name);
    let absent: Vec<Column> = table.columns.iter().filter(is_absent).cloned().collect();
    match absent.iter().find(|column| is_needed(column)) {
        None => Ok(Order { columns, absent, is_header: true }),
        Some(column) => Err(Error::data(format!(
            "its header has no column `{}`: it names {}",
            column.name,
            first.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ))
        .hint("the file has another layout than `table` says")),
    }
}

/// A column that the table does not have. A field without a name cannot be in a record.
fn unknown(name: &str, known: &[Column]) -> Column {
    let name = name.trim();
    let skip = name.is_empty() || known.iter().any(|column| column.name == name);
    Column { name: name.to_owned(), kind: Kind::Text, skip }
}

/// Whether a record must have this field.
pub(super) fn is_needed(table: &Table, name: &str) -> bool {
    table.time.as_deref() == Some(name) || table.primary_key.iter().any(|key| key == name)
}

/// Whether the first row holds names: at least half of them are the table's; or it has something in every
/// field, and nothing that would fit a column of numbers, times or booleans.
fn is_header(table: &Table, first: &[&str]) -> bool {
    let known = first.iter().filter(|name| place(table, name).is_some()).count();
    if known > 0 && known * 2 >= first.len() {
        return true;
    }
    let is_name = |text: &&str| {
        !text.trim().is_empty()
            && ![Kind::Number, Kind::Boolean, Kind::Time].iter().any(|kind| fits(text.trim(), *kind))
    };
    table.columns.iter().any(|column| column.kind != Kind::Text) && first.iter().all(is_name)
}

/// Whether a column has this name, however it is written.
pub(super) fn is_column(table: &Table, name: &str) -> bool {
    place(table, name).is_some()
}

/// The place of the column with this name, however it is written: `openTime`, `Open time`.
fn place(table: &Table, name: &str) -> Option<usize> {
    let exact = table.columns.iter().position(|column| column.name == name.trim());
    exact.or_else(|| {
        let wanted = plain(name);
        table.columns.iter().position(|column| !wanted.is_empty() && plain(&column.name) == wanted)
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind, skip: false };
        Table {
            columns: vec![
                column("open_time", Kind::Time),
                column("open", Kind::Number),
                column("side", Kind::Text),
            ],
            header: HeaderRow::Auto,
            primary_key: vec!["symbol".to_owned(), "open_time".to_owned()],
            time: Some("open_time".to_owned()),
            member: None,
            chosen: Default::default(),
            unordered: false,
            regular: false,
            interval: None,
            delimiter: None,
            null_values: Vec::new(),
        }
    }

    fn names(order: &Order) -> Vec<&str> {
        order.columns.iter().map(|column| &*column.name).collect()
    }

    #[test]
    fn content_tells_a_header() {
        let is_header = |first: &[&str]| order(&table(), first).unwrap().is_header;
        assert!(is_header(&["open_time", "open", "side"]));
        assert!(is_header(&["Open time", "Open", "Side"]));
        assert!(is_header(&["when", "what", "who"]));
        assert!(!is_header(&["1704067200000", "1.5", "buy"]));
        // A broken row is a row.
        assert!(!is_header(&["1704067200000", "x", "buy"]));
        assert!(!is_header(&["", "", ""]));
        assert!(!is_header(&["", "x", "buy"]));
    }

    #[test]
    fn other_names_in_the_same_number_change_nothing() {
        let wrong = order(&table(), &["open_time", "open", "quote_volume"]).unwrap();
        assert_eq!(names(&wrong), ["open_time", "open", "side"]);
        assert!(wrong.is_header);
    }

    #[test]
    fn a_name_at_another_place_is_believed() {
        // `side` would have been read as a time, or worse, a price as one.
        for first in [["side", "open_time", "price"], ["price", "open_time", "open"]] {
            let error = order(&table(), &first).unwrap_err();
            assert!(error.message().contains("its header has no column"), "{error}");
            assert!(error.message().contains("`price`"), "{error}");
        }
        // A column that is left out may be called whatever its file likes.
        let mut table = table();
        table.columns[2].skip = true;
        let order = order(&table, &["trader", "open_time", "open"]).unwrap();
        assert_eq!(names(&order), ["trader", "open_time", "open"]);
    }

    #[test]
    fn names_decide_where_the_order_or_number_differs() {
        let turned = order(&table(), &["side", "openTime", "open"]).unwrap();
        assert_eq!(names(&turned), ["side", "open_time", "open"]);
        let more = order(&table(), &["id", "open_time", "open", "side"]).unwrap();
        assert_eq!(names(&more), ["id", "open_time", "open", "side"]);
        assert_eq!(more.columns[0].kind, Kind::Text);
        let fewer = order(&table(), &["open_time", "open"]).unwrap();
        assert_eq!(fewer.absent[0].name, "side");
        let lacking = order(&table(), &["open", "side"]).unwrap_err();
        assert!(lacking.message().contains("no column `open_time`"), "{lacking}");
    }
}
