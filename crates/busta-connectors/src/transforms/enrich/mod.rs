//! `enrich`: joins records with the rows of a file beside the configuration.

mod side;
mod table;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use busta_core::connector::{Built, PathPart, read_config};
use busta_core::transform::Warning;
use busta_core::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Node, Path, Put};
use super::problems::{Problems, key};
use super::{Outcome, Step, TransformContext, TransformKind};
use crate::formats::json::RecordsPath;
use side::Side;
use table::Table;

/// Joins records with a side file.
pub static KIND: TransformKind = TransformKind {
    name: "enrich",
    summary: "Joins records with the rows of a CSV, JSON or Parquet file by a key",
    example: "- enrich: { file: stations.csv, key: station_id, on: id, fields: [name, height], prefix: station_ }\n",
    schema: <EnrichConfig as JsonSchema>::json_schema,
    build,
};

/// The keys as they stand in the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EnrichConfig {
    /// The file: CSV, JSON, NDJSON (all of them also as `.gz` or `.zst`) or Parquet, by its name. A
    /// relative path starts at the configuration file's folder. It is read anew by every run, and kept in
    /// memory: at most 512 MiB of keys and fields.
    file: PathBuf,
    /// The path of the field in the record that is looked up.
    key: String,
    /// The field of the file's rows that it must equal; `key` if not given. Numbers and texts are
    /// compared as they are written.
    on: Option<String>,
    /// Where the rows are in a JSON file, such as `$.stations`; as for `type: files` if not given.
    records: Option<String>,
    /// The fields to take; all but the key if not given.
    fields: Option<Vec<String>>,
    /// What their names get in front.
    #[serde(default)]
    prefix: String,
    /// The path of the object that they are put into; the record itself if not given. A field that is
    /// there already is replaced.
    into: Option<String>,
    /// What becomes of a record whose key is not in the file.
    #[serde(default)]
    missing: Missing,
    /// What becomes of a key that is twice in the file.
    #[serde(default)]
    duplicates: Duplicates,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MissingRow")]
enum Missing {
    /// It goes on as it is.
    #[default]
    Keep,
    /// It is dropped.
    Drop,
    /// It becomes a failure.
    Fail,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DuplicateRows")]
enum Duplicates {
    /// The source fails, before anything is read.
    #[default]
    Fail,
    /// The first row counts.
    First,
    /// The last row counts.
    Last,
}

fn build(keys: Value, context: &TransformContext) -> Built<Box<dyn Step>> {
    let config: EnrichConfig = read_config(keys)?;
    let mut problems = Problems::default();
    let path = problems.keep(&[key("key")], Path::parse_one(&config.key));
    let into = config.into.as_deref().map(|into| problems.keep(&[key("into")], Path::parse_one(into)));
    let records = match &config.records {
        Some(text) => problems.keep(&[key("records")], text.parse()),
        None => Some(RecordsPath::Auto),
    };
    if config.fields.as_ref().is_some_and(Vec::is_empty) {
        problems.add(&[key("fields")], "the list is empty; leave it out to take all fields");
    }
    let on = config.on.clone().unwrap_or_else(|| config.key.clone());
    if let Some(index) = config.fields.iter().flatten().position(|field| *field == on) {
        let place = [key("fields"), PathPart::Index(index)];
        if config.prefix.is_empty() && config.into.is_none() && on == config.key {
            problems.add(&place, format!("`{on}` is the key, which the record has already"));
        }
    }
    let file = context.base_dir.join(&config.file);
    if let Err(message) = side::check_name(&file) {
        problems.add(&[key("file")], message);
    }
    let side = Side {
        file,
        on,
        fields: config.fields,
        prefix: config.prefix,
        records: records.unwrap_or_default(),
        duplicates: config.duplicates,
    };
    let path = problems.finish(path)?;
    let step = |path| Enrich {
        side,
        key: path,
        into: into.flatten(),
        missing: config.missing,
        table: RwLock::default(),
    };
    path.map(|path| Box::new(step(path)) as Box<dyn Step>).ok_or_else(Vec::new)
}

struct Enrich {
    side: Side,
    key: Path,
    into: Option<Path>,
    missing: Missing,
    table: RwLock<Option<Arc<Table>>>,
}

#[async_trait]
impl Step for Enrich {
    async fn prepare(&self) -> Result<()> {
        let side = self.side.clone();
        let work = tokio::task::spawn_blocking(move || side.load());
        let table =
            work.await.map_err(|e| Error::bug("loading a side file was cut short").caused_by(e))??;
        tracing::info!(
            file = %self.side.file.display(),
            rows = table.rows(),
            memory = %busta_core::units::ByteSize(table.bytes() as u64),
            "side file loaded"
        );
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(table));
        Ok(())
    }

    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(table) = table else { return Err(Error::bug("the side file was not loaded")) };
        let found = record.find(self.key.segments())?.and_then(|node| table::key(node));
        let Some(row) = found.as_deref().and_then(|key| table.get(key)) else {
            return match self.missing {
                Missing::Keep => Ok(Outcome::Kept),
                Missing::Drop => Ok(Outcome::Dropped),
                Missing::Fail => Err(absent(&self.key, found.as_deref(), &self.side)),
            };
        };
        let row = Node::new(row.to_owned());
        match &self.into {
            Some(path) => record.put(path.segments(), Put::Merge, &row),
            None => record.merge_fields(&row),
        }
        .map_err(|error| error.at("the side file's fields"))?;
        Ok(Outcome::Kept)
    }
}

fn absent(path: &Path, key: Option<&str>, side: &Side) -> Error {
    let file = side.file.file_name().unwrap_or_default().display();
    Error::data(match key {
        Some(key) => {
            let key: String = key.chars().take(80).collect();
            format!("there is no row with {} = {key} in {file}", side.on)
        }
        None => format!("`{path}` is no text or number, so nothing in {file} can match it"),
    })
}

#[cfg(test)]
mod tests;
