//! `rename`: gives fields other names, or other places.

use std::collections::BTreeMap;

use busta_core::Error;
use busta_core::Result;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Node, Path, Put, Segment};
use super::problems::{Problems, key};
use super::{Outcome, Step, TransformContext, TransformKind};

/// Gives fields other names.
pub static KIND: TransformKind = TransformKind {
    name: "rename",
    summary: "Gives fields other names, or moves them",
    example: "- rename: { ts: created_at, properties.platform: platform, assets.*.href: assets.*.url }\n",
    schema: <RenameConfig as JsonSchema>::json_schema,
    build,
};

/// From the path of a field to its new path. Where both lie in the same object the field keeps its place
/// in it, and `*` may stand in both; otherwise the field is moved. A field that is not there is no
/// mistake; a new path that is taken makes the record fail. All at once: two fields can swap names.
#[derive(Debug, Deserialize, JsonSchema)]
struct RenameConfig(BTreeMap<String, String>);

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let RenameConfig(pairs) = read_config(keys)?;
    let mut problems = Problems::default();
    if pairs.is_empty() {
        problems.add(&[], "the mapping is empty; name at least one field");
    }
    let mut renames = Vec::new();
    for (from, to) in &pairs {
        let place = [key(from)];
        let read = Path::parse(from).and_then(|from| rename(from, Path::parse(to)?));
        renames.extend(problems.keep(&place, read));
    }
    for (index, rename) in renames.iter().enumerate() {
        if renames[..index].iter().any(|other| other.to.segments() == rename.to.segments()) {
            problems.add(
                &[key(&rename.from.to_string())],
                format!("`{}` is the new path of two fields", rename.to),
            );
        }
    }
    let chained = |rename: &Rename| renames.iter().any(|other| other.from.segments() == rename.to.segments());
    let chained = renames.iter().any(chained);
    problems.finish(Box::new(Renames { renames, chained }) as Box<dyn Step>)
}

fn rename(from: Path, to: Path) -> Result<Rename, String> {
    let (Some((Segment::Name(_), old)), Some((Segment::Name(new), parents))) =
        (from.segments().split_last(), to.segments().split_last())
    else {
        return Err(format!("`{from}` and `{to}` must both end with a name"));
    };
    let within = (old == parents).then(|| new.clone());
    if within.is_none() && (from.has_wildcard() || to.has_wildcard()) {
        return Err(format!("with `*` a field can only get another name where it is; `{to}` is elsewhere"));
    }
    if from.segments() == to.segments() {
        return Err(format!("`{from}` is its name already"));
    }
    Ok(Rename { from, to, within })
}

struct Rename {
    from: Path,
    to: Path,
    /// The new name, where the field stays in its object.
    within: Option<String>,
}

struct Renames {
    renames: Vec<Rename>,
    /// Whether a new path is an old one of another field.
    chained: bool,
}

impl Step for Renames {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        if self.chained {
            self.by_moving(record)?;
        } else {
            self.renames.iter().try_for_each(|rename| rename.apply(record))?;
        }
        Ok(Outcome::Kept)
    }
}

impl Renames {
    /// Takes all fields out before any is put back, so that names can be swapped.
    fn by_moving(&self, record: &mut Node<'_>) -> Result<()> {
        let mut taken = Vec::new();
        for rename in &self.renames {
            if rename.from.has_wildcard() {
                rename.apply(record)?;
            } else if let Some(value) = record.take(rename.from.segments())? {
                taken.push((rename, value));
            }
        }
        taken.into_iter().try_for_each(|(rename, value)| rename.put(record, value))
    }
}

impl Rename {
    fn apply(&self, record: &mut Node<'_>) -> Result<()> {
        match (&self.within, self.from.segments().split_last()) {
            (Some(new), Some((Segment::Name(old), parents))) => {
                record.for_each(parents, &mut |parent| parent.rename_field(old, new))
            }
            _ => match record.take(self.from.segments())? {
                Some(value) => self.put(record, value),
                None => Ok(()),
            },
        }
        .map_err(|error| error.at(format!("{} to {}", self.from, self.to)))
    }

    fn put<'a>(&self, record: &mut Node<'a>, value: Node<'a>) -> Result<()> {
        if record.find(self.to.segments())?.is_some() {
            return Err(Error::data(format!("there is a field `{}` already", self.to)));
        }
        record.put(self.to.segments(), Put::Replace, &value)
    }
}
