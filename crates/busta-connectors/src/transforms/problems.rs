//! Gathering what is wrong with a transform's keys.

use busta_core::connector::{Built, ConfigProblem, PathPart};

/// Problems so far.
#[derive(Debug, Default)]
pub struct Problems(Vec<ConfigProblem>);

impl Problems {
    /// The value, or a problem at `place`.
    pub fn keep<T>(&mut self, place: &[PathPart], read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.add(place, message)).ok()
    }

    /// Something is wrong at `place`; the empty place is the transform as a whole.
    pub fn add(&mut self, place: &[PathPart], message: impl Into<String>) {
        self.0.push(ConfigProblem { path: place.to_vec(), message: message.into() });
    }

    /// `value`, unless something is wrong.
    pub fn finish<T>(self, value: T) -> Built<T> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// A key of a mapping.
pub fn key(name: &str) -> PathPart {
    PathPart::Key(name.to_owned())
}
