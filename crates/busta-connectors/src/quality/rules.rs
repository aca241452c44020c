//! The rules of a stream, ready to be asked.

use busta_core::StreamSpec;

use super::config::{Schemas, StreamRules, Timeliness, Volume};
use super::field::FieldCheck;
use super::keys::KeyHasher;
use super::rule::RuleCheck;
use super::value::FieldPath;

/// What is expected of the records of a stream.
#[derive(Debug)]
pub struct Rules {
    pub fields: Vec<FieldCheck>,
    pub relations: Vec<RuleCheck>,
    /// The fields that make up its key; none, if nothing is to be unique.
    pub key: KeyHasher,
    pub timeliness: Option<TimeCheck>,
    pub volume: Option<Volume>,
    pub schemas: Option<Schemas>,
    /// Whether every record is looked at, because somebody asked for something; else it is a sample.
    pub exact: bool,
}

/// Where the time of a record is, and how long a stretch of time without a record may be.
#[derive(Debug)]
pub struct TimeCheck {
    pub path: FieldPath,
    /// In milliseconds.
    pub width: i64,
    pub rules: Timeliness,
}

/// The stretches of time that are told apart where no gap is configured, in milliseconds.
const DAY: i64 = 86_400_000;

impl Rules {
    /// The rules of a stream that has none: its fields are counted, and that is all.
    pub fn none() -> Self {
        Self {
            fields: Vec::new(),
            relations: Vec::new(),
            key: KeyHasher::new(&[]),
            timeliness: None,
            volume: None,
            schemas: None,
            exact: false,
        }
    }

    /// Those of a configuration.
    pub fn new(rules: StreamRules, stream: &StreamSpec) -> Self {
        let key = match &rules.unique[..] {
            [] => KeyHasher::new(&stream.primary_key).lacking(&stream.optional_key),
            fields => KeyHasher::new(fields),
        };
        Self {
            key,
            fields: rules.fields.into_iter().map(|(name, rules)| FieldCheck::new(&name, rules)).collect(),
            relations: rules.rules.into_iter().map(RuleCheck::new).collect(),
            timeliness: rules.timeliness.map(|rules| TimeCheck {
                path: FieldPath::new(&rules.field),
                width: rules.max_gap.map_or(DAY, |gap| i64::try_from(gap.0.as_millis()).unwrap_or(i64::MAX)),
                rules,
            }),
            volume: rules.volume,
            schemas: rules.schemas,
            exact: true,
        }
    }
}
