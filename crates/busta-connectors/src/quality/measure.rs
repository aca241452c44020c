//! What is counted of a stream: for a batch first, then added to what was counted before.

use std::borrow::Cow;
use std::collections::HashMap;

use busta_core::quality::SchemaQuality;
use busta_core::{Records, json};

use super::keys::{BatchKeys, SeenKeys};
use super::rules::Rules;
use super::times::Times;
use super::value::{instant, is_missing};

/// So many fields are counted one by one; a source that makes up names for them has no use for it.
const MOST_FIELDS: usize = 2_000;

/// How much of a value is shown.
const EXAMPLE: usize = 60;

/// What was counted of one batch.
#[derive(Debug, Default)]
pub struct Measured {
    /// How many records were looked at.
    pub looked_at: u64,
    /// In how many records a field says something, by its name.
    pub present: Vec<(String, u64)>,
    /// Of every field with rules: records where it says nothing, and where it is not valid.
    pub checks: Vec<Check>,
    /// Of every relation: records where it does not hold.
    pub relations: Vec<Broken>,
    pub keys: BatchKeys,
    pub times: Option<Times>,
}

/// What became of the rules of one field.
#[derive(Clone, Debug, Default)]
pub struct Check {
    pub missing: u64,
    pub invalid: Broken,
}

/// How often something was not as it should be, and how it looked first.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    pub count: u64,
    pub example: Option<String>,
}

impl Broken {
    fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        self.example.get_or_insert_with(example);
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.example = self.example.take().or(other.example);
    }
}

impl Measured {
    /// Measures every `step`th record of a batch, beginning with number `first`.
    pub fn of(records: &Records, first: usize, step: usize, rules: &Rules) -> Self {
        let mut measured = Self {
            checks: vec![Check::default(); rules.fields.len()],
            relations: vec![Broken::default(); rules.relations.len()],
            times: rules.timeliness.as_ref().map(|t| Times::new(t.width)),
            ..Self::default()
        };
        let mut places = HashMap::new();
        let mut fields = Vec::new();
        let sample = records.pick((first..records.len()).step_by(step));
        for record in sample.iter() {
            fields.clear();
            if json::for_each_field(record, |key, raw| fields.push((key, raw))).is_ok() {
                measured.record(&fields, rules, &mut places);
            }
        }
        measured
    }

    fn record<'a>(
        &mut self,
        fields: &[(Cow<'a, str>, &'a str)],
        rules: &Rules,
        places: &mut HashMap<Cow<'a, str>, usize>,
    ) {
        self.looked_at += 1;
        for field in fields {
            self.field(field, places);
        }
        for (check, counted) in rules.fields.iter().zip(&mut self.checks) {
            match check.path.find(fields) {
                raw if is_missing(raw) => counted.missing += 1,
                Some(raw) => {
                    if let Some(why) = check.complaint(raw) {
                        counted.invalid.add(|| format!("{} {why}", excerpt(raw)));
                    }
                }
                None => {}
            }
        }
        for (rule, broken) in rules.relations.iter().zip(&mut self.relations) {
            if let Some(values) = rule.broken(fields) {
                broken.add(|| excerpt(&values));
            }
        }
        rules.key.add(fields, &mut self.keys);
        if let (Some(timeliness), Some(times)) = (&rules.timeliness, &mut self.times)
            && let Some(time) = timeliness.path.find(fields).and_then(instant)
        {
            times.add(time);
        }
    }

    fn field<'a>(&mut self, (key, raw): &(Cow<'a, str>, &'a str), places: &mut HashMap<Cow<'a, str>, usize>) {
        let said = u64::from(!is_missing(Some(raw)));
        match places.get(key) {
            Some(place) => self.present[*place].1 += said,
            None if self.present.len() < MOST_FIELDS => {
                places.insert(key.clone(), self.present.len());
                self.present.push((key.clone().into_owned(), said));
            }
            None => {}
        }
    }
}

/// What was counted of a stream so far.
#[derive(Debug, Default)]
pub struct Totals {
    /// How many records there were.
    pub records: u64,
    /// How many of them were looked at.
    pub looked_at: u64,
    /// In the order in which they were met first.
    pub present: Vec<(String, u64)>,
    places: HashMap<String, usize>,
    pub checks: Vec<Check>,
    pub relations: Vec<Broken>,
    pub keys: SeenKeys,
    pub times: Option<Times>,
    pub schemas: Vec<SchemaQuality>,
}

impl Totals {
    /// Adds what schemas said of a batch.
    pub fn add_schemas(&mut self, found: Vec<SchemaQuality>) {
        for found in found {
            match self.schemas.iter_mut().find(|known| known.schema == found.schema) {
                Some(known) => known.merge(&found),
                None => self.schemas.push(found),
            }
        }
    }

    /// Whether any record has been met.
    pub fn is_empty(&self) -> bool {
        self.records == 0 && self.schemas.iter().all(|schema| schema.valid + schema.invalid == 0)
    }

    /// Adds a batch.
    pub fn add(&mut self, batch: Measured) {
        self.looked_at += batch.looked_at;
        for (name, said) in batch.present {
            match self.places.get(&name) {
                Some(place) => self.present[*place].1 += said,
                None if self.present.len() < MOST_FIELDS => {
                    self.places.insert(name.clone(), self.present.len());
                    self.present.push((name, said));
                }
                None => {}
            }
        }
        self.checks.resize_with(batch.checks.len(), Check::default);
        for (total, counted) in self.checks.iter_mut().zip(batch.checks) {
            total.missing += counted.missing;
            total.invalid.merge(counted.invalid);
        }
        self.relations.resize_with(batch.relations.len(), Broken::default);
        for (total, counted) in self.relations.iter_mut().zip(batch.relations) {
            total.merge(counted);
        }
        self.keys.add(batch.keys);
        match (&mut self.times, batch.times) {
            (Some(times), Some(batch)) => times.merge(batch),
            (times @ None, batch) => *times = batch,
            (Some(_), None) => {}
        }
    }
}

/// The beginning of a value, in one line.
fn excerpt(text: &str) -> String {
    let text = busta_core::secret::redact(text);
    if text.chars().count() <= EXAMPLE {
        return text.into_owned();
    }
    text.chars().take(EXAMPLE).chain(['…']).collect()
}
