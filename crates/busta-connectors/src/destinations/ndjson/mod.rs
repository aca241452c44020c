//! `ndjson`: a [lake](super::lake) of files of one JSON object per line. A segment is complete as it
//! lies in staging, so that sealing it is a rename.

mod config;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use busta_core::connector::{Built, DestinationConnector, DestinationContext};
use busta_core::{Destination, Error, Result};
use serde_json::Value;

pub use config::{Compression, NdjsonConfig};

use super::lake::{FileMaker, Form, Format, LakeDestination, LineMaker, Pages, Paths, Points, points};

const POINTS: Points = points!("ndjson");

/// Every place where a test can kill the process, in the order of a run.
pub const FAILPOINTS: &[&str] = &POINTS.list();

/// `destination: { type: ndjson }`.
pub static CONNECTOR: DestinationConnector = DestinationConnector {
    name: "ndjson",
    summary: "files of one JSON object per line, in one folder per table",
    example: "destination:\n  type: ndjson\n  path: lake\n  compression: zstd\n",
    schema: |generator| generator.subschema_for::<NdjsonConfig>(),
    build,
};

fn build(keys: Value, context: DestinationContext) -> Built<Arc<dyn Destination>> {
    let config = NdjsonConfig::read(keys)?;
    let form = match config.compression {
        Compression::None => Form::Lines,
        Compression::Zstd => Form::Zstd,
    };
    let format = Arc::new(NdjsonFormat { form, file_size: config.file_size.0 });
    Ok(Arc::new(LakeDestination::new(format, context.base_dir.join(&config.path), context.clock)))
}

/// Files of lines, compressed or not.
#[derive(Debug, Default)]
pub(super) struct NdjsonFormat {
    form: Form,
    file_size: u64,
}

impl Format for NdjsonFormat {
    fn name(&self) -> &'static str {
        CONNECTOR.name
    }

    fn points(&self) -> &'static Points {
        &POINTS
    }

    fn log(&self) -> Form {
        self.form
    }

    fn file(&self) -> Form {
        self.form
    }

    fn is_full(&self, bytes: u64, _encoded: Option<u64>) -> bool {
        bytes >= self.file_size
    }

    fn begin(&self, _table: &str, _remembered: Option<&Value>, paths: Paths) -> Result<Box<dyn FileMaker>> {
        Ok(Box::new(LineMaker::begin(self.form, paths)?))
    }

    fn join(&self, _known: &Value, found: &Value) -> Result<Value> {
        Ok(found.clone())
    }

    fn read(&self, _file: File, path: &Path) -> Result<Pages> {
        Err(Error::bug(format!("{} is in a lake of lines", path.display())))
    }
}
