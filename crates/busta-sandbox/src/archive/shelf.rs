//! What was made before: patterns, files, and what is known of files. Nothing that could not be made again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::dataset::lock;

use super::blob::Blob;
use super::make::Making;
use super::pattern::{Pattern, Recipe};

/// Patterns take so much memory at most, together with those that are being used.
const PATTERN_BYTES: u64 = 64 << 20;
/// Files take so much memory at most.
const BLOB_BYTES: u64 = 128 << 20;
/// Of so many files sizes and digests are remembered.
const MAX_FACTS: usize = 1_000_000;
/// The parts of what was uploaded in parts.
const PART: usize = 8 << 20;

/// Patterns by what they are made of.
#[derive(Default)]
pub(super) struct Patterns {
    made: Mutex<(HashMap<Recipe, Arc<Pattern>>, u64)>,
}

impl Patterns {
    pub(super) fn get(&self, recipe: Recipe) -> Arc<Pattern> {
        if let Some(known) = lock(&self.made).0.get(&recipe) {
            return Arc::clone(known);
        }
        let pattern = Arc::new(Pattern::new(&recipe));
        let (made, bytes) = &mut *lock(&self.made);
        *bytes += pattern.memory();
        if *bytes > PATTERN_BYTES {
            made.clear();
            *bytes = pattern.memory();
        }
        Arc::clone(made.entry(recipe).or_insert(pattern))
    }
}

/// What is known of a file.
#[derive(Default)]
struct Facts {
    len: OnceLock<u64>,
    md5: OnceLock<[u8; 16]>,
    parts: OnceLock<String>,
    sha256: OnceLock<[u8; 32]>,
}

/// All that was made.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) patterns: Patterns,
    blobs: Mutex<(HashMap<String, Arc<Blob>>, u64)>,
    facts: Mutex<HashMap<String, Arc<Facts>>>,
}

impl Shelf {
    pub(super) fn object<'a>(&'a self, making: Making<'a>) -> Object<'a> {
        let key = format!("{} {} {:?}", making.path, making.version, making.shape);
        let mut all = lock(&self.facts);
        if all.len() >= MAX_FACTS {
            all.clear();
        }
        let facts = Arc::clone(all.entry(key.clone()).or_default());
        drop(all);
        Object { shelf: self, making, key, facts }
    }

    fn blob(&self, key: &str, making: &Making<'_>) -> Arc<Blob> {
        if let Some(known) = lock(&self.blobs).0.get(key) {
            return Arc::clone(known);
        }
        let blob = Arc::new(making.blob(&self.patterns));
        let (blobs, bytes) = &mut *lock(&self.blobs);
        *bytes += blob.memory();
        if *bytes > BLOB_BYTES {
            blobs.clear();
            *bytes = blob.memory();
        }
        Arc::clone(blobs.entry(key.to_owned()).or_insert(blob))
    }
}

/// A file, which is made when somebody wants more than is known of it.
pub(super) struct Object<'a> {
    shelf: &'a Shelf,
    making: Making<'a>,
    key: String,
    facts: Arc<Facts>,
}

impl Object<'_> {
    pub(super) fn blob(&self) -> Arc<Blob> {
        self.shelf.blob(&self.key, &self.making)
    }

    /// Its rows as text.
    pub(super) fn text(&self) -> Vec<u8> {
        self.making.text(&self.shelf.patterns)
    }

    pub(super) fn len(&self) -> u64 {
        *self.facts.len.get_or_init(|| self.blob().len())
    }

    pub(super) fn md5(&self) -> String {
        hex(self.facts.md5.get_or_init(|| {
            let mut digest = Md5::new();
            self.blob().pieces().iter().for_each(|piece| digest.update(piece));
            digest.finalize().into()
        }))
    }

    /// What S3 says instead of an MD5 of what was uploaded in parts.
    pub(super) fn parts(&self) -> String {
        let made = || {
            let (mut all, mut part, mut filled, mut count) = (Md5::new(), Md5::new(), 0, 0);
            for piece in self.blob().pieces() {
                let mut rest = piece.as_ref();
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(rest.len().min(PART - filled));
                    part.update(now);
                    (filled, rest) = (filled + now.len(), later);
                    if filled == PART {
                        all.update(part.finalize_reset());
                        (filled, count) = (0, count + 1);
                    }
                }
            }
            if filled > 0 {
                all.update(part.finalize());
                count += 1;
            }
            format!("{}-{count}", hex(&all.finalize()))
        };
        self.facts.parts.get_or_init(made).clone()
    }

    pub(super) fn sha256(&self) -> [u8; 32] {
        *self.facts.sha256.get_or_init(|| {
            let mut digest = Sha256::new();
            self.blob().pieces().iter().for_each(|piece| digest.update(piece));
            digest.finalize().into()
        })
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
