//! Filters and orders in SQL, such that they mean what [`busta_core::reading`] says.
//!
//! Where a column holds one kind of value, SQLite compares by itself; values are bound as parameters, and
//! `+column` keeps it from changing their types ("affinity"). The rest is compared by functions of ours.

use std::borrow::Cow;

use busta_core::Result;
use busta_core::reading::{Condition, ORDERED_CHARACTERS, Operator, Order, OrderKey, RowQuery, Value};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::names::{SYSTEM, quoted};
use super::read::is_json;
use super::schema::{Storage, Table};

/// A condition and the column that it looks at.
#[derive(Clone)]
struct Test {
    condition: Condition,
    column: String,
    storage: Storage,
}

/// The filter of a query.
pub(super) struct Filter(Vec<Test>);

impl Filter {
    /// The filter and the order of a query whose columns the table has.
    pub fn of(query: &RowQuery, table: &Table) -> Result<Self> {
        query.check(field_names(table).into_iter())?;
        let test = |condition: &Condition| {
            let (column, storage) = resolve(table, &condition.column);
            Test { condition: condition.clone(), column, storage }
        };
        Ok(Self(query.filter.iter().map(test).collect()))
    }

    /// Whether every row passes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The SQL, each condition beginning with ` AND `, whose parameters are numbered from `first` on.
    pub fn sql(&self, first: usize) -> String {
        let mut parameter = first;
        let mut sql = String::new();
        for (n, test) in self.0.iter().enumerate() {
            sql.push_str(" AND ");
            sql.push_str(&test.sql(n, parameter));
            parameter += usize::from(test.compares());
        }
        sql
    }

    /// The parameters of the SQL.
    pub fn parameters(&self) -> impl Iterator<Item = SqlValue> {
        self.0.iter().filter(|test| test.compares()).map(|test| {
            match Value::of_scalar(&test.condition.value) {
                Value::Integer(n) => SqlValue::Integer(n),
                Value::Real(n) => SqlValue::Real(n),
                Value::Boolean(value) => SqlValue::Integer(value.into()),
                Value::Text(text) => SqlValue::Text(text.into_owned()),
                Value::Null | Value::Other(_) => SqlValue::Null,
            }
        })
    }

    /// Lends the connection `busta_holds(n, value)`: whether condition `n` holds for a value. Only if a
    /// condition needs it, since all statements of the connection must then be prepared again.
    pub fn lend(&self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.0.iter().any(Test::is_ours) {
            return Ok(());
        }
        let tests = self.0.clone();
        connection.create_scalar_function("busta_holds", 2, FunctionFlags::SQLITE_DETERMINISTIC, move |of| {
            let test = tests.get(of.get::<u32>(0)? as usize);
            Ok(test.is_some_and(|test| value(of.get_raw(1), test.storage).meets(&test.condition)))
        })
    }
}

impl Test {
    /// Whether SQLite compares column and value by itself: both are of one type.
    fn compares(&self) -> bool {
        let Condition { operator, value, .. } = &self.condition;
        *operator != Operator::Contains
            && match self.storage {
                Storage::Integer | Storage::Real => value.is_number(),
                Storage::Text => value.is_string(),
                Storage::Boolean => value.is_boolean(),
                Storage::Json | Storage::Mixed => false,
            }
    }

    /// Whether SQLite asks us.
    fn is_ours(&self) -> bool {
        let of_null = self.condition.value.is_null()
            && matches!(self.condition.operator, Operator::Equal | Operator::NotEqual);
        !of_null
            && (self.condition.operator == Operator::Contains
                || matches!(self.storage, Storage::Json | Storage::Mixed))
    }

    fn sql(&self, number: usize, parameter: usize) -> String {
        let Self { condition: Condition { operator, value, .. }, column, .. } = self;
        match operator {
            Operator::Equal if value.is_null() => format!("{column} IS NULL"),
            Operator::NotEqual if value.is_null() => format!("{column} IS NOT NULL"),
            _ if self.is_ours() => format!("busta_holds({number}, {column})"),
            Operator::Equal if self.compares() => format!("+{column} IS ?{parameter}"),
            Operator::NotEqual if self.compares() => format!("+{column} IS NOT ?{parameter}"),
            other if self.compares() => format!("+{column} {other} ?{parameter}"),
            // A value of another type is not equal, and neither less nor greater.
            Operator::NotEqual => "1".to_owned(),
            _ => "0".to_owned(),
        }
    }
}

/// The order of a query.
pub(super) struct Sorting {
    key: String,
    pub descending: bool,
    storage: Storage,
}

