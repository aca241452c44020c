//! Edits by hand: checked, written and logged in one transaction of the writer's.

use std::path::Path;
use std::sync::Arc;

use busta_core::reading::history::{EDIT_ROWS, Edit, EditWork, Edited, JsonText, RowKey};
use busta_core::{Error, ErrorKind, RecordsBuilder, Result, SourceName, StreamSpec};
use chrono::{DateTime, Utc};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};

use super::super::SqliteDestination;
use super::super::errors::At;
use super::super::insert::{Origin, insert};
use super::super::names::quoted;
use super::super::read::find;
use super::super::schema::{Catalogue, Table};
use super::super::stage::stage;
use super::fields::Fields;
use super::image::{self, Image};
use super::keys::{candidates, owned, sources_in};
use super::log::{By, Log};
use super::tables::stamp;
use super::{undo, unlogged};

/// Carries out an edit.
pub(super) async fn run(destination: &SqliteDestination, edit: Edit) -> Result<Edited> {
    // What is not there is not made.
    destination.view(&edit.table, |_| Ok(())).await?;
    let now = destination.clock.now();
    destination
        .handle()?
        .run(move |session| {
            let path = session.location().path.clone();
            session.transaction(
                |connection, catalogue| {
                    whole(connection, &path, || apply(connection, catalogue, &path, &edit, now))
                },
                "sqlite.edit.before_commit",
                "sqlite.edit.after_commit",
            )?
        })
        .await
}

/// Takes back what an edit has done so far that is refused, or comes to nothing. It ends without a change but without
/// an error of the transaction, after which the writer would open the database anew.
fn whole(
    connection: &Connection,
    path: &Path,
    edit: impl FnOnce() -> Result<Edited>,
) -> Result<Result<Edited>> {
    connection.execute_batch("SAVEPOINT edit").at(path)?;
    let outcome = edit();
    let refused =
        |error: &Error| matches!(error.kind(), ErrorKind::Data | ErrorKind::Conflict | ErrorKind::NotFound);
    let ending = match outcome {
        Err(error) if !refused(&error) => return Err(error),
        Ok(Edited { change: Some(_), .. }) => "RELEASE edit",
        _ => "ROLLBACK TO edit; RELEASE edit",
    };
    connection.execute_batch(ending).at(path)?;
    Ok(outcome)
}

fn apply(
    connection: &Connection,
    catalogue: &Catalogue,
    path: &Path,
    edit: &Edit,
    now: DateTime<Utc>,
) -> Result<Edited> {
    let table = find(catalogue, &edit.table)?;
    let undoes = if let EditWork::Undo(change) = edit.work { Some(change) } else { None };
    let by = By::Edit { who: &edit.who, action: edit.work.action(), undoes };
    let log = Log::open(connection, table, by, now).at(path)?.ok_or_else(|| unlogged(&table.name))?;
    let key = table.primary_key.clone();
    // Rows that are there may lack a part of it.
    let spec =
        StreamSpec { table: table.name.clone(), optional_key: key.clone(), ..StreamSpec::new("edit", key) };
    let mut editor =
        Editor { connection, path, table, log, spec: Arc::new(spec), run: String::new(), at: stamp(now) };
    let change = editor.log.episode().at(path)?;
    editor.run = format!("edit-{change}");
    let records = match &edit.work {
        EditWork::Insert(records) => editor.insert(edit.source.as_ref(), records)?,
        EditWork::Update { key, fields } => vec![editor.update(edit.source.as_ref(), key, fields)?],
        EditWork::Remove(keys) => editor.remove(edit.source.as_ref(), keys)?,
        EditWork::Undo(undone) => undo::undo(&mut editor, *undone, change as u64)?,
    };
    let (count, change) = (editor.log.count(), (!editor.log.is_empty()).then_some(change as u64));
    editor.log.close().at(path)?;
    Ok(Edited { change, count, records })
}

/// An edit that is being carried out.
pub(super) struct Editor<'a> {
    pub connection: &'a Connection,
    pub path: &'a Path,
    pub table: &'a Table,
    pub log: Log<'a>,
    spec: Arc<StreamSpec>,
    /// What stands in `_busta_run` and `_busta_loaded_at` of the rows.
    run: String,
    at: String,
}

/// A row that is there.
pub(super) struct Standing {
    pub source: String,
    pub key: SqlValue,
    pub image: String,
}

