//! `parquet`: a [lake](super::lake) of Parquet files.
//!
//! Rows wait in staging as lines of JSON or as columns, which is the log; complete files are made of it, in general
//! while the rows still come. So a commit costs what it costs `ndjson`, and no row group has to be cut
//! where a commit happened to end.

mod columns;
mod config;
mod maker;
mod partition;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use busta_core::connector::{Built, DestinationConnector, DestinationContext};
use busta_core::{Destination, Result};
use busta_parquet::{ParquetReader, WriteOptions, check_item};
use serde_json::Value;

pub use config::{Compression, ParquetConfig, TableLayout};
pub use partition::{PartitionKey, Period};

use super::lake::{FileMaker, Form, Format, LakeDestination, Pages, Paths, Points, points};
use columns::{Columns, Layouts};
use maker::ParquetMaker;
use partition::Partitioning;

const POINTS: Points = points!("parquet");

/// Every place where a test can kill the process, in the order of a run.
pub const FAILPOINTS: &[&str] = &POINTS.list();

/// The log of a segment may grow to this many times the size of a file: JSON shrinks to between a
/// quarter and a twentieth.
const MAX_LOG: u64 = 16;

/// `destination: { type: parquet }`.
pub static CONNECTOR: DestinationConnector = DestinationConnector {
    name: "parquet",
    summary: "Parquet files, in one folder per table, in hive-style folders if wanted",
    example: "destination:\n  type: parquet\n  path: lake\n  partition_by: [country, { field: created_at, by: month }]\n",
    schema: |generator| generator.subschema_for::<ParquetConfig>(),
    build,
};

fn build(keys: Value, context: DestinationContext) -> Built<Arc<dyn Destination>> {
    let config = ParquetConfig::read(keys)?;
    let root = context.base_dir.join(&config.path);
    Ok(Arc::new(LakeDestination::new(Arc::new(ParquetFormat::new(&config)), root, context.clock)))
}

/// Parquet files.
#[derive(Debug)]
struct ParquetFormat {
    options: WriteOptions,
    file_size: u64,
    partitioning: Option<Partitioning>,
    layouts: Layouts,
    rewrite_widened: bool,
}

impl ParquetFormat {
    fn new(config: &ParquetConfig) -> Self {
        let partitioning = Partitioning::new(&config.partition_by);
        Self {
            options: config.options(),
            file_size: config.file_size.0,
            partitioning: (!config.partition_by.is_empty()).then_some(partitioning),
            layouts: config.layouts(),
            rewrite_widened: config.rewrite_widened,
        }
    }
}

impl Format for ParquetFormat {
    fn name(&self) -> &'static str {
        CONNECTOR.name
    }

    fn points(&self) -> &'static Points {
        &POINTS
    }

    fn log(&self) -> Form {
        Form::Lines
    }

    fn takes_columns(&self, table: &str) -> bool {
        self.layouts.of(table) == TableLayout::Table
    }

    fn file(&self) -> Form {
        Form::Parquet
    }

    fn is_full(&self, bytes: u64, encoded: Option<u64>) -> bool {
        let enough = match self.partitioning {
            // Its rows go to many files, of which each should become large.
            Some(_) => None,
            None => encoded,
        };
        enough.is_some_and(|encoded| encoded >= self.file_size) || bytes / MAX_LOG >= self.file_size
    }

    fn admit(&self, table: &str, record: &[u8]) -> Result<()> {
        match self.layouts.of(table) {
            TableLayout::Table => Ok(()),
            TableLayout::StacGeoparquet => check_item(record),
        }
    }

    fn begin(&self, table: &str, remembered: Option<&Value>, paths: Paths) -> Result<Box<dyn FileMaker>> {
        let columns = Columns::remembered(self.layouts.of(table), remembered)?;
        let partitioning = self.partitioning.clone();
        Ok(Box::new(ParquetMaker::new(columns, self.options.clone(), self.file_size, partitioning, paths)))
    }

    fn join(&self, known: &Value, found: &Value) -> Result<Value> {
        let mut columns = Columns::decode(known)?;
        columns.widen(&Columns::decode(found)?);
        columns.encode()
    }

    fn remembers(&self, file: File, path: &Path) -> Result<Option<Value>> {
        let reader = ParquetReader::open(file).map_err(|error| error.at(path.display()))?;
        reader.shape().map(|shape| Columns::Table(shape).encode()).transpose()
    }

    fn narrower(&self, found: &Value, known: &Value) -> Result<Vec<String>> {
        match (Columns::decode(found)?, Columns::decode(known)?) {
            (Columns::Table(found), Columns::Table(known)) if self.rewrite_widened => {
                Ok(found.narrower(&known).map(str::to_owned).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn read(&self, file: File, path: &Path) -> Result<Pages> {
        let reader = ParquetReader::open(file).map_err(|error| error.at(path.display()))?;
        // The file says what it is: its table may have had another layout then.
        let is_table = reader.shape().is_some();
        Ok(Box::new(if is_table { reader } else { reader.as_stamped_items() }))
    }
}
