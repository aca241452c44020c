//! `validate`: holds records against a JSON Schema, or against the schemas of STAC.

mod load;
mod report;
mod stac;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use busta_core::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::Node;
use super::problems::{Problems, key};
use super::{Outcome, Step, TransformContext, TransformKind};
use load::Loaded;
pub(super) use report::first_rule;

/// Holds records against schemas.
pub static KIND: TransformKind = TransformKind {
    name: "validate",
    summary: "Holds records against a JSON Schema, or against the schemas of STAC",
    example: "- validate: { schema: stac, extensions: schemas/, strict: true }\n",
    schema: <ValidateConfig as JsonSchema>::json_schema,
    build,
};

/// The keys as they stand in the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ValidateConfig {
    /// `stac` for the core schemas of STAC 1.0.0 and 1.1.0, by each record's `type` and `stac_version`,
    /// and those of the extensions that it names; the path of a schema file; or a schema itself.
    schema: Value,
    /// Whether a record that is not valid becomes a failure. If not, it goes on, and a warning is given.
    #[serde(default = "yes")]
    strict: bool,
    /// A folder of extension schemas, since nothing is fetched. That of `https://HOST/PATH` is the file
    /// `HOST/PATH` or `PATH` in it: `stac-extensions.github.io/eo/v1.1.0/schema.json` or
    /// `eo/v1.1.0/schema.json`. An extension without a schema here makes the record invalid.
    extensions: Option<PathBuf>,
}

fn yes() -> bool {
    true
}

/// What to validate against.
#[derive(Clone, Debug)]
enum Wanted {
    Stac,
    File(PathBuf),
    Inline(Value),
}

fn build(keys: Value, context: &TransformContext) -> Built<Box<dyn Step>> {
    let config: ValidateConfig = read_config(keys)?;
    let mut problems = Problems::default();
    let wanted = match config.schema {
        Value::String(name) if name == "stac" => Wanted::Stac,
        Value::String(path) if !path.is_empty() => Wanted::File(context.base_dir.join(path)),
        schema @ Value::Object(_) => {
            let loaded = load::load(&Wanted::Inline(schema.clone()), None);
            problems.keep(&[key("schema")], loaded.map_err(|error| error.message().to_owned()));
            Wanted::Inline(schema)
        }
        _ => {
            problems.add(&[key("schema")], "expected `stac`, the path of a schema, or a schema");
            Wanted::Stac
        }
    };
    let extensions = config.extensions.map(|folder| context.base_dir.join(folder));
    if extensions.is_some() && matches!(wanted, Wanted::Inline(_)) {
        problems.add(&[key("extensions")], "only `schema: stac` and schema files can use other schemas");
    }
    let rule = match &wanted {
        Wanted::Stac => "validate stac".to_owned(),
        Wanted::File(path) => format!("validate {}", path.file_name().unwrap_or_default().display()),
        Wanted::Inline(_) => "validate".to_owned(),
    };
    let step = Validate { wanted, strict: config.strict, extensions, rule, loaded: RwLock::default() };
    problems.finish(Box::new(step) as Box<dyn Step>)
}

struct Validate {
    wanted: Wanted,
    strict: bool,
    extensions: Option<PathBuf>,
    rule: String,
    loaded: RwLock<Option<Arc<Loaded>>>,
}

#[async_trait]
impl Step for Validate {
    fn schema(&self) -> Option<&str> {
        Some(self.rule.strip_prefix("validate ").unwrap_or("schema"))
    }

    async fn prepare(&self) -> Result<()> {
        let (wanted, extensions) = (self.wanted.clone(), self.extensions.clone());
        let work = tokio::task::spawn_blocking(move || load::load(&wanted, extensions.as_deref()));
        let loaded = work.await.map_err(|e| Error::bug("loading schemas was cut short").caused_by(e))??;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(loaded));
        Ok(())
    }

    fn apply<'a>(&self, record: &mut Node<'a>, warnings: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(loaded) = loaded else { return Err(Error::bug("the schemas were not loaded")) };
        let value = record.to_value()?;
        match loaded.check(&value) {
            Ok(()) => {}
            Err(message) if self.strict => return Err(Error::data(message)),
            Err(message) => warnings.push(Warning { rule: self.rule.clone(), message }),
        }
        Ok(Outcome::Kept)
    }
}

#[cfg(test)]
mod tests;
