//! The `quality:` section of a source.

use std::collections::BTreeMap;

use busta_core::connector::{Built, ConfigProblem, read_config};
use busta_core::quality::Level;
use busta_core::units::Span;
use busta_core::{StreamName, StreamSpec};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What is expected of a source's records. Everything is measured while the records flow by; nothing is
/// read twice, and no record is held back (`validate` among the `transforms` does that).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QualityConfig {
    /// A finding of this level or a worse one makes the source's part of the run fail. Without it
    /// findings are only told.
    pub fail_on: Option<Level>,
    /// By the name of the stream.
    pub streams: BTreeMap<String, StreamRules>,
}

/// What is expected of the records of one stream.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StreamRules {
    /// By the name of the field, or its path (`properties.datetime`).
    pub fields: BTreeMap<String, FieldRules>,
    /// Fields that together occur once in a run. The primary key, if nothing is given.
    pub unique: Vec<String>,
    /// How new the data should be, and without which gaps.
    pub timeliness: Option<Timeliness>,
    /// How many records a run should bring.
    pub volume: Option<Volume>,
    /// Relations between the fields of a record.
    pub rules: Vec<Rule>,
    /// How many records the schemas may refuse that the source's `validate` transforms hold them against, with
    /// `strict` or without.
    pub schemas: Option<Schemas>,
}

/// What is expected of a field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FieldRules {
    /// It is there, not null and no empty text.
    pub required: bool,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: Option<FieldType>,
    /// Numbers are not below.
    pub min: Option<f64>,
    /// Numbers are not above.
    pub max: Option<f64>,
    /// The whole text matches this regular expression.
    pub pattern: Option<String>,
    /// It is one of these.
    pub one_of: Option<Vec<Value>>,
    /// The share of records that may break a rule before it is a finding: 0.01 is one in a hundred.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tolerance: f64,
    /// How bad it is if too many do.
    pub level: Level,
}

impl Default for FieldRules {
    fn default() -> Self {
        Self {
            required: false,
            kind: None,
            min: None,
            max: None,
            pattern: None,
            one_of: None,
            tolerance: 0.0,
            level: Level::Warning,
        }
    }
}

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// `true` or `false`.
    Bool,
    /// A number without a fraction.
    Int,
    /// Any number.
    Number,
    /// A text.
    Text,
    /// A text that is an RFC 3339 time.
    Datetime,
    /// An object.
    Object,
    /// A list.
    List,
}

/// How new the data should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeliness {
    /// The field with the time of a record: an RFC 3339 text, a date (`2024-05-01`, the beginning of its day
    /// in UTC), or Unix seconds or milliseconds.
    pub field: String,
    /// The newest record is not older than this when the run ends.
    pub max_age: Option<Span>,
    /// Between two records that follow one another in time there is not more than this.
    pub max_gap: Option<Span>,
    /// How bad it is if not.
    #[serde(default = "warning")]
    pub level: Level,
}

/// How many records a run should bring. A run that was resumed counts only its last part.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// At least so many.
    pub min: Option<u64>,
    /// At most so many.
    pub max: Option<u64>,
    /// How far the count may be from the median of the stream's last ten runs, as a share of it: 0.5
    /// allows half as many to half as many again. Not looked at before there were three.
    #[schemars(range(min = 0.0))]
    pub change: Option<f64>,
    /// How bad it is if not.
    #[serde(default = "warning")]
    pub level: Level,
}

/// How many records schemas may refuse. It is a finding too if no record was held against one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schemas {
    /// The share of records that one schema may refuse before it is a finding: 0.01 is one in a hundred.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tolerance: f64,
    /// How bad it is if it refuses more.
    #[serde(default = "warning")]
    pub level: Level,
}

/// A relation between two fields of a record: `{ left: start, is: le, right: end }`. Records that lack one
/// of them are not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it is called in the report; the relation itself, if nothing is given.
    pub name: Option<String>,
    /// A field or the path of one.
    pub left: String,
    /// How they are to stand to one another.
    pub is: Relation,
    /// The other field.
    pub right: String,
    /// How bad it is if not.
    #[serde(default = "warning")]
    pub level: Level,
}

/// How two values stand to one another: numbers as numbers, RFC 3339 times as instants, others as texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less, or before.
    Lt,
    /// Not more, or not after.
    Le,
    /// More, or after.
    Gt,
    /// Not less, or not before.
    Ge,
}

fn warning() -> Level {
    Level::Warning
}

impl QualityConfig {
    /// Reads the section of a source with these streams; `None` if they are not known, because the source
    /// itself cannot be built.
    pub fn read(keys: Value, streams: Option<&[StreamSpec]>) -> Built<Self> {
        let config: Self = read_config(keys)?;
        let mut problems = Vec::new();
        for (name, rules) in &config.streams {
            let at = format!("streams.{name}");
            let unknown = streams.filter(|streams| {
                !streams.iter().any(|stream| stream.name == StreamName::from(name.as_str()))
            });
            if let Some(streams) = unknown {
                let known: Vec<_> = streams.iter().map(|stream| format!("`{}`", stream.name)).collect();
                problems.push(ConfigProblem::new(
                    "streams",
                    format!("unknown stream `{name}`, expected one of {}", known.join(", ")),
                ));
            }
            rules.check(&at, &mut problems);
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

impl StreamRules {
    fn check(&self, at: &str, problems: &mut Vec<ConfigProblem>) {
        for (name, field) in &self.fields {
            // A path of a field holds dots, so the parts are put together by hand.
            let mut add = |key: &str, message: String| {
                let mut problem = ConfigProblem::new(&format!("{at}.fields"), message);
                problem.path.extend([name, key].map(|k| busta_core::connector::PathPart::Key(k.to_owned())));
                problems.push(problem);
            };
            if let Some(Err(error)) = field.pattern.as_deref().map(Regex::new) {
                add("pattern", format!("not a regular expression: {error}"));
            }
            if !(0.0..=1.0).contains(&field.tolerance) {
                add("tolerance", "a share lies between 0 and 1".to_owned());
            }
            if field.min.zip(field.max).is_some_and(|(min, max)| min > max) {
                add("max", "`max` is below `min`, so that no number is right".to_owned());
            }
        }
        if self.schemas.as_ref().is_some_and(|schemas| !(0.0..=1.0).contains(&schemas.tolerance)) {
            let at = format!("{at}.schemas.tolerance");
            problems.push(ConfigProblem::new(&at, "a share lies between 0 and 1"));
        }
        if self.volume.as_ref().is_some_and(|v| v.min.zip(v.max).is_some_and(|(min, max)| min > max)) {
            problems.push(ConfigProblem::new(&format!("{at}.volume.max"), "`max` is below `min`"));
        }
        if self.volume.as_ref().and_then(|v| v.change).is_some_and(|change| change.is_nan() || change < 0.0) {
            problems.push(ConfigProblem::new(&format!("{at}.volume.change"), "a share is not below 0"));
        }
        if self.timeliness.as_ref().and_then(|t| t.max_gap).is_some_and(|gap| gap.0.is_zero()) {
            problems.push(ConfigProblem::new(
                &format!("{at}.timeliness.max_gap"),
                "the gap between two records cannot be limited to nothing",
            ));
        }
    }
}
