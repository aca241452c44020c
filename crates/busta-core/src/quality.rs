//! The contract of quality: what is measured of a stream's records while they flow by.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::StreamName;
use crate::record::Records;

/// Measures the records of one source in one run, after its transforms.
///
/// What it tells is of this part of the run: after a crash it starts anew.
pub trait Quality: Send + Sync {
    /// A run of the source begins: what was seen in earlier ones no longer counts.
    fn begin(&self);

    /// Takes in a batch, beside the reader and for many batches at once. Bounded in memory whatever
    /// comes, and cheap against writing the same records.
    fn observe(&self, stream: &StreamName, records: &Records);

    /// Takes in what the stream's transforms found by holding records against schemas.
    fn validated(&self, _stream: &StreamName, _found: Vec<SchemaQuality>) {}

    /// How many records the last runs brought of a stream, for who wants to compare.
    fn learn(&self, stream: &StreamName, past: Vec<u64>);

    /// What was seen so far, by stream.
    fn report(&self) -> Vec<StreamQuality>;
}

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Something is wrong with the data.
    Error,
    /// The data should not be used.
    Critical,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}

/// The quality of one stream in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamQuality {
    /// The stream.
    pub stream: StreamName,
    /// How many records there were.
    pub records: u64,
    /// How many of them were looked at: all, if something is expected of them, else a sample.
    pub looked_at: u64,
    /// Its fields, in the order in which they were met first.
    pub fields: Vec<FieldQuality>,
    /// What the schemas said that its records were held against on their way (`validate` among the transforms), all of
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<SchemaQuality>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// How many records one schema allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaQuality {
    /// The schema: `stac`, the name of its file, or `schema` if it stands in the configuration.
    pub schema: String,
    /// How many records it allows.
    pub valid: u64,
    /// How many it does not.
    pub invalid: u64,
    /// Why not, by the rule of the schema that is broken first: the most frequent ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<SchemaReason>,
}

/// Why a schema does not allow some records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaReason {
    /// The rule that they break: `item.json#/required`.
    pub rule: String,
    /// What was wrong with the first of them.
    pub example: String,
    /// How many they are.
    pub count: u64,
}

/// So many reasons are counted apart; a schema that makes up rules for its records has no use for it.
const MOST_REASONS: usize = 50;

impl SchemaQuality {
    /// Of a schema that has seen no record.
    pub fn new(schema: impl Into<String>) -> Self {
        Self { schema: schema.into(), valid: 0, invalid: 0, reasons: Vec::new() }
    }

    /// A record breaks `rule`.
    pub fn refuse(&mut self, rule: &str, example: &str) {
        self.invalid += 1;
        self.count(rule, example, 1);
    }

    /// Takes in what it said of other records.
    pub fn merge(&mut self, other: &Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        for SchemaReason { rule, example, count } in &other.reasons {
            self.count(rule, example, *count);
        }
    }

    fn count(&mut self, rule: &str, example: &str, count: u64) {
        if let Some(known) = self.reasons.iter_mut().find(|known| known.rule == rule) {
            known.count += count;
        } else if self.reasons.len() < MOST_REASONS {
            let (rule, example) = (rule.to_owned(), example.to_owned());
            self.reasons.push(SchemaReason { rule, example, count });
        }
    }
}

/// The quality of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldQuality {
    /// Its name.
    pub name: String,
    /// In how many of those it is absent, null or an empty text.
    pub missing: u64,
    /// In how many of those its value breaks a rule.
    pub invalid: u64,
}

/// One thing to know about a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which aspect: `completeness`, `uniqueness`, `validity`, `consistency`, `timeliness`, `volume`.
    pub check: String,
    /// How bad it is.
    pub level: Level,
    /// The field it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// In words, with an example.
    pub message: String,
    /// How many records it concerns.
    pub count: u64,
    /// Whether the configuration wants the run to fail because of it.
    pub fails: bool,
}
