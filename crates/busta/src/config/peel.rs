//! Finds all problems where serde stops at the first: takes out what it complained about and asks
//! again.

use busta_core::connector::{Built, ConfigProblem, PathPart};
use serde_json::Value;

use super::suggest::closest;

/// After this many the rest can wait for the next attempt.
const MOST: usize = 25;

/// Tries `attempt` with `keys`, without whatever it refused, until it finds nothing new.
pub fn peel<T>(mut keys: Value, attempt: impl Fn(Value) -> Built<T>) -> Result<T, Vec<ConfigProblem>> {
    let mut peeled = Peeled::default();
    loop {
        let new = match attempt(keys.clone()) {
            Ok(value) if peeled.problems.is_empty() => return Ok(value),
            Ok(_) => return Err(peeled.without_misspelt()),
            Err(new) => new,
        };
        let mut removed = false;
        for problem in new {
            removed |= peeled.take(problem, &mut keys);
        }
        if !removed || peeled.problems.len() >= MOST {
            return Err(peeled.without_misspelt());
        }
    }
}

#[derive(Default)]
struct Peeled {
    problems: Vec<ConfigProblem>,
    /// Whether values that belong there were taken out, so that what comes next may be a consequence.
    incomplete: bool,
}

impl Peeled {
    /// Keeps a problem that is none of the earlier ones' doing; says whether its key was taken out.
    fn take(&mut self, problem: ConfigProblem, keys: &mut Value) -> bool {
        if self.problems.contains(&problem) || self.is_consequence(&problem) {
            return false;
        }
        let removed = match unknown_key(&problem.message) {
            Some(name) => remove_key(keys, &problem.path, name),
            None if is_of_serde(&problem.message) => {
                let removed = remove_last(keys, &problem.path);
                self.incomplete |= removed;
                removed
            }
            None => false,
        };
        self.problems.push(problem);
        removed
    }

    /// A key that is missing because it is misspelt is told once.
    fn without_misspelt(self) -> Vec<ConfigProblem> {
        let is_misspelt = |missing: &ConfigProblem| {
            let Some(name) =
                missing.message.strip_prefix("missing field `").and_then(|m| m.split('`').next())
            else {
                return false;
            };
            self.problems.iter().any(|other| {
                other.path.starts_with(&missing.path)
                    && other.path.len() <= missing.path.len() + 1
                    && unknown_key(&other.message).is_some_and(|wrong| closest(wrong, [name]).is_some())
            })
        };
        let (_, kept) = self.problems.iter().cloned().partition::<Vec<_>, _>(is_misspelt);
        kept
    }

    fn is_consequence(&self, problem: &ConfigProblem) -> bool {
        self.incomplete && (problem.message.starts_with("missing field") || !is_of_serde(&problem.message))
    }
}

/// Whether serde or a type that is read from a text said this, before the connector looked at anything.
fn is_of_serde(message: &str) -> bool {
    let unit = ["is not a duration", "is not a size", "is not a rate", "is not an address", "is not a token"];
    unit.iter().any(|words| message.contains(words))
        || ["invalid type", "invalid value", "unknown variant", "unknown field", "missing field"]
            .iter()
            .any(|start| message.starts_with(start))
}

fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn remove_key(keys: &mut Value, path: &[PathPart], name: &str) -> bool {
    // The path leads either to the mapping or to the key in it.
    let direct = walk(keys, path).and_then(Value::as_object_mut).and_then(|map| map.remove(name));
    direct.is_some()
        || (matches!(path.last(), Some(PathPart::Key(key)) if key == name) && remove_last(keys, path))
}

fn remove_last(keys: &mut Value, path: &[PathPart]) -> bool {
    // An element of a list stays, since taking it out would shift the places of the others.
    let Some((PathPart::Key(key), parents)) = path.split_last() else { return false };
    let parent = walk(keys, parents).and_then(Value::as_object_mut);
    parent.is_some_and(|map| map.remove(key).is_some())
}

fn walk<'a>(value: &'a mut Value, path: &[PathPart]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, part| match part {
        PathPart::Key(key) => value.get_mut(key),
        PathPart::Index(index) => value.get_mut(index),
    })
}
