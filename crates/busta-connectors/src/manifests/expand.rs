//! A section of a manifest with the values of parameters in the place of its expressions.

use std::collections::BTreeMap;

use busta_core::connector::{ConfigProblem, PathPart};
use serde_json::{Map, Value};

use super::expression::{Scope, Text, evaluate};
use super::manifest::Manifest;

/// Keys that say whether and how often what they stand in is there.
const IF: &str = "if";
const EACH: &str = "each";
const AS: &str = "as";

/// A section with its expressions replaced, and where everything in it comes from.
#[derive(Debug, Default)]
pub struct Expansion {
    /// What it became; null if it was left out as a whole.
    pub value: Value,
    /// Where its values come from.
    pub origins: Vec<Origin>,
    /// Expressions that failed, at their places in the manifest.
    pub problems: Vec<Failed>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The place of the value in what was made.
    pub made: Vec<PathPart>,
    /// The place in the manifest.
    pub manifest: Vec<PathPart>,
    /// The parameters that it was made of.
    pub parameters: Vec<String>,
    /// Whether it is the one parameter's value as it was given, so that places in it are places in that.
    pub unchanged: bool,
}

/// An expression that failed.
#[derive(Debug)]
pub struct Failed {
    /// Where it stands in the manifest, and why it failed.
    pub problem: ConfigProblem,
    /// The parameters that it looks at.
    pub parameters: Vec<String>,
}

/// Expands what stands at `place` of a manifest.
///
/// An expression that gives nothing or null leaves out the key or element that it is the value of. A mapping
/// with `if: $(…)` is left out if that gives false or null; an element of a list with `each: $(…)` and
/// `as: name` is there once for each element of that list, which its expressions see as `.name`.
pub fn expand(section: &Value, place: Vec<PathPart>, scope: &Scope, names: &Names) -> Expansion {
    let mut expander = Expander { names, made: Vec::new(), manifest: place, expansion: Expansion::default() };
    let value = expander.value(section, scope);
    Expansion { value: value.unwrap_or_default(), ..expander.expansion }
}

/// The names that expressions may look at, and the parameters that stand behind each.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<String, Vec<String>>);

impl Names {
    /// Those of a manifest's parameters.
    pub fn of(manifest: &Manifest) -> Self {
        let own = |name: &String| (name.clone(), vec![name.clone()]);
        Self(manifest.config.parameters.keys().map(own).collect())
    }

    /// Adds the name of something that is made of parameters.
    pub fn define(&mut self, name: &str, parameters: impl Iterator<Item = String>) {
        let mut parameters: Vec<String> = parameters.collect();
        parameters.sort();
        parameters.dedup();
        self.0.insert(name.to_owned(), parameters);
    }

    /// The parameters that a text is made of.
    fn behind(&self, text: &Text<'_>) -> Vec<String> {
        let names = text.looks_at(self.0.keys());
        names.iter().filter_map(|name| self.0.get(name)).flatten().cloned().collect()
    }
}

struct Expander<'a> {
    names: &'a Names,
    made: Vec<PathPart>,
    manifest: Vec<PathPart>,
    expansion: Expansion,
}

impl Expander<'_> {
    fn value(&mut self, value: &Value, scope: &Scope) -> Option<Value> {
        self.origin(Vec::new(), false);
        match value {
            Value::String(text) => self.text(text, scope),
            Value::Array(items) => Some(Value::Array(self.list(items, scope))),
            Value::Object(map) => self.wanted(map, scope).then(|| Value::Object(self.map(map, scope))),
            other => Some(other.clone()),
        }
    }

    fn text(&mut self, text: &str, scope: &Scope) -> Option<Value> {
        let parsed = match Text::parse(text) {
            Ok(parsed) => parsed,
            Err(why) => return self.failed(why, Vec::new()),
        };
        if parsed.programs().next().is_none() {
            return parsed.value(scope).ok().flatten();
        }
        let parameters = self.names.behind(&parsed);
        match parsed.value(scope) {
            Ok(value) => {
                let unchanged = parsed.stands_for().is_some_and(|name| parameters == [name]);
                self.origin(parameters, unchanged);
                value
            }
            Err(why) => self.failed(why, parameters),
        }
    }

    fn map(&mut self, map: &Map<String, Value>, scope: &Scope) -> Map<String, Value> {
        let mut made = Map::new();
        for (key, value) in map {
            if key == IF && condition(value).is_some() {
                continue;
            }
            let key_part = PathPart::Key(key.clone());
            self.manifest.push(key_part.clone());
            self.made.push(key_part);
            made.extend(self.value(value, scope).map(|value| (key.clone(), value)));
            self.made.pop();
            self.manifest.pop();
        }
        made
    }

    fn list(&mut self, items: &[Value], scope: &Scope) -> Vec<Value> {
        let mut made = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.manifest.push(PathPart::Index(index));
            for (item, scope) in self.repeated(item, scope) {
                self.made.push(PathPart::Index(made.len()));
                made.extend(self.value(&item, &scope));
                self.made.pop();
            }
            self.manifest.pop();
        }
        made
    }

    /// An element as often as its `each` says, each time with what its expressions see.
    fn repeated(&mut self, item: &Value, scope: &Scope) -> Vec<(Value, Scope)> {
        let each = item.get(EACH).and_then(Value::as_str).and_then(|text| program(text));
        let (Some(each), Some(Value::String(name))) = (each, item.get(AS)) else {
            return vec![(item.clone(), scope.clone())];
        };
        let mut rest = item.clone();
        if let Some(rest) = rest.as_object_mut() {
            rest.retain(|key, _| key != EACH && key != AS);
        }
        let with = |value: Value| {
            let mut scope = scope.clone();
            scope.insert(name.clone(), value);
            (rest.clone(), scope)
        };
        match evaluate(each, scope) {
            Ok(Some(Value::Array(values))) => values.into_iter().map(with).collect(),
            Ok(None | Some(Value::Null)) => Vec::new(),
            Ok(Some(_)) => {
                self.failed(format!("`each: $({each})` gives no list"), Vec::new());
                Vec::new()
            }
            Err(why) => {
                self.failed(why, Vec::new());
                Vec::new()
            }
        }
    }

    /// Whether a mapping is there, by its `if`.
    fn wanted(&mut self, map: &Map<String, Value>, scope: &Scope) -> bool {
        let Some(program) = map.get(IF).and_then(condition) else { return true };
        match evaluate(program, scope) {
            Ok(value) => !matches!(value, None | Some(Value::Null | Value::Bool(false))),
            Err(why) => {
                self.failed(why, Vec::new());
                false
            }
        }
    }

    fn origin(&mut self, parameters: Vec<String>, unchanged: bool) {
        let (made, manifest) = (self.made.clone(), self.manifest.clone());
        self.expansion.origins.push(Origin { made, manifest, parameters, unchanged });
    }

    fn failed(&mut self, why: String, parameters: Vec<String>) -> Option<Value> {
        let problem = ConfigProblem { path: self.manifest.clone(), message: why };
        self.expansion.problems.push(Failed { problem, parameters });
        None
    }
}

