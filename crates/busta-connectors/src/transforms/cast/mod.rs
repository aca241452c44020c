//! `cast`: makes values of other types, without losing anything.

mod convert;
mod datetime;

use std::collections::BTreeMap;

use busta_core::Result;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Node, Path};
use super::problems::{Problems, key};
use super::{Outcome, Step, TransformContext, TransformKind};

/// Makes values of other types.
pub static KIND: TransformKind = TransformKind {
    name: "cast",
    summary: "Makes values of other types: int, float, bool, text, datetime, json",
    example: "- cast: { price: float, quantity: int, created: datetime, \"assets.*.raw\": json }\n",
    schema: <CastConfig as JsonSchema>::json_schema,
    build,
};

/// From the path of a field to the type its value gets. A value that is not of that type without a loss
/// makes the record fail. Null and fields that are not there stay so.
#[derive(Debug, Deserialize, JsonSchema)]
struct CastConfig(BTreeMap<String, Type>);

/// The types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "CastType")]
pub(super) enum Type {
    /// A whole number: from `"42"` and `42.0`, not from `42.5` or `"042"`.
    Int,
    /// A number: from `"1.5"` too. Its digits stay as they are.
    Float,
    /// From `true`, `false` in any case, `1` and `0`, as texts too.
    Bool,
    /// From numbers and booleans too, as they are written.
    Text,
    /// RFC 3339 in UTC: from RFC 3339, RFC 2822, `2024-05-01`, `2024-05-01 12:30:00` (UTC if no zone is
    /// given), and from Unix time in seconds, milliseconds, microseconds or nanoseconds, by its size.
    Datetime,
    /// The value that a text holds as JSON. Other values stay.
    Json,
}

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let CastConfig(types) = read_config(keys)?;
    let mut problems = Problems::default();
    if types.is_empty() {
        problems.add(&[], "the mapping is empty; name at least one field");
    }
    let read = |(path, to): (&String, &Type)| Some((problems.keep(&[key(path)], Path::parse(path))?, *to));
    let casts = types.iter().filter_map(read).collect();
    problems.finish(Box::new(Cast(casts)) as Box<dyn Step>)
}

struct Cast(Vec<(Path, Type)>);

impl Step for Cast {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        for (path, to) in &self.0 {
            record
                .for_each(path.segments(), &mut |node| {
                    if let Some(json) = convert::convert(node, *to)? {
                        node.replace(Node::new(json));
                    }
                    Ok(())
                })
                .map_err(|error| error.at(path))?;
        }
        Ok(Outcome::Kept)
    }
}

#[cfg(test)]
mod tests;
