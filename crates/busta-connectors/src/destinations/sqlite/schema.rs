//! The schema: which tables and columns there are, kept in `_busta_tables` and `_busta_columns`.
//!
//! # How values are represented
//!
//! A column that has held only one kind of value declares it (`BOOLEAN` as 0 and 1, `INTEGER`,
//! `REAL`, `TEXT`, `JSON TEXT`), and values are stored as that. A `JSON TEXT` column takes any value,
//! as its JSON text.
//!
//! A column that meets a second kind becomes *mixed*: it loses its declared type, because with one
//! SQLite would change values on their way in ("affinity": `'007'` to 7, `1.0` to 1, 2^53+1 to a
//! float). In a mixed column each value has its own storage class, INTEGER, REAL or TEXT, and what
//! has none (booleans, nested values, numbers beyond 64 bits) is a BLOB with its JSON text. So
//! nothing that was stored changes, and comparisons and sums in SQL do what one expects. The type
//! shown for it is the widened one: INTEGER, REAL, TEXT or JSON.
//!
//! When a table has no room for more columns, further fields share the column `_busta_rest`, as one
//! JSON object per row.

use std::collections::{HashMap, HashSet};

use busta_core::destination::SchemaChange;
use rusqlite::{Connection, OptionalExtension, params};

use super::names::{OWN_PREFIX, SYSTEM, column_for, quoted};
use super::rows::{BatchColumn, Kinds};
use super::{history, views, widen};

/// SQLite takes 2,000 columns in a table (SQLITE_MAX_COLUMN); some are ours.
const MAX_FIELDS: usize = 1_990;

/// How the values of a column are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    Boolean,
    Integer,
    Real,
    Text,
    Json,
    Mixed,
}

impl Storage {
    fn of(kinds: Kinds, mixed: bool) -> Self {
        match kinds.type_name() {
            _ if mixed => Self::Mixed,
            "BOOLEAN" => Self::Boolean,
            "INTEGER" => Self::Integer,
            "REAL" => Self::Real,
            "TEXT" => Self::Text,
            _ => Self::Json,
        }
    }

    /// The type in `CREATE TABLE`. `JSON TEXT` contains `TEXT`, which keeps affinity away from it.
    fn declared(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Json => "JSON TEXT",
            Self::Mixed => "",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub field: String,
    pub name: String,
    pub kinds: Kinds,
    pub storage: Storage,
}

impl Column {
    fn new(field: &str, name: String, kinds: Kinds) -> Self {
        let pure = kinds.0.count_ones() == 1 && kinds != Kinds::OTHER;
        let storage = Storage::of(kinds, !pure && !kinds.has(Kinds::NESTED));
        Self { field: field.to_owned(), name, kinds, storage }
    }

    fn takes(&self, kinds: Kinds) -> bool {
        match self.storage {
            Storage::Json | Storage::Mixed => true,
            _ => self.kinds.with(kinds) == self.kinds,
        }
    }

    fn definition(&self) -> String {
        format!("{} {}", quoted(&self.name), self.storage.declared()).trim_end().to_owned()
    }
}

/// A table, and its shadow for rows that wait for the end of their run.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub name: String,
    pub primary_key: Vec<String>,
    /// Whether there is a column `_busta_key` with its unique index.
    pub keyed: bool,
    /// Whether there is a column `_busta_rest`.
    pub rest: bool,
    pub shadow: bool,
    /// Whether there is a log of changes.
    pub logged: bool,
    pub columns: Vec<Column>,
    by_field: HashMap<String, usize>,
    taken: HashSet<String>,
}

impl Table {
    /// The name of the shadow table.
    pub fn shadow_name(&self) -> String {
        format!("{OWN_PREFIX}next_{}", self.name)
    }

    /// The column of a field, if it has one of its own.
    pub fn column(&self, field: &str) -> Option<usize> {
        self.by_field.get(field).copied()
    }

    fn physical(&self) -> Vec<String> {
        let shadow = self.shadow.then(|| self.shadow_name());
        std::iter::once(self.name.clone()).chain(shadow).collect()
    }

    fn push(&mut self, column: Column) {
        self.taken.insert(column.name.to_ascii_lowercase());
        self.by_field.insert(column.field.clone(), self.columns.len());
        self.columns.push(column);
    }

    /// All columns as they are written and copied, in no special order.
    pub fn all_columns(&self) -> Vec<String> {
        let own = SYSTEM.iter().map(|name| quoted(name));
        let fields = self.columns.iter().map(|c| quoted(&c.name));
        let key = self.keyed.then(|| "_busta_key".to_owned());
        let rest = self.rest.then(|| "_busta_rest".to_owned());
        own.chain(fields).chain(key).chain(rest).collect()
    }

