//! `update`: changes nested fields, in one of three ways.

use std::collections::BTreeMap;

use busta_core::Result;
use busta_core::connector::{Built, ConfigProblem, PathPart, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Node, Put};
use super::set::{Assignment, assign, assignments};
use super::{Outcome, Step, TransformContext, TransformKind};

/// Changes nested fields.
pub static KIND: TransformKind = TransformKind {
    name: "update",
    summary: "Changes nested fields: merges into them, replaces them, or updates only what is there",
    example: "- update:\n    mode: merge\n    set:\n      properties: { provider: { name: example, roles: [host] } }\n      assets.*.title: \"{id}\"\n",
    schema: <UpdateConfig as JsonSchema>::json_schema,
    build,
};

/// The keys as they stand in the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UpdateConfig {
    /// From the path of a field to its value, as in `set`. `assets.*.title` and `links[*].rel` mean the
    /// field in every asset and every link.
    set: BTreeMap<String, Value>,
    /// How a value goes to its place.
    #[serde(default)]
    mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "UpdateMode")]
enum Mode {
    /// An object goes into the object that is there, deep inside too; any other value replaces what is
    /// there.
    #[default]
    Merge,
    /// The value replaces what is there.
    Replace,
    /// The value replaces what is there, and only if something is there.
    UpdateOnly,
}

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let UpdateConfig { set, mode } = read_config(keys)?;
    let below = |problem: ConfigProblem| {
        let path = [vec![PathPart::Key("set".to_owned())], problem.path].concat();
        ConfigProblem { path, ..problem }
    };
    let values = assignments(&set, &[]).map_err(|found| found.into_iter().map(below).collect::<Vec<_>>())?;
    let how = match mode {
        Mode::Merge => Put::Merge,
        Mode::Replace => Put::Replace,
        Mode::UpdateOnly => Put::UpdateOnly,
    };
    Ok(Box::new(Update { values, how }))
}

struct Update {
    values: Vec<Assignment>,
    how: Put,
}

impl Step for Update {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        assign(&self.values, self.how, record)?;
        Ok(Outcome::Kept)
    }
}
