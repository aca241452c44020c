//! Finding and reading the file.

use std::path::{Path, PathBuf};

use super::problem::ConfigErrors;

/// The names that are tried in the current folder.
const NAMES: [&str; 2] = ["busta.yaml", "busta.yml"];

/// No configuration that people write comes near this.
const MAX_SIZE: u64 = 8 << 20;

/// The file that was named, or the one in the current folder.
pub fn find(named: Option<&Path>) -> Result<PathBuf, ConfigErrors> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    NAMES.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
        one("there is no busta.yaml in this folder; name one with `-c FILE`, or write one with `busta init`")
    })
}

/// Its text.
pub fn read(path: &Path) -> Result<String, ConfigErrors> {
    let cannot = |why: String| one(&format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| cannot(format!("cannot be read: {e}")))?;
    if size.is_dir() {
        return Err(cannot("is a folder, not a file".to_owned()));
    }
    if size.len() > MAX_SIZE {
        return Err(cannot(format!("is larger than {} MiB", MAX_SIZE >> 20)));
    }
    let bytes = std::fs::read(path).map_err(|e| cannot(format!("cannot be read: {e}")))?;
    String::from_utf8(bytes).map_err(|e| {
        let good = e.as_bytes()[..e.utf8_error().valid_up_to()].to_vec();
        let line = good.iter().filter(|&&b| b == b'\n').count() + 1;
        cannot(format!("is not UTF-8 in line {line}; save it as UTF-8"))
    })
}

fn one(problem: &str) -> ConfigErrors {
    ConfigErrors { problems: vec![problem.to_owned()] }
}