impl Sorting {
    /// By a column that the table has.
    pub fn of(order: &Order, table: &Table) -> Self {
        let (column, storage) = resolve(table, &order.column);
        let key = match storage {
            Storage::Boolean | Storage::Integer | Storage::Real => format!("+{column}"),
            // A text is cut only where it must be: bytes are counted without looking at them.
            Storage::Text => format!(
                "CASE WHEN octet_length({column}) <= {ORDERED_CHARACTERS} THEN {column} ELSE busta_key({column}) END"
            ),
            Storage::Json | Storage::Mixed => format!("busta_key({column})"),
        };
        Self { key, descending: order.descending, storage }
    }

    /// What rows are ordered by, in SQL.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The condition for rows after the one whose key is `?2` and whose rowid is `?1`; rows have their key
    /// as `_busta_order`, a name that no field gets.
    pub fn after(&self, after: Option<&OrderKey>) -> String {
        match (after, self.descending) {
            (None, _) => "1".to_owned(),
            (Some(OrderKey::Null), false) => "(_busta_order IS NOT NULL OR _rowid_ > ?1)".to_owned(),
            (Some(OrderKey::Null), true) => "(_busta_order IS NULL AND _rowid_ > ?1)".to_owned(),
            (Some(_), false) => "(_busta_order > ?2 OR (_busta_order = ?2 AND _rowid_ > ?1))".to_owned(),
            (Some(_), true) => {
                "(_busta_order < ?2 OR (_busta_order = ?2 AND _rowid_ > ?1) OR _busta_order IS NULL)"
                    .to_owned()
            }
        }
    }

    /// Lends the connection `busta_key(value)`: what decides where a value stands.
    pub fn lend(&self, connection: &Connection) -> rusqlite::Result<()> {
        let storage = self.storage;
        connection.create_scalar_function("busta_key", 1, FunctionFlags::SQLITE_DETERMINISTIC, move |of| {
            Ok(parameter(&OrderKey::of(&value(of.get_raw(0), storage))))
        })
    }

    /// The key in a row of the result.
    pub fn read(&self, key: ValueRef<'_>) -> OrderKey {
        match key {
            ValueRef::Blob(json) => OrderKey::Other(String::from_utf8_lossy(json).into_owned()),
            ValueRef::Text(text) => OrderKey::Text(String::from_utf8_lossy(text).into_owned()),
            other => OrderKey::of(&value(other, self.storage)),
        }
    }

    /// A key as the parameter of a statement.
    pub fn bound(&self, key: &OrderKey) -> SqlValue {
        match (key, self.storage) {
            (OrderKey::Other(json), Storage::Boolean) => SqlValue::Integer((json == "true").into()),
            _ => parameter(key),
        }
    }
}

/// Numbers, texts and the rest have the same order in SQLite as keys have: blobs come last.
fn parameter(key: &OrderKey) -> SqlValue {
    match key {
        OrderKey::Null => SqlValue::Null,
        OrderKey::Integer(n) => SqlValue::Integer(*n),
        OrderKey::Real(bits) => SqlValue::Real(f64::from_bits(*bits)),
        OrderKey::Text(text) => SqlValue::Text(text.clone()),
        OrderKey::Other(json) => SqlValue::Blob(json.clone().into_bytes()),
    }
}

/// The fields of a table, and our own columns.
fn field_names(table: &Table) -> Vec<&str> {
    let own = SYSTEM.into_iter().filter(|own| table.column(own).is_none());
    table.columns.iter().map(|column| &*column.field).chain(own).collect()
}

/// The column of a field, quoted. Only names that the table has get here.
fn resolve(table: &Table, field: &str) -> (String, Storage) {
    match table.column(field) {
        Some(at) => (quoted(&table.columns[at].name), table.columns[at].storage),
        None => (quoted(field), Storage::Text),
    }
}

/// A stored value as it is compared.
pub(super) fn value(stored: ValueRef<'_>, storage: Storage) -> Value<'_> {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) if storage == Storage::Boolean && (n == 0 || n == 1) => Value::Boolean(n == 1),
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(n) => Value::Real(n),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(json) if is_stored_json(stored, storage) => Value::of(json),
            Ok(text) => Value::Text(Cow::Borrowed(text)),
            Err(_) => Value::Text(String::from_utf8_lossy(bytes)),
        },
    }
}

fn is_stored_json(stored: ValueRef<'_>, storage: Storage) -> bool {
    match stored {
        ValueRef::Text(json) => storage == Storage::Json && is_json(json),
        ValueRef::Blob(json) => is_json(json),
        _ => false,
    }
}
