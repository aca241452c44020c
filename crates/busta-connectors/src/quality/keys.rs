//! Uniqueness: whether a key occurs once.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::value::FieldPath;

/// So many keys are remembered, at about 9 bytes each; those that come after are not compared.
const MOST: usize = 1 << 20;

/// The keys of a batch.
#[derive(Debug, Default)]
pub struct BatchKeys {
    hashes: Vec<u64>,
    /// Records without a whole key.
    pub missing: u64,
}

/// Hashes keys: 64 bits, with a secret of the process, so that two of a million keys are taken for one
/// with a chance of 3 in 100 million.
#[derive(Debug)]
pub struct KeyHasher {
    /// The fields that make up the key.
    pub fields: Vec<FieldPath>,
    /// Those of them that a record may lack.
    optional: Vec<String>,
    state: RandomState,
}

impl KeyHasher {
    /// For a key of these fields.
    pub fn new(fields: &[String]) -> Self {
        let fields = fields.iter().map(|name| FieldPath::new(name)).collect();
        Self { fields, optional: Vec::new(), state: RandomState::new() }
    }

    /// The same, of records that may lack these fields.
    pub fn lacking(self, optional: &[String]) -> Self {
        Self { optional: optional.to_vec(), ..self }
    }

    /// Adds the key of one record.
    pub fn add<'a>(&self, fields: &[(std::borrow::Cow<'a, str>, &'a str)], keys: &mut BatchKeys) {
        if self.fields.is_empty() {
            return;
        }
        let part = |path: &FieldPath| path.find(fields).filter(|raw| !super::value::is_missing(Some(raw)));
        let parts: Vec<_> = self.fields.iter().map(part).collect();
        let is_needed = |path: &FieldPath| !self.optional.contains(&path.name);
        if self.fields.iter().zip(&parts).any(|(path, part)| part.is_none() && is_needed(path)) {
            keys.missing += 1;
        } else {
            keys.hashes.push(self.state.hash_one(parts));
        }
    }
}

/// The keys seen so far.
#[derive(Debug, Default)]
pub struct SeenKeys {
    seen: HashSet<u64>,
    /// Records whose key had been there before.
    pub repeated: u64,
    /// Records without a whole key.
    pub missing: u64,
    /// Not all keys could be remembered.
    pub overflowed: bool,
}

impl SeenKeys {
    /// Takes in the keys of a batch.
    pub fn add(&mut self, batch: BatchKeys) {
        self.missing += batch.missing;
        for hash in batch.hashes {
            if self.seen.contains(&hash) {
                self.repeated += 1;
            } else if self.seen.len() < MOST {
                self.seen.insert(hash);
            } else {
                self.overflowed = true;
            }
        }
    }
}