/// The program of a condition. Any other `if` is a key like others: schemas and servers may have one.
fn condition(value: &Value) -> Option<&str> {
    value.as_str().and_then(program)
}

/// The program that a text consists of.
fn program(text: &str) -> Option<&str> {
    Text::parse(text).ok().and_then(|text| text.whole())
}

/// Calls `each` with every program below `section`, and its place.
pub fn programs(
    section: &Value,
    place: &mut Vec<PathPart>,
    each: &mut impl FnMut(&[PathPart], Result<&str, String>),
) {
    match section {
        Value::String(text) => match Text::parse(text) {
            Ok(text) => text.programs().for_each(|program| each(place, Ok(program))),
            Err(why) => each(place, Err(why)),
        },
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                place.push(PathPart::Index(index));
                programs(item, place, each);
                place.pop();
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                place.push(PathPart::Key(key.clone()));
                programs(value, place, each);
                place.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        json!({ "on": true, "off": false, "list": ["a", "b"], "text": "x" }).as_object().cloned().unwrap()
    }

    fn made(section: Value) -> Expansion {
        let names = Names(scope().keys().map(|name| (name.clone(), vec![name.clone()])).collect());
        expand(&section, vec![PathPart::Key("source".into())], &scope(), &names)
    }

    #[test]
    fn values_take_the_place_of_expressions() {
        let section =
            json!({ "list": "$(.list)", "text": "/$(.text)", "gone": "$(.none)", "null": null, "n": 1 });
        let expected = json!({ "list": ["a", "b"], "text": "/x", "null": null, "n": 1 });
        assert_eq!(made(section).value, expected);
    }

    #[test]
    fn conditions_leave_out_and_each_repeats() {
        let section = json!({
            "streams": [
                { "if": "$(.off)", "name": "none" },
                { "each": "$(.list)", "as": "item", "if": "$(.item != \"a\" or .on)", "name": "s_$(.item)" },
                { "name": "last", "cursor": { "if": "$(.off)", "field": "t" } },
            ],
            "schema": { "if": { "type": "object" }, "else": false },
        });
        let expected = json!({
            "streams": [{ "name": "s_a" }, { "name": "s_b" }, { "name": "last" }],
            "schema": { "if": { "type": "object" }, "else": false },
        });
        assert_eq!(made(section).value, expected);
    }

    #[test]
    fn everything_knows_where_it_comes_from() {
        let section = json!([{ "if": "$(.off)" }, { "a": "$(.list)", "b": "$(.text)/$(.on)" }]);
        let origins = made(section).origins;
        let of = |path: &str| {
            let made = ConfigProblem::new(path, "").path;
            origins.iter().rfind(|origin| origin.made == made).unwrap()
        };
        assert_eq!(of("0.a").manifest, ConfigProblem::new("source.1.a", "").path);
        assert_eq!((of("0.a").parameters.as_slice(), of("0.a").unchanged), (&["list".to_owned()][..], true));
        assert_eq!((of("0.b").parameters.len(), of("0.b").unchanged), (2, false));
    }

    #[test]
    fn failures_have_their_place() {
        let section = json!({ "a": ["$(.text + 1)", { "each": "$(.text)", "as": "x" }], "b": "$(" });
        let problems = made(section).problems;
        let paths: Vec<_> = problems.iter().map(|failed| failed.problem.path.clone()).collect();
        let expected = ["source.a.0", "source.a.1", "source.b"];
        assert_eq!(paths, expected.map(|path| ConfigProblem::new(path, "").path));
        assert_eq!(problems[0].parameters, ["text"]);
    }
}
