//! The folder in which a bench works.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::wiring;

/// A folder of its own that goes when this is dropped, with all generated data and all that was collected.
pub struct Workplace(PathBuf);

impl Workplace {
    /// A new folder below `parent`, or below the system's folder for temporary files.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(parent: Option<&Path>) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        // The child processes work in folders of their own, so a relative path would mislead them.
        let parent = std::path::absolute(&parent)?;
        let folder = parent.join(format!("busta-bench-{}", wiring::new_run_id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new folder in it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(folder)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // A process that was killed a moment ago may still add a file in the midst of it. If it stays,
        // nobody can be told; the system clears its temporary folder in time.
        let _ = (0..3).find(|_| std::fs::remove_dir_all(&self.0).is_ok());
    }
}
