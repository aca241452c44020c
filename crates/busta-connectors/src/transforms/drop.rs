//! `drop`: removes fields.

use busta_core::Result;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Node, Path};
use super::{Outcome, Step, TransformContext, TransformKind};

/// Removes fields.
pub static KIND: TransformKind = TransformKind {
    name: "drop",
    summary: "Removes fields",
    example: "- drop: [links, properties.internal, assets.*.alternate]\n",
    schema: <DropConfig as JsonSchema>::json_schema,
    build,
};

/// The paths of the fields to remove. `*` stands for every field or element. A field that is not there
/// is no mistake.
#[derive(Debug, Deserialize, JsonSchema)]
struct DropConfig(Vec<String>);

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let DropConfig(texts) = read_config(keys)?;
    Ok(Box::new(Drop(super::select::paths(&texts)?)))
}

struct Drop(Vec<Path>);

impl Step for Drop {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        self.0.iter().try_for_each(|path| record.remove(path.segments()))?;
        Ok(Outcome::Kept)
    }
}
