//! Rows into a table: one prepared statement for a batch, bound and stepped row by row.
//!
//! Several rows per statement were measured and not faster here: the time goes into the tree and the
//! log, not into stepping.

use std::borrow::Cow;
use std::collections::BTreeMap;

use busta_core::dataset::Keep;
use busta_core::{Committed, Error, Result, StreamSpec};
use rusqlite::types::{Null, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};
use serde_json::value::RawValue;

use super::history::{Images, Log};
use super::names::quoted;
use super::rows::{Cell, Kind, Rows};
use super::schema::{Storage, Table};

/// Up to this many columns a statement names them all, so that batches with different fields share
/// it; a wider table gets a statement per set of fields.
const NAME_ALL: usize = 100;

/// Where the rows come from, besides the rows themselves.
pub(super) struct Origin<'a> {
    pub run: &'a str,
    pub source: &'a str,
    pub loaded_at: &'a str,
}

/// Writes a batch into `physical` (the table or its shadow) and counts what became of its rows.
pub(super) fn insert(
    connection: &Connection,
    table: &Table,
    physical: &str,
    rows: &Rows,
    origin: &Origin<'_>,
    log: Option<&mut Log<'_>>,
) -> rusqlite::Result<Committed> {
    let plan = Plan::new(table, rows);
    let keyed = rows.rows.first().is_some_and(|row| row.key.kind != Kind::Null);
    let twin = if keyed { Twin::of(rows.spec.as_deref()) } else { Twin::Beside };
    let mut statement = connection.prepare_cached(&plan.sql(table, physical, twin))?;
    if let Some(log) = log.filter(|_| keyed) {
        let before = log.tally();
        let mut images = Images::new(table, rows, origin, matches!(twin, Twin::Instead(_)));
        plan.write(&mut statement, rows, origin, Some((&mut *log, &mut images)))?;
        return Ok(log.tally().since(before, rows.rows.len() as u64));
    }
    // New rows get the rowids after the greatest one, so the greatest tells how many there are; rows
    // that were replaced keep theirs, and those that were not touched do not count as changes.
    let first = last_row(connection, physical)?;
    let changed = plan.write(&mut statement, rows, origin, None)?;
    let inserted = (last_row(connection, physical)? - first) as u64;
    Ok(Committed {
        inserted,
        updated: changed.saturating_sub(inserted),
        deduped: (rows.rows.len() as u64).saturating_sub(changed),
        ..Committed::default()
    })
}

fn last_row(connection: &Connection, physical: &str) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(&format!("SELECT coalesce(max(_rowid_), 0) FROM {}", quoted(physical)))?
        .query_row([], |row| row.get(0))
}

/// What becomes of a record whose key is there.
#[derive(Clone, Copy)]
enum Twin<'a> {
    /// It is a row of its own.
    Beside,
    /// It takes the other's place, if it says something else and is not older.
    Instead(&'a StreamSpec),
    /// Nothing.
    Dropped,
}

impl<'a> Twin<'a> {
    fn of(spec: Option<&'a StreamSpec>) -> Self {
        match spec {
            None => Self::Beside,
            Some(spec) if spec.dataset.keep == Keep::First => Self::Dropped,
            Some(spec) => Self::Instead(spec),
        }
    }
}

/// Where each column of a batch goes.
struct Plan {
    /// By column of the batch; `None` for those that go to `_busta_rest`, if they have values.
    targets: Vec<Option<(usize, Storage)>>,
    /// The table's columns in the statement: parameter `n + 1` is `columns[n]`.
    columns: Vec<usize>,
}

/// The parameters behind those of the fields.
const RUN: usize = 1;
const SOURCE: usize = 2;
const LOADED_AT: usize = 3;
const KEY: usize = 4;
const REST: usize = 5;

/// What is unique, as the index of keys says it.
const KEY_INDEX: &str = "(_busta_source, _busta_key) WHERE _busta_key IS NOT NULL";