    fn create(&self, connection: &Connection, physical: &str) -> rusqlite::Result<()> {
        let fields = self.columns.iter().map(Column::definition);
        let own = SYSTEM.iter().map(|name| format!("{name} TEXT NOT NULL"));
        let key = self.keyed.then(|| "_busta_key".to_owned());
        let rest = self.rest.then(|| "_busta_rest JSON TEXT".to_owned());
        let all: Vec<String> = fields.chain(own).chain(key).chain(rest).collect();
        connection.execute_batch(&format!("CREATE TABLE {} ({})", quoted(physical), all.join(", ")))?;
        if self.keyed {
            index(connection, physical)?;
        }
        Ok(())
    }
}

/// Keys are unique among the rows that have one: rows of `append` streams in the same table do not.
fn index(connection: &Connection, physical: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE UNIQUE INDEX {} ON {} (_busta_source, _busta_key) WHERE _busta_key IS NOT NULL",
        quoted(&format!("{OWN_PREFIX}key_{physical}")),
        quoted(physical)
    ))
}

/// All tables, and what changed since the transaction began.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// By lower-case name, as SQLite sees them.
    tables: HashMap<String, Table>,
    pub changes: Vec<SchemaChange>,
}

/// What a stream wants of its table.
pub(super) struct Wanted<'a> {
    pub table: &'a str,
    pub primary_key: &'a [String],
    pub shadow: bool,
}

