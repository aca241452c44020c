//! Parameters: what a manifest asks its users for.

use std::collections::BTreeMap;

use busta_core::connector::{ConfigProblem, PathPart};
use schemars::SchemaGenerator;
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

use crate::http::AuthSettings;

/// Parameters by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// What a parameter may be, and what it is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What kind of value it has.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What the elements of a list, or the values of a mapping, are.
    #[serde(default)]
    pub of: Option<Kind>,
    /// The keys of a mapping or of credentials, where they are known.
    #[serde(default)]
    pub keys: Parameters,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// What it is where it is not given.
    #[serde(default)]
    pub default: Option<Value>,
    /// The values that it, or each element of a list, may have.
    #[serde(default)]
    pub values: Vec<Value>,
    /// A regular expression that a text, or each element of a list, matches as a whole.
    #[serde(default)]
    pub pattern: Option<Pattern>,
    /// The least that a number may be, or the least number of elements.
    #[serde(default)]
    pub min: Option<f64>,
    /// The most that a number may be, or the greatest number of elements.
    #[serde(default)]
    pub max: Option<f64>,
    /// What it is for, for people.
    #[serde(default)]
    pub description: String,
}

/// What kind of value a parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A text; a number stands for its digits.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A mapping.
    Map,
    /// Credentials: a mapping with `keys`, or else what `auth` is in `type: api`.
    Auth,
}

/// A regular expression, for whole texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    text: String,
    compiled: regex::Regex,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let compiled = regex::Regex::new(&format!("^(?:{text})$"));
        compiled
            .map(|compiled| Self { text, compiled })
            .map_err(|error| format!("is no regular expression: {error}"))
    }
}

impl Kind {
    /// In words, for a problem.
    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Map | Self::Auth => "a mapping",
        }
    }

    /// `value` as one of this kind.
    fn admit(self, value: Value) -> Result<Value, String> {
        match (self, &value) {
            (Self::Text, Value::Number(number)) => Ok(Value::String(number.to_string())),
            (Self::Text, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::List, Value::Array(_))
            | (Self::Map | Self::Auth, Value::Object(_)) => Ok(value),
            _ => Err(format!("{}, expected {}", found(&value), self.words())),
        }
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing stands here",
        Value::Bool(_) => "true or false stands here",
        Value::Number(_) => "a number stands here",
        Value::String(_) => "a text stands here",
        Value::Array(_) => "a list stands here",
        Value::Object(_) => "a mapping stands here",
    }
}

/// Values that are looked at, and what is wrong with them.
#[derive(Debug, Default)]
pub struct Check {
    path: Vec<PathPart>,
    /// What is wrong.
    pub problems: Vec<ConfigProblem>,
}

impl Check {
    /// Starts at a place.
    pub fn at(path: Vec<PathPart>) -> Self {
        Self { path, problems: Vec::new() }
    }

    fn problem(&mut self, message: impl Into<String>) {
        self.problems.push(ConfigProblem { path: self.path.clone(), message: message.into() });
    }

    fn below<T>(&mut self, part: PathPart, look: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(part);
        let seen = look(self);
        self.path.pop();
        seen
    }

    /// The values that `given` and the defaults of `parameters` make together. Values that are wrong are left
    /// out. `required` says whether what is missing is wrong.
    pub fn all(
        &mut self,
        parameters: &Parameters,
        given: Map<String, Value>,
        required: bool,
    ) -> Map<String, Value> {
        let known = || parameters.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let mut values = Map::new();
        for (name, value) in given {
            let Some(parameter) = parameters.get(&name) else {
                self.problem(format!("unknown field `{name}`, expected one of {}", known()));
                continue;
            };
            let key = PathPart::Key(name.clone());
            values.extend(self.below(key, |check| check.one(parameter, value)).map(|value| (name, value)));
        }
        for (name, parameter) in parameters {
            if values.contains_key(name) || self.complained_of(name) {
                continue;
            }
            match &parameter.default {
                Some(default) => _ = values.insert(name.clone(), default.clone()),
                None if parameter.required && required => {
                    let what = one_line(&parameter.description);
                    let colon = if what.is_empty() { "" } else { ": " };
                    self.problem(format!("missing field `{name}`{colon}{what}"));
                }
                None => {}
            }
        }
        values
    }

    /// Whether the value of `name` was wrong.
    fn complained_of(&self, name: &str) -> bool {
        let here = self.path.len();
        self.problems.iter().any(|problem| {
            problem.path.starts_with(&self.path)
                && matches!(problem.path.get(here), Some(PathPart::Key(key)) if key == name)
        })
    }

    /// A value as `parameter` wants it; `None` if it is wrong.
    pub fn one(&mut self, parameter: &Parameter, value: Value) -> Option<Value> {
        let before = self.problems.len();
        let value = match parameter.kind.admit(value) {
            Ok(value) => value,
            Err(why) => {
                self.problem(why);
                return None;
            }
        };
        let value = match value {
            Value::Array(items) => {
                self.amount(parameter, items.len(), "elements");
                let items = items.into_iter().enumerate();
                let element = |check: &mut Self, (index, item)| {
                    check.below(PathPart::Index(index), |check| check.element(parameter, item))
                };
                Value::Array(items.filter_map(|item| element(self, item)).collect())
            }
            Value::Object(map) if !parameter.keys.is_empty() => {
                Value::Object(self.all(&parameter.keys, map, true))
            }
            Value::Object(map) => {
                self.amount(parameter, map.len(), "keys");
                let entry = |check: &mut Self, (key, item): (String, Value)| {
                    let item =
                        check.below(PathPart::Key(key.clone()), |check| check.element(parameter, item))?;
                    Some((key, item))
                };
                Value::Object(map.into_iter().filter_map(|item| entry(self, item)).collect())
            }
            scalar => {
                self.scalar(parameter, &scalar);
                scalar
            }
        };
        (self.problems.len() == before).then_some(value)
    }

