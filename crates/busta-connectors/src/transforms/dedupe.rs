//! `dedupe`: of records that say the same, the first of a batch.

use busta_core::Result;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Node, Path};
use super::problems::{Problems, key};
use super::select::paths;
use super::{Outcome, Step, TransformContext, TransformKind};
use crate::name_key::name_key;

/// Drops repetitions within a batch.
pub static KIND: TransformKind = TransformKind {
    name: "dedupe",
    summary: "Drops records whose fields repeat those of one before it in the same batch",
    example: "- dedupe: { fields: [seller] }\n",
    schema: <DedupeConfig as JsonSchema>::json_schema,
    build,
};

/// The keys as they stand in the configuration.
///
/// A transform sees one batch: a page, a file, or a piece of one. Repetitions farther apart are told by the
/// destination: `primary_key`, with `datasets: { TABLE: { keep: first } }` if the first is to stay.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DedupeConfig {
    /// The paths of the fields that together say what a record is. Texts are compared by their value and
    /// everything else as it is written; a field that is not there is null. A record in which all of them
    /// are null repeats no other.
    fields: Vec<String>,
    /// Compares texts as names, by their letters and digits, of any script, without regard to case, width, blanks and
    /// punctuation: `Acme Corp.` repeats `ACME-CORP`. It is the rule of `name_key` in jq programs.
    #[serde(default)]
    names: bool,
}

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let config: DedupeConfig = read_config(keys)?;
    let mut problems = Problems::default();
    let fields = paths(&config.fields).map_err(|wrong| {
        for mut problem in wrong {
            problem.path.insert(0, key("fields"));
            problems.add(&problem.path, problem.message);
        }
    });
    let fields = problems.finish(fields.unwrap_or_default())?;
    Ok(Box::new(Dedupe { fields, names: config.names }))
}

struct Dedupe {
    fields: Vec<Path>,
    names: bool,
}

impl Step for Dedupe {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        let (mut said, mut says) = (String::new(), false);
        for path in &self.fields {
            record.for_each(path.segments(), &mut |node| {
                // Two ways of escaping are one text.
                match node.as_text() {
                    Some(text) if self.names => said.push_str(&Node::string(&name_key(&text)).json()),
                    Some(text) => said.push_str(&Node::string(&text).json()),
                    None => said.push_str(&node.json()),
                }
                says |= node.kind() != super::document::Kind::Null;
                said.push(',');
                Ok(())
            })?;
            said.push(';');
        }
        Ok(if says { Outcome::Once(said) } else { Outcome::Kept })
    }
}
