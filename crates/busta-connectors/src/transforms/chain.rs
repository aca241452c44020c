//! All transforms of a source, one after the other.

use std::collections::HashSet;

use async_trait::async_trait;
use busta_core::connector::{Built, ConfigProblem, PathPart};
use busta_core::quality::SchemaQuality;
use busta_core::transform::{Transformed, Warning};
use busta_core::{Failure, Records, Result, Stage, StreamName, Transform};
use serde_json::Value;

use super::document::{Kind, Node};
use super::output::Output;
use super::validate::first_rule;
use super::{Outcome, Step, TransformContext, TransformKind};
use crate::jq::Spare;

/// The transforms of a source.
pub struct Chain(Vec<Link>);

/// A transform in its place.
pub struct Link {
    /// `transforms[2] cast`
    place: String,
    step: Box<dyn Step>,
}

impl Chain {
    /// Transforms, in order.
    pub fn new(links: Vec<Link>) -> Self {
        Self(links)
    }
}

/// Reads the element `index` of `transforms:`, a mapping with one key that names its kind.
pub fn read(
    index: usize,
    element: Value,
    kinds: &[&'static TransformKind],
    context: &TransformContext,
) -> Built<Link> {
    let list = || kinds.iter().map(|kind| format!("`{}`", kind.name)).collect::<Vec<_>>().join(", ");
    let wrong = |message: String| vec![ConfigProblem { path: Vec::new(), message }];
    let Value::Object(map) = element else {
        return Err(wrong(format!("expected a mapping with one key, one of {}", list())));
    };
    if map.len() != 1 {
        return Err(wrong(format!("expected just one key, one of {}; each transform is an element", list())));
    }
    let Some((name, value)) = map.into_iter().next() else { return Err(Vec::new()) };
    let Some(kind) = kinds.iter().find(|kind| kind.name == name) else {
        return Err(wrong(format!("unknown transform `{name}`, expected one of {}", list())));
    };
    let step = (kind.build)(value, context).map_err(|mut problems| {
        problems.iter_mut().for_each(|problem| problem.path.insert(0, PathPart::Key(name.clone())));
        problems
    })?;
    Ok(Link { place: format!("transforms[{index}] {name}"), step })
}

#[async_trait]
impl Transform for Chain {
    async fn prepare(&self) -> Result<()> {
        for link in &self.0 {
            link.step.prepare().await.map_err(|error| error.at(&link.place))?;
        }
        Ok(())
    }

    fn apply(&self, _: &StreamName, records: &Records) -> Transformed {
        let _spare = Spare::begin();
        let mut output = Output::new(records);
        let mut failures = Vec::new();
        let mut warnings = Vec::new();
        let mut dropped = 0;
        let mut from = Vec::new();
        let mut said = Said::default();
        let mut schemas: Vec<_> =
            self.0.iter().map(|link| link.step.schema().map(SchemaQuality::new)).collect();
        for (index, json) in records.iter().enumerate() {
            let known = warnings.len();
            match self.record(json, &mut said, &mut warnings, &mut schemas).and_then(|made| {
                output.push(&made)?;
                Ok(made.len())
            }) {
                Ok(0) => dropped += 1,
                // A batch has fewer than 2^32 records.
                Ok(made) if records.has_origins() => from.extend(std::iter::repeat_n(index as u32, made)),
                Ok(_) => {}
                Err(error) => {
                    said.forget();
                    // What was doubtful about a record that fails is of no interest any more.
                    warnings.truncate(known);
                    output.skip();
                    failures.push(Failure::item(
                        Stage::Transform,
                        position(records, index),
                        &error,
                        Some(json),
                    ));
                }
            }
        }
        let made = output.finish();
        // Where nothing has changed, these are the same records with all that is known of them.
        let made = if made.has_origins() { made } else { made.made_from(records, &from) };
        let validated = schemas.into_iter().flatten().collect();
        Transformed { records: made, failures, dropped, warnings, validated }
    }
}

impl Chain {
    /// What one record becomes. It fails as a whole: if one of several outputs fails, none goes on.
    fn record<'a>(
        &self,
        json: &'a [u8],
        said: &mut Said,
        warnings: &mut Vec<Warning>,
        schemas: &mut [Option<SchemaQuality>],
    ) -> Result<Vec<Node<'a>>> {
        said.next();
        let mut made = vec![Node::record(json)?];
        for ((place, link), schema) in self.0.iter().enumerate().zip(schemas) {
            let mut next = Vec::with_capacity(made.len());
            for mut record in made {
                let known = warnings.len();
                let outcome = link.step.apply(&mut record, warnings);
                if let Some(schema) = schema {
                    let doubt = warnings.get(known).map(|warning| &*warning.message);
                    note(schema, outcome.as_ref().map_or_else(|error| Some(error.message()), |_| doubt));
                }
                match outcome.map_err(|error| error.at(&link.place))? {
                    Outcome::Kept => next.push(record),
                    Outcome::Once(what) => {
                        if !said.again(place, what) {
                            next.push(record);
                        }
                    }
                    Outcome::Dropped => {}
                    Outcome::Replaced(records) => next.extend(records),
                }
            }
            made = next;
        }
        Ok(made)
    }
}

/// Counts a record that a schema allows, or what it says against it.
fn note(schema: &mut SchemaQuality, complaint: Option<&str>) {
    match complaint {
        None => schema.valid += 1,
        Some(complaint) => {
            let (rule, example) = first_rule(complaint);
            schema.refuse(rule, example);
        }
    }
}

/// What the records of a batch have said, and at which transform.
#[derive(Default)]
struct Said {
    all: HashSet<(usize, String)>,
    /// What the record has said that is being transformed.
    now: Vec<(usize, String)>,
}

impl Said {
    fn next(&mut self) {
        self.now.clear();
    }

    fn again(&mut self, place: usize, what: String) -> bool {
        let what = (place, what);
        if !self.all.insert(what.clone()) {
            return true;
        }
        self.now.push(what);
        false
    }

    /// The record fails, so one that says the same is no repetition.
    fn forget(&mut self) {
        for what in self.now.drain(..) {
            self.all.remove(&what);
        }
    }
}

/// Where a failure was, for people: the record's place in its file and its own `id`, as far as they are
/// known. Its place in the batch is the last resort, since it depends on how the source happened to be cut.
fn position(records: &Records, index: usize) -> String {
    let id = Node::record(records.get(index)).ok().and_then(|mut record| {
        let id = record.find(super::document::Path::field("id").segments()).ok()??;
        match id.kind() {
            Kind::Text | Kind::Number => Some(id.json().chars().take(200).collect::<String>()),
            _ => None,
        }
    });
    match id {
        Some(id) if records.has_origins() => format!("{} (record with id {id})", records.position(index)),
        Some(id) => format!("record with id {id}"),
        None => records.position(index),
    }
}
