//! `retention:` of a source, and of what busta remembers.

use std::time::Duration;

use busta_core::connector::{Built, ConfigProblem, read_config};
use busta_core::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is too old is not looked for more often.
const SHORTEST: Duration = Duration::from_secs(1);

const DAY: Duration = Duration::from_secs(86_400);

/// How long what busta remembers is kept. `busta serve` deletes what is older, a little at a time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSettings {
    /// How often `busta serve` looks for what is too old, the first time at most a minute after its start.
    pub every: Span,
    /// Runs that ended longer ago are forgotten, except those that can still be resumed.
    pub runs: Span,
    /// So many of the newest runs are kept, however old they are.
    pub keep_runs: usize,
    /// Events that happened longer ago are forgotten.
    pub events: Span,
    /// No more events than this are kept, however new they are.
    #[schemars(range(min = 1))]
    pub max_events: u64,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            every: Span(Duration::from_secs(3600)),
            runs: Span(30 * DAY),
            keep_runs: 100,
            events: Span(7 * DAY),
            max_events: 1_000_000,
        }
    }
}

/// How long the records of a source are kept. Instead of the mapping, a duration may stand for `records`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSection {
    /// Records that landed longer ago are deleted; all are kept if it is left out.
    pub records: Option<Span>,
}

/// Reads the section of a source.
pub fn read(section: Value) -> Built<RetentionSection> {
    let section = match section {
        Value::String(records) => json!({ "records": records }),
        other => other,
    };
    let section: RetentionSection = read_config(section)?;
    match section.records {
        Some(records) if records.0.is_zero() => {
            Err(vec![ConfigProblem::new("records", "0 would keep nothing; leave it out to keep all")])
        }
        _ => Ok(section),
    }
}

/// What is wrong with the numbers of the top level's section.
pub fn problems(settings: &RetentionSettings) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    if settings.every.0 < SHORTEST {
        found.push(ConfigProblem::new("every", "this would look without end; the least is 1s"));
    }
    if settings.max_events == 0 {
        found.push(ConfigProblem::new("max_events", "0 would keep nothing; the least is 1"));
    }
    found
}