impl Plan {
    fn new(table: &Table, rows: &Rows) -> Self {
        let mut plan = Self { targets: Vec::with_capacity(rows.columns.len()), columns: Vec::new() };
        if table.columns.len() <= NAME_ALL {
            plan.columns.extend(0..table.columns.len());
        }
        for column in &rows.columns {
            let target = table.column(&column.field).map(|at| {
                let param = if table.columns.len() <= NAME_ALL {
                    at
                } else {
                    plan.columns.push(at);
                    plan.columns.len() - 1
                };
                (param + 1, table.columns[at].storage)
            });
            plan.targets.push(target);
        }
        plan
    }

    fn sql(&self, table: &Table, physical: &str, twin: Twin<'_>) -> String {
        let mut columns: Vec<String> =
            self.columns.iter().map(|&at| quoted(&table.columns[at].name)).collect();
        columns.extend(["_busta_run", "_busta_source", "_busta_loaded_at"].map(str::to_owned));
        columns.extend(table.keyed.then(|| "_busta_key".to_owned()));
        columns.extend(table.rest.then(|| "_busta_rest".to_owned()));
        let fields = self.columns.len();
        let own = [
            Some(RUN),
            Some(SOURCE),
            Some(LOADED_AT),
            table.keyed.then_some(KEY),
            table.rest.then_some(REST),
        ];
        let params: Vec<String> = (1..=fields)
            .chain(own.into_iter().flatten().map(|n| fields + n))
            .map(|n| format!("?{n}"))
            .collect();
        let insert = format!(
            "INSERT INTO {} AS old ({}) VALUES ({})",
            quoted(physical),
            columns.join(", "),
            params.join(", ")
        );
        match twin {
            Twin::Beside => insert,
            Twin::Instead(spec) => {
                format!("{insert} ON CONFLICT {KEY_INDEX} DO UPDATE SET {}", self.instead(table, spec))
            }
            Twin::Dropped => format!("{insert} ON CONFLICT {KEY_INDEX} DO NOTHING"),
        }
    }

    /// The new row takes the place of the old as a whole, unless it is older or the same. Fields whose changes are
    /// ignored do not make it another.
    fn instead(&self, table: &Table, spec: &StreamSpec) -> String {
        let mut bound = vec![false; table.columns.len()];
        for &at in &self.columns {
            bound[at] = true;
        }
        let value = |at: usize, name: &str| {
            if bound[at] { format!("excluded.{name}") } else { "NULL".to_owned() }
        };
        let (mut set, mut differ) = (Vec::new(), Vec::new());
        for (at, column) in table.columns.iter().enumerate() {
            let name = quoted(&column.name);
            let new = value(at, &name);
            set.push(format!("{name} = {new}"));
            if !spec.dataset.ignores(&column.field) {
                differ.push(format!("old.{name} IS NOT {new}"));
            }
        }
        if table.rest {
            set.push("_busta_rest = excluded._busta_rest".to_owned());
            differ.push("old._busta_rest IS NOT excluded._busta_rest".to_owned());
        }
        set.extend(["_busta_run", "_busta_loaded_at"].map(|name| format!("{name} = excluded.{name}")));
        let cursor = spec.cursor_field.as_deref().and_then(|field| table.column(field));
        let newer = cursor.map_or_else(String::new, |at| {
            let name = quoted(&table.columns[at].name);
            format!("busta_newer({}, old.{name}) AND ", value(at, &name))
        });
        format!("{} WHERE {newer}({})", set.join(", "), any(&differ))
    }

