//! The one place that reads the process's environment.

use std::io;
use std::path::{Path, PathBuf};

/// Where `${NAME}` and `${file:PATH}` are looked up.
pub trait Environment {
    /// The value of a variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file.
    fn file(&self, path: &str) -> io::Result<String>;
}

/// A secret in a file is a token or a key; anything longer than this is a mistake.
const MAX_FILE: u64 = 1 << 20;

/// The environment of this process; relative paths start at the configuration file's folder.
pub struct ProcessEnvironment {
    base_dir: PathBuf,
}

impl ProcessEnvironment {
    /// With files below `base_dir`.
    pub fn new(base_dir: &Path) -> Self {
        Self { base_dir: base_dir.to_owned() }
    }
}

impl Environment for ProcessEnvironment {
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> io::Result<String> {
        let path = self.base_dir.join(path);
        if std::fs::metadata(&path)?.len() > MAX_FILE {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        std::fs::read_to_string(path)
    }
}
