//! `select`: keeps some fields and drops the rest.

use busta_core::Result;
use busta_core::connector::{Built, PathPart, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Node, Path, Selection};
use super::problems::Problems;
use super::{Outcome, Step, TransformContext, TransformKind};

/// Keeps some fields.
pub static KIND: TransformKind = TransformKind {
    name: "select",
    summary: "Keeps some fields and drops the rest",
    example: "- select: [id, properties.datetime, assets.*.href]\n",
    schema: <SelectConfig as JsonSchema>::json_schema,
    build,
};

/// The paths of the fields to keep. `*` stands for every field or element. Objects and lists in which
/// nothing is selected are dropped too.
#[derive(Debug, Deserialize, JsonSchema)]
struct SelectConfig(Vec<String>);

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let SelectConfig(texts) = read_config(keys)?;
    Ok(Box::new(Select(Selection::new(paths(&texts)?))))
}

/// A list of paths, which must not be empty.
pub(super) fn paths(texts: &[String]) -> Built<Vec<Path>> {
    let mut problems = Problems::default();
    if texts.is_empty() {
        problems.add(&[], "the list is empty; name at least one field");
    }
    let read = |(index, text): (usize, &String)| problems.keep(&[PathPart::Index(index)], Path::parse(text));
    let paths = texts.iter().enumerate().filter_map(read).collect();
    problems.finish(paths)
}

struct Select(Selection);

impl Step for Select {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        self.0.apply(record)?;
        Ok(Outcome::Kept)
    }
}