    fn element(&mut self, parameter: &Parameter, item: Value) -> Option<Value> {
        let item = match parameter.of.map_or(Ok(item.clone()), |kind| kind.admit(item)) {
            Ok(item) => item,
            Err(why) => {
                self.problem(why);
                return None;
            }
        };
        if parameter.kind == Kind::List {
            self.scalar(parameter, &item);
        }
        Some(item)
    }

    fn amount(&mut self, parameter: &Parameter, amount: usize, what: &str) {
        let amount = amount as f64;
        if parameter.min.is_some_and(|min| amount < min) {
            self.problem(format!("it has {amount} {what}, expected at least {}", bound(parameter.min)));
        }
        if parameter.max.is_some_and(|max| amount > max) {
            self.problem(format!("it has {amount} {what}, expected at most {}", bound(parameter.max)));
        }
    }

    fn scalar(&mut self, parameter: &Parameter, value: &Value) {
        if !parameter.values.is_empty() && !parameter.values.contains(value) {
            let allowed: Vec<_> =
                parameter.values.iter().map(|value| format!("`{}`", shown(value))).collect();
            self.problem(format!(
                "unknown variant `{}`, expected one of {}",
                shown(value),
                allowed.join(", ")
            ));
        }
        if let (Some(pattern), Value::String(text)) = (&parameter.pattern, value)
            && !pattern.compiled.is_match(text)
        {
            let what = one_line(&parameter.description);
            let colon = if what.is_empty() { "" } else { ": " };
            self.problem(format!("it does not match the pattern {}{colon}{what}", pattern.text));
        }
        if let (Kind::Number, Some(number)) = (parameter.kind, value.as_f64()) {
            if parameter.min.is_some_and(|min| number < min) {
                self.problem(format!("wrong value: {number}, expected at least {}", bound(parameter.min)));
            }
            if parameter.max.is_some_and(|max| number > max) {
                self.problem(format!("wrong value: {number}, expected at most {}", bound(parameter.max)));
            }
        }
    }
}

fn bound(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// A value as it is written in YAML.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The first sentence of a description.
pub fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = words.find(". ").unwrap_or(words.len());
    words[..end].trim_end_matches('.').to_owned()
}

/// The JSON Schema of a value.
pub fn schema(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    let mut schema = if parameter.kind == Kind::Auth && parameter.keys.is_empty() {
        generator.subschema_for::<AuthSettings>().to_value()
    } else {
        json!({ "type": type_name(parameter.kind) })
    };
    let Some(own) = schema.as_object_mut() else { return schema };
    let mut put = |name: &str, value: Value| _ = own.insert(name.to_owned(), value);
    if !parameter.keys.is_empty() {
        put("properties", properties(&parameter.keys, generator).into());
        put("required", required(&parameter.keys).into());
        put("additionalProperties", false.into());
    }
    let mut element = parameter.of.map_or(json!({}), |kind| json!({ "type": type_name(kind) }));
    let limits = match parameter.kind {
        Kind::List => {
            restrict(&mut element, parameter);
            put("items", element);
            ["minItems", "maxItems"]
        }
        Kind::Map if parameter.of.is_some() => {
            put("additionalProperties", element);
            ["minProperties", "maxProperties"]
        }
        _ => ["minimum", "maximum"],
    };
    for (name, bound) in limits.into_iter().zip([parameter.min, parameter.max]) {
        if let Some(number) = bound.and_then(Number::from_f64) {
            put(name, number.into());
        }
    }
    if !parameter.description.is_empty() {
        put("description", parameter.description.trim().into());
    }
    if let Some(default) = &parameter.default {
        put("default", default.clone());
    }
    if parameter.kind != Kind::List {
        restrict(&mut schema, parameter);
    }
    schema
}

fn restrict(schema: &mut Value, parameter: &Parameter) {
    let Some(schema) = schema.as_object_mut() else { return };
    if !parameter.values.is_empty() {
        schema.insert("enum".to_owned(), parameter.values.clone().into());
    }
    if let Some(pattern) = &parameter.pattern {
        schema.insert("pattern".to_owned(), format!("^(?:{})$", pattern.text).into());
    }
}

/// The schemas of all values, by name.
pub fn properties(parameters: &Parameters, generator: &mut SchemaGenerator) -> Map<String, Value> {
    parameters.iter().map(|(name, parameter)| (name.clone(), schema(parameter, generator))).collect()
}

/// The names of those that must be given.
pub fn required(parameters: &Parameters) -> Vec<String> {
    let must = |parameter: &Parameter| parameter.required && parameter.default.is_none();
    parameters.iter().filter(|(_, parameter)| must(parameter)).map(|(name, _)| name.clone()).collect()
}

fn type_name(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!(["string", "number"]),
        Kind::Number => json!("number"),
        Kind::Boolean => json!("boolean"),
        Kind::List => json!("array"),
        Kind::Map | Kind::Auth => json!("object"),
    }
}
