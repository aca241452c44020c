//! Gathering everything that is wrong with a configuration, each thing with its place.

use busta_core::connector::{ConfigProblem, PathPart};

/// Problems so far, and the place in the configuration that is being looked at.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<ConfigProblem>,
    place: Vec<PathPart>,
}

impl Problems {
    /// Looks at what is under `key` (and, for a list, at one of its elements).
    pub fn within<T>(&mut self, key: &str, index: Option<usize>, look: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.place.len();
        self.place.push(PathPart::Key(key.to_owned()));
        self.place.extend(index.map(PathPart::Index));
        let seen = look(self);
        self.place.truncate(depth);
        seen
    }

    /// Something is wrong with `key` here, or, with an empty key, with this place as a whole.
    pub fn add(&mut self, key: &str, message: impl Into<String>) {
        let mut path = self.place.clone();
        if !key.is_empty() {
            path.push(PathPart::Key(key.to_owned()));
        }
        self.found.push(ConfigProblem { path, message: message.into() });
    }

    /// Something is wrong further down: at the last of these keys.
    pub fn add_below(&mut self, keys: &[String], message: impl Into<String>) {
        let below = keys.iter().cloned().map(PathPart::Key);
        let path = self.place.iter().cloned().chain(below).collect();
        self.found.push(ConfigProblem { path, message: message.into() });
    }

    /// What somebody else has found wrong here.
    pub fn take(&mut self, found: Vec<ConfigProblem>) {
        self.found.extend(found.into_iter().map(|problem| ConfigProblem {
            path: [self.place.clone(), problem.path].concat(),
            message: problem.message,
        }));
    }

    /// All of them.
    pub fn finish(self) -> Vec<ConfigProblem> {
        self.found
    }
}
