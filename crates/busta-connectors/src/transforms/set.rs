//! `set`: gives fields values.

use std::collections::BTreeMap;

use busta_core::Result;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Aliases, Node, Path, Put, ValueTemplate};
use super::problems::{Problems, key};
use super::{Outcome, Step, TransformContext, TransformKind};

/// Gives fields values.
pub static KIND: TransformKind = TransformKind {
    name: "set",
    summary: "Gives fields values: fixed ones, or made of other fields",
    example: "- set: { source: example, key: \"{collection}/{id}\", properties.when: \"{properties.datetime}\" }\n",
    schema: <SetConfig as JsonSchema>::json_schema,
    build,
};

/// From the path of a field to its value. In texts `{path}` stands for a field of the record as it is
/// before this transform; a text that is nothing but one placeholder becomes that field's value with its
/// type, or null. `{{` and `}}` are plain braces. Missing objects on the way are made; `*` in a path only
/// meets what is there.
#[derive(Debug, Deserialize, JsonSchema)]
struct SetConfig(BTreeMap<String, Value>);

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let SetConfig(values) = read_config(keys)?;
    Ok(Box::new(Set(assignments(&values, &[])?)))
}

/// What goes where.
pub(super) struct Assignment {
    pub path: Path,
    pub value: ValueTemplate,
}

/// Reads a mapping from paths to values.
pub(super) fn assignments(values: &BTreeMap<String, Value>, aliases: &Aliases) -> Built<Vec<Assignment>> {
    let mut problems = Problems::default();
    if values.is_empty() {
        problems.add(&[], "the mapping is empty; name at least one field");
    }
    let mut read = Vec::new();
    for (path, value) in values {
        let place = [key(path)];
        let path = problems.keep(&place, Path::parse(path));
        let value = problems.keep(&place, ValueTemplate::parse(value, aliases));
        read.extend(path.zip(value).map(|(path, value)| Assignment { path, value }));
    }
    problems.finish(read)
}

/// Puts all values, each made from the record as it is now.
pub(super) fn assign(assignments: &[Assignment], how: Put, record: &mut Node<'_>) -> Result<()> {
    let mut made = Vec::with_capacity(assignments.len());
    for Assignment { path, value } in assignments {
        made.push(value.render(record).map_err(|error| error.at(path))?);
    }
    for (Assignment { path, .. }, value) in assignments.iter().zip(&made) {
        record.put(path.segments(), how, value).map_err(|error| error.at(path))?;
    }
    Ok(())
}

struct Set(Vec<Assignment>);

impl Step for Set {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        assign(&self.0, Put::Replace, record)?;
        Ok(Outcome::Kept)
    }
}
