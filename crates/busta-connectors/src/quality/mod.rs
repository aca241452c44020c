//! `quality:`: completeness, uniqueness, validity, consistency, timeliness and volume of the records of a
//! source, measured while they flow by.
//!
//! Where nothing is configured, a sample of the records is looked at and their fields are counted; that
//! costs next to nothing. A stream with rules is looked at record by record.

mod config;
mod field;
mod findings;
mod keys;
mod measure;
mod rule;
mod rules;
#[cfg(test)]
mod tests;
mod times;
mod value;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use busta_core::clock::Clock;
use busta_core::connector::Built;
use busta_core::quality::{FieldQuality, Level, Quality, SchemaQuality, StreamQuality};
use busta_core::{Records, StreamName, StreamSpec};
use serde_json::Value;

pub use config::QualityConfig;
use measure::{Measured, Totals};
use rules::Rules;

/// Of a stream without rules all records up to this number are looked at, then one in [`SAMPLE`].
const ALL: u64 = 1_000;

/// See [`ALL`].
const SAMPLE: usize = 32;

/// So many reasons of a schema are told.
const TOLD_REASONS: usize = 5;

/// Makes the measurer of a source with these streams from its `quality:` section.
pub fn build(keys: Value, streams: &[StreamSpec], clock: Arc<dyn Clock>) -> Built<Measurer> {
    Ok(Measurer::new(QualityConfig::read(keys, Some(streams))?, streams, clock))
}

/// What is wrong with the `quality:` section of a source that cannot be built, as far as it can be told
/// without its streams.
pub fn check(keys: Value) -> Built<()> {
    QualityConfig::read(keys, None).map(drop)
}

/// Measures the records of one source.
pub struct Measurer {
    fail_on: Option<Level>,
    streams: Vec<(StreamName, Rules, Mutex<Totals>)>,
    past: Mutex<HashMap<StreamName, Vec<u64>>>,
    clock: Arc<dyn Clock>,
}

impl Measurer {
    /// With the rules of `config`.
    pub fn new(mut config: QualityConfig, streams: &[StreamSpec], clock: Arc<dyn Clock>) -> Self {
        let rules = |stream: &StreamSpec, config: &mut QualityConfig| {
            config
                .streams
                .remove(stream.name.as_str())
                .map_or_else(Rules::none, |rules| Rules::new(rules, stream))
        };
        Self {
            fail_on: config.fail_on,
            streams: streams
                .iter()
                .map(|stream| (stream.name.clone(), rules(stream, &mut config), Mutex::default()))
                .collect(),
            past: Mutex::default(),
            clock,
        }
    }

    fn of_stream(&self, name: &StreamName, rules: &Rules, totals: &Totals) -> StreamQuality {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let past = past.get(name).map_or(&[][..], Vec::as_slice);
        let mut findings = findings::findings(totals, rules, past, self.clock.now());
        for finding in &mut findings {
            finding.fails = self.fail_on.is_some_and(|level| finding.level >= level);
        }
        let invalid = |field: &str| {
            let checks = rules.fields.iter().zip(&totals.checks);
            checks
                .filter(|(check, _)| check.path.name == field)
                .map(|(_, counted)| counted.invalid.count)
                .sum()
        };
        StreamQuality {
            stream: name.clone(),
            records: totals.records,
            looked_at: totals.looked_at,
            fields: totals
                .present
                .iter()
                .map(|(field, said)| FieldQuality {
                    name: field.clone(),
                    missing: totals.looked_at - said.min(&totals.looked_at),
                    invalid: invalid(field),
                })
                .collect(),
            schemas: totals.schemas.iter().map(told).collect(),
            findings,
        }
    }
}

/// What a schema said, with the most frequent reasons alone.
fn told(schema: &SchemaQuality) -> SchemaQuality {
    let mut schema = schema.clone();
    schema.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    schema.reasons.truncate(TOLD_REASONS);
    schema
}

impl Quality for Measurer {
    fn begin(&self) {
        for (_, _, totals) in &self.streams {
            *totals.lock().unwrap_or_else(PoisonError::into_inner) = Totals::default();
        }
    }

    fn observe(&self, stream: &StreamName, records: &Records) {
        let Some((_, rules, totals)) = self.streams.iter().find(|(name, ..)| name == stream) else { return };
        let lock = || totals.lock().unwrap_or_else(PoisonError::into_inner);
        let before = {
            let mut totals = lock();
            totals.records += records.len() as u64;
            totals.records - records.len() as u64
        };
        let (first, step) = if rules.exact || before < ALL {
            (0, 1)
        } else {
            // The next record whose number is a multiple of the step.
            let past = usize::try_from(before % SAMPLE as u64).unwrap_or(0);
            ((SAMPLE - past) % SAMPLE, SAMPLE)
        };
        if first < records.len() {
            let measured = Measured::of(records, first, step, rules);
            lock().add(measured);
        }
    }

    fn validated(&self, stream: &StreamName, found: Vec<SchemaQuality>) {
        if let Some((.., totals)) = self.streams.iter().find(|(name, ..)| name == stream) {
            totals.lock().unwrap_or_else(PoisonError::into_inner).add_schemas(found);
        }
    }

    fn learn(&self, stream: &StreamName, past: Vec<u64>) {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.clone(), past);
    }

    fn report(&self) -> Vec<StreamQuality> {
        let measured = self.streams.iter().map(|(name, rules, totals)| {
            let totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            // A run without news has nothing to say, unless news were expected.
            (!totals.is_empty() || rules.volume.is_some()).then(|| self.of_stream(name, rules, &totals))
        });
        measured.flatten().collect()
    }
}