impl Catalogue {
    /// Reads the catalogue of a database.
    pub fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut catalogue = Self::default();
        let mut tables =
            connection.prepare_cached("SELECT name, primary_key, keyed, rest, shadow FROM _busta_tables")?;
        let mut rows = tables.query([])?;
        while let Some(row) = rows.next()? {
            let key: String = row.get(1)?;
            let table = Table {
                name: row.get(0)?,
                primary_key: serde_json::from_str(&key).unwrap_or_default(),
                keyed: row.get(2)?,
                rest: row.get(3)?,
                shadow: row.get(4)?,
                logged: false,
                columns: Vec::new(),
                by_field: HashMap::new(),
                taken: HashSet::new(),
            };
            catalogue.tables.insert(table.name.to_ascii_lowercase(), table);
        }
        let mut columns = connection.prepare_cached(
            "SELECT table_name, field, column_name, kinds, mixed FROM _busta_columns ORDER BY rowid",
        )?;
        let mut rows = columns.query([])?;
        while let Some(row) = rows.next()? {
            let kinds = Kinds(row.get(3)?);
            let (field, name) = (row.get(1)?, row.get(2)?);
            let column = Column { field, name, kinds, storage: Storage::of(kinds, row.get(4)?) };
            if let Some(table) = catalogue.tables.get_mut(&row.get::<_, String>(0)?.to_ascii_lowercase()) {
                table.push(column);
            }
        }
        for name in history::logged(connection)? {
            catalogue.now_logged(&name);
        }
        Ok(catalogue)
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(&name.to_ascii_lowercase())
    }

    /// From now on there is a log of changes of that table.
    pub fn now_logged(&mut self, name: &str) {
        if let Some(table) = self.tables.get_mut(&name.to_ascii_lowercase()) {
            table.logged = true;
        }
    }

    /// All tables, by name.
    pub fn tables(&self) -> Vec<&Table> {
        let mut tables: Vec<_> = self.tables.values().collect();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        tables
    }

    /// Makes what is missing of a table. `false` if a table of that name is there and not ours.
    pub fn ensure(&mut self, connection: &Connection, wanted: &Wanted<'_>) -> rusqlite::Result<bool> {
        let keyed = !wanted.primary_key.is_empty();
        let lower = wanted.table.to_ascii_lowercase();
        if !self.tables.contains_key(&lower) {
            let foreign = "SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE";
            if connection.query_row(foreign, [wanted.table], |_| Ok(())).optional()?.is_some() {
                return Ok(false);
            }
            let table = Table {
                name: wanted.table.to_owned(),
                primary_key: wanted.primary_key.to_vec(),
                keyed,
                rest: false,
                shadow: false,
                logged: false,
                columns: Vec::new(),
                by_field: HashMap::new(),
                taken: HashSet::new(),
            };
            table.create(connection, &table.name)?;
            save(connection, &table)?;
            self.tables.insert(lower.clone(), table);
        }
        let Some(table) = self.tables.get_mut(&lower) else { return Ok(true) };
        let before = (table.keyed, table.shadow);
        if keyed && !table.keyed {
            for physical in table.physical() {
                add_column(connection, &physical, "_busta_key")?;
                index(connection, &physical)?;
            }
            table.keyed = true;
            table.primary_key = wanted.primary_key.to_vec();
        }
        if wanted.shadow && !table.shadow {
            table.create(connection, &table.shadow_name())?;
            table.shadow = true;
        }
        if before != (table.keyed, table.shadow) {
            save(connection, table)?;
        }
        Ok(true)
    }

    /// Notes what the rows of a table are told apart by, when rows come in: streams that share a table
    /// may differ, and asking what is there must not write.
    pub fn note_key(&mut self, connection: &Connection, name: &str, key: &[String]) -> rusqlite::Result<()> {
        match self.tables.get_mut(&name.to_ascii_lowercase()) {
            Some(table) if table.primary_key != key => {
                table.primary_key = key.to_vec();
                save(connection, table)
            }
            _ => Ok(()),
        }
    }

    /// Makes room for a batch: adds and widens columns until each of its values has a place.
    /// `cursor` is compared in SQL, so it gets a column before others do.
    pub fn fit(
        &mut self,
        connection: &Connection,
        name: &str,
        batch: &[BatchColumn],
        cursor: Option<&str>,
    ) -> rusqlite::Result<()> {
        let Some(table) = self.tables.get_mut(&name.to_ascii_lowercase()) else { return Ok(()) };
        let fields = batch.iter().filter(|column| !column.kinds.is_empty());
        let mut missing = Vec::new();
        for column in fields {
            match table.column(&column.field) {
                Some(at) if table.columns[at].kinds.with(column.kinds) == table.columns[at].kinds => {}
                Some(at) => widen_column(connection, table, at, column.kinds, &mut self.changes)?,
                None => missing.push(column),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let empty = table.columns.is_empty();
        let room = MAX_FIELDS.saturating_sub(table.columns.len()).min(missing.len());
        if room < missing.len() {
            missing.sort_by_key(|column| Some(&*column.field) != cursor);
        }
        let mut added = Vec::new();
        for column in &missing[..room] {
            let name = column_for(&column.field, &table.taken);
            table.push(Column::new(&column.field, name, column.kinds));
            added.extend(table.columns.last().cloned());
        }
        let overflows = room < missing.len() && !table.rest;
        table.rest |= overflows;
        place(connection, table, &added, overflows, empty)?;
        for column in &added {
            save_column(connection, &table.name, column)?;
            self.changes.push(SchemaChange {
                table: table.name.clone(),
                change: format!("new column {} ({})", column.name, column.kinds.type_name()),
            });
        }
        if overflows {
            save(connection, table)?;
            let change = format!("more than {MAX_FIELDS} fields: further ones go to _busta_rest");
            self.changes.push(SchemaChange { table: table.name.clone(), change });
        }
        Ok(())
    }
}

/// Adds columns to the table and its shadow. A table that has no fields and no rows yet is made
/// anew instead, which puts the fields first and is quicker for two thousand of them.
fn place(
    connection: &Connection,
    table: &Table,
    added: &[Column],
    rest: bool,
    empty: bool,
) -> rusqlite::Result<()> {
    for physical in table.physical() {
        let rows = format!("SELECT 1 FROM {} LIMIT 1", quoted(&physical));
        if empty && connection.query_row(&rows, [], |_| Ok(())).optional()?.is_none() {
            connection.execute_batch(&format!("DROP TABLE {}", quoted(&physical)))?;
            table.create(connection, &physical)?;
            if physical == table.name {
                views::trigger(connection, &table.name)?;
            }
            continue;
        }
        for column in added {
            add_column(connection, &physical, &column.definition())?;
        }
        if rest {
            add_column(connection, &physical, "_busta_rest JSON TEXT")?;
        }
    }
    Ok(())
}

fn widen_column(
    connection: &Connection,
    table: &mut Table,
    at: usize,
    kinds: Kinds,
    changes: &mut Vec<SchemaChange>,
) -> rusqlite::Result<()> {
    let old = table.columns[at].clone();
    let mut new = Column { kinds: old.kinds.with(kinds), ..old.clone() };
    if !old.takes(kinds) {
        new.storage = Storage::Mixed;
        for physical in table.physical() {
            widen::to_mixed(connection, &physical, &old.name, old.storage.declared())?;
        }
    }
    let (from, to) = (old.kinds.type_name(), new.kinds.type_name());
    if from != to {
        let change = format!("{}: {from} -> {to}", old.name);
        changes.push(SchemaChange { table: table.name.clone(), change });
    }
    save_column(connection, &table.name, &new)?;
    table.columns[at] = new;
    Ok(())
}

fn add_column(connection: &Connection, physical: &str, definition: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("ALTER TABLE {} ADD COLUMN {definition}", quoted(physical)))
}

fn save(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    let key = serde_json::Value::from(table.primary_key.clone()).to_string();
    connection
        .prepare_cached(
            "INSERT INTO _busta_tables VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET
             primary_key = ?2, keyed = ?3, rest = ?4, shadow = ?5",
        )?
        .execute(params![table.name, key, table.keyed, table.rest, table.shadow])?;
    Ok(())
}

fn save_column(connection: &Connection, table: &str, column: &Column) -> rusqlite::Result<()> {
    let Column { field, name, kinds, storage } = column;
    connection
        .prepare_cached(
            "INSERT INTO _busta_columns VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET
             type = ?4, kinds = ?5, mixed = ?6",
        )?
        .execute(params![table, field, name, kinds.type_name(), kinds.0, *storage == Storage::Mixed])?;
    Ok(())
}
