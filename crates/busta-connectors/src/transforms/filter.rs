//! `filter`: keeps the records that fulfil conditions.

use std::collections::BTreeMap;

use busta_core::Result;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::compare::Condition;
use super::document::{Node, Path};
use super::problems::{Problems, key};
use super::{Outcome, Step, TransformContext, TransformKind};

/// Keeps the records that fulfil conditions.
pub static KIND: TransformKind = TransformKind {
    name: "filter",
    summary: "Keeps the records that fulfil conditions and drops the others",
    example: "- filter: { \"properties.eo:cloud_cover\": { lt: 20 }, collection: { in: [sentinel-2-l2a] } }\n",
    schema: <FilterConfig as JsonSchema>::json_schema,
    build,
};

/// From the path of a field to what must be true of it; all must be, for a record to go on. For
/// anything else there is `jq`: `- jq: select(...)`.
#[derive(Debug, Deserialize, JsonSchema)]
struct FilterConfig(BTreeMap<String, Condition>);

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let FilterConfig(conditions) = read_config(keys)?;
    let mut problems = Problems::default();
    if conditions.is_empty() {
        problems.add(&[], "the mapping is empty; name at least one field");
    }
    let mut read = Vec::new();
    for (path, condition) in conditions {
        let place = [key(&path)];
        problems.keep(&place, condition.check());
        read.extend(problems.keep(&place, Path::parse_one(&path)).map(|path| (path, condition)));
    }
    problems.finish(Box::new(Filter(read)) as Box<dyn Step>)
}

struct Filter(Vec<(Path, Condition)>);

impl Step for Filter {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        for (path, condition) in &self.0 {
            let field = record.find(path.segments())?;
            if !condition.holds(field.map(|node| &*node)) {
                return Ok(Outcome::Dropped);
            }
        }
        Ok(Outcome::Kept)
    }
}