    /// Writes the rows; how many were inserted or changed, whatever triggers have done besides. With a log, that
    /// is what counts them.
    fn write(
        &self,
        statement: &mut Statement<'_>,
        rows: &Rows,
        origin: &Origin<'_>,
        mut log: Option<(&mut Log<'_>, &mut Images<'_>)>,
    ) -> rusqlite::Result<u64> {
        let mut changed = 0;
        let fields = self.columns.len();
        let params = statement.parameter_count();
        statement.raw_bind_parameter(fields + RUN, origin.run)?;
        statement.raw_bind_parameter(fields + SOURCE, origin.source)?;
        statement.raw_bind_parameter(fields + LOADED_AT, origin.loaded_at)?;
        let rest = params >= fields + REST;
        // The row in which each parameter was bound last: what a row does not have must become NULL.
        let mut bound = vec![0u32; fields + 1];
        for (n, (row, record, cells)) in rows.iter().enumerate() {
            let n = n as u32 + 1;
            let mut further = BTreeMap::new();
            for &cell in cells {
                match self.targets[cell.column as usize] {
                    Some((param, storage)) if cell.kind != Kind::Null => {
                        bind(statement, param, rows, record, cell, storage)?;
                        bound[param] = n;
                    }
                    Some(_) => {}
                    None => drop(further.insert(cell.column, cell)),
                }
            }
            for (param, last) in bound.iter_mut().enumerate().skip(1) {
                if *last != n && *last != 0 {
                    statement.raw_bind_parameter(param, Null)?;
                    *last = 0;
                }
            }
            if row.key.kind != Kind::Null {
                bind(statement, fields + KEY, rows, record, row.key, Storage::Mixed)?;
            }
            if rest {
                let object = (!further.is_empty()).then(|| object_of(rows, record, &further));
                statement.raw_bind_parameter(fields + REST, object)?;
            }
            match &mut log {
                None => changed += statement.raw_execute()? as u64,
                Some((log, images)) => {
                    let mut json = Cow::Borrowed(&[][..]);
                    let key = value(rows, record, row.key, Storage::Mixed, &mut json);
                    log.step(statement, origin.source, key, &mut images.of(record, cells))?;
                }
            }
        }
        Ok(changed)
    }
}

/// The conditions joined by OR as a balanced tree: SQLite takes no deeper one than 1,000.
pub(super) fn any(conditions: &[String]) -> String {
    match conditions {
        [] => "0".to_owned(),
        [one] => one.clone(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            format!("({} OR {})", any(left), any(right))
        }
    }
}

/// A value that is already in SQLite's terms.
struct Raw<'a>(ValueRef<'a>);

impl ToSql for Raw<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

fn bind(
    statement: &mut Statement<'_>,
    param: usize,
    rows: &Rows,
    record: &[u8],
    cell: Cell,
    storage: Storage,
) -> rusqlite::Result<()> {
    let mut json = Cow::Borrowed(&[][..]);
    statement.raw_bind_parameter(param, Raw(value(rows, record, cell, storage, &mut json)))
}

/// A cell in SQLite's terms; `json` holds its text where that is made for it.
fn value<'a, 'b>(
    rows: &'a Rows,
    record: &'a [u8],
    cell: Cell,
    storage: Storage,
    json: &'b mut Cow<'a, [u8]>,
) -> ValueRef<'b> {
    match (storage, cell.kind) {
        (_, Kind::Null) => ValueRef::Null,
        (Storage::Json, _) => {
            *json = rows.json(record, cell);
            ValueRef::Text(json)
        }
        (Storage::Boolean, Kind::Boolean) | (_, Kind::Integer) => ValueRef::Integer(cell.data as i64),
        (_, Kind::Real) => ValueRef::Real(f64::from_bits(cell.data)),
        (_, Kind::Text | Kind::Unescaped | Kind::Composite) => ValueRef::Text(rows.bytes(record, cell)),
        (_, Kind::Boolean | Kind::Nested | Kind::Other) => {
            *json = rows.json(record, cell);
            ValueRef::Blob(json)
        }
    }
}

/// The fields for which there is no column, as a JSON object.
fn object_of(rows: &Rows, record: &[u8], cells: &BTreeMap<u32, Cell>) -> String {
    let fields: BTreeMap<&str, Box<RawValue>> = cells
        .values()
        .filter_map(|&cell| {
            let json = String::from_utf8_lossy(&rows.json(record, cell)).into_owned();
            let value = RawValue::from_string(json).ok()?;
            Some((&*rows.columns[cell.column as usize].field, value))
        })
        .collect();
    serde_json::to_string(&fields).unwrap_or_default()
}

/// The table of a batch's stream must have been prepared.
pub(super) fn unprepared(stream: &str) -> Error {
    Error::bug(format!("stream `{stream}` was not prepared"))
}

/// The staged body back in our own type.
pub(super) fn rows_of(body: &(dyn std::any::Any + Send + Sync)) -> Result<std::sync::Arc<Rows>> {
    body.downcast_ref::<std::sync::Arc<Rows>>()
        .cloned()
        .ok_or_else(|| Error::bug("the batch was staged by another destination"))
}