impl Editor<'_> {
    fn insert(&mut self, source: Option<&SourceName>, records: &[JsonText]) -> Result<Vec<JsonText>> {
        check_number(records.len())?;
        let source = source.ok_or_else(|| {
            Error::data("new rows must belong to a source")
                .hint("give `source`: one that lands in this table")
        })?;
        let mut written = Vec::with_capacity(records.len());
        for record in records {
            let fields = Fields::checked(self.table, record)?;
            let key = fields.key(&self.table.primary_key)?;
            if let [there, ..] = &self.standing(&key, Some(source))?[..] {
                let key = Image::parse(&there.image)?.key(&self.table.primary_key)?;
                return Err(Error::conflict(format!("there is a row {key} in `{}`", self.table.name))
                    .hint("change that one instead"));
            }
            let (run, at) = (self.run.clone(), self.at.clone());
            written.push(self.put(source.as_str(), &fields.json(), &run, &at)?);
        }
        Ok(written)
    }

    fn update(&mut self, source: Option<&SourceName>, key: &RowKey, fields: &JsonText) -> Result<JsonText> {
        let changes = Fields::checked(self.table, fields)?;
        let standing = self.one(key, source)?;
        let image = Image::parse(&standing.image)?;
        let fields = Fields::read(image.fields)?.with(changes, &self.table.primary_key)?;
        let (run, at) = (self.run.clone(), self.at.clone());
        let changed = self.put(&standing.source, &fields.json(), &run, &at)?;
        if self.log.is_empty() { image.record(&standing.source) } else { Ok(changed) }
    }

    fn remove(&mut self, source: Option<&SourceName>, keys: &[RowKey]) -> Result<Vec<JsonText>> {
        check_number(keys.len())?;
        let mut gone = Vec::with_capacity(keys.len());
        for key in keys {
            let standing = self.one(key, source)?;
            self.delete(&standing, true)?;
            gone.push(Image::parse(&standing.image)?.record(&standing.source)?);
        }
        Ok(gone)
    }

    /// The one row that a key names.
    fn one(&self, key: &RowKey, source: Option<&SourceName>) -> Result<Standing> {
        let mut found = self.standing(key, source)?;
        if found.len() > 1 {
            let sources: Vec<&str> = found.iter().map(|standing| standing.source.as_str()).collect();
            return Err(Error::conflict(format!(
                "{key} names {} rows of `{}`",
                found.len(),
                self.table.name
            ))
            .hint(format!("give the `source` ({}), or the key as JSON", sources.join(", "))));
        }
        found.pop().ok_or_else(|| Error::not_found(format!("there is no row {key} in `{}`", self.table.name)))
    }

    /// The rows that a key may mean.
    fn standing(&self, key: &RowKey, source: Option<&SourceName>) -> Result<Vec<Standing>> {
        let keys = candidates(key, &self.table.primary_key)?;
        let places: Vec<String> = (2..keys.len() + 2).map(|n| format!("?{n}")).collect();
        let table = quoted(&self.table.name);
        let sql = format!(
            "SELECT _rowid_, {} FROM {table} WHERE _busta_key IN ({}) AND _busta_source IN
             (SELECT ?1 WHERE ?1 NOTNULL UNION ALL SELECT source FROM ({}) WHERE ?1 ISNULL)",
            self.table.all_columns().join(", "),
            places.join(", "),
            sources_in(&table, "_busta_source", "_busta_key")
        );
        let source = source.map_or(SqlValue::Null, |source| SqlValue::Text(source.as_str().to_owned()));
        let read = || -> rusqlite::Result<Vec<Standing>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter([source].into_iter().chain(keys)))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let mut image = Vec::new();
                image::write(self.table, row, &mut image)?;
                found.push(Standing {
                    source: row.get(2)?,
                    key: owned(row.get_ref(self.log.key_column())?),
                    image: String::from_utf8_lossy(&image).into_owned(),
                });
            }
            Ok(found)
        };
        read().at(self.path)
    }

    /// The row of a source with exactly that key.
    pub fn exactly(&self, source: &str, key: &SqlValue) -> Result<Option<Standing>> {
        let sql = format!(
            "SELECT _rowid_, {} FROM {} WHERE _busta_source = ?1 AND _busta_key = ?2",
            self.table.all_columns().join(", "),
            quoted(&self.table.name)
        );
        let read = || -> rusqlite::Result<Option<Standing>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(rusqlite::params![source, key])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let mut image = Vec::new();
            image::write(self.table, row, &mut image)?;
            let image = String::from_utf8_lossy(&image).into_owned();
            Ok(Some(Standing { source: source.to_owned(), key: key.clone(), image }))
        };
        read().at(self.path)
    }

    /// Writes a row, new or in the place of the one with its key, and gives it as a record.
    pub fn put(&mut self, source: &str, fields: &str, run: &str, at: &str) -> Result<JsonText> {
        let mut records = RecordsBuilder::default();
        records.push(fields.as_bytes());
        let (rows, refused) = stage(Some(self.spec.clone()), &records.finish());
        if let Some(failure) = refused.first() {
            return Err(Error::data(failure.reason.clone()));
        }
        let origin = Origin { run, source, loaded_at: at };
        insert(self.connection, self.table, &self.table.name, &rows, &origin, Some(&mut self.log))
            .at(self.path)?;
        let [run, at] = [run, at].map(|text| serde_json::Value::from(text).to_string());
        Image::parse(&format!("[{run},{at},{fields}]"))?.record(source)
    }

    /// Removes a row. If it is `held`, collections do not bring it back.
    pub fn delete(&mut self, standing: &Standing, held: bool) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE _busta_source = ?1 AND _busta_key = ?2{}",
            quoted(&self.table.name),
            self.log.returning()
        );
        let mut work = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(rusqlite::params![standing.source, standing.key])?;
            while let Some(row) = rows.next()? {
                self.log.gone(row, false)?;
            }
            if held { self.log.hold(&standing.source, (&standing.key).into()) } else { Ok(()) }
        };
        work().at(self.path)
    }
}

fn check_number(rows: usize) -> Result<()> {
    match rows {
        0 => Err(Error::data("nothing is to be changed").hint("name at least one row")),
        1..=EDIT_ROWS => Ok(()),
        _ => Err(Error::data(format!("{rows} rows are too many for one edit"))
            .hint(format!("send {EDIT_ROWS} at a time"))),
    }
}
