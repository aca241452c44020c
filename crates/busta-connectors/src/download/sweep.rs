//! Part files that nobody will go on with: those of runs that were never resumed.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use super::part::{blocking, locked};

/// A part file that nobody has written to for this long belongs to a run that will not be resumed. Another
/// source may share the folder, whose open downloads are not known here; to be wrong about one costs its
/// bytes once more.
const OLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Folder {
    /// Says which paths have downloads that are open. A source does so when it plans; the first download
    /// that is begun afterwards sweeps what is of no other.
    pub fn keep_parts(&self, open: impl Iterator<Item = String>) {
        *self.unswept() = Some(open.map(|path| Self::part_stem(&path)).collect());
    }

    /// Removes part files that are older than a week, but those of open downloads, if it is time for that.
    /// What cannot be removed is left for the next time.
    pub(super) async fn sweep(&self, now: SystemTime) {
        let Some(open) = self.unswept().take() else { return };
        let swept = blocking(self.parts(), move |parts| Ok(sweep(parts, &open, now))).await;
        match swept {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, folder = %self.root().display(), "swept old part files"),
            Err(error) => tracing::warn!(%error, "part files could not be swept"),
        }
    }
}

fn sweep(parts: &Path, open: &HashSet<String>, now: SystemTime) -> usize {
    let Ok(entries) = std::fs::read_dir(parts) else { return 0 };
    let is_left = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = name.strip_suffix(".part").and_then(|name| name.split('.').next());
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        stem.is_some_and(|stem| !open.contains(stem)) && age.is_some_and(|age| age > OLD)
    };
    // Whoever writes to it holds its lock.
    let remove = |path: &Path| locked(path, false).and_then(|_held| std::fs::remove_file(path)).is_ok();
    entries.flatten().map(|entry| entry.path()).filter(|path| is_left(path) && remove(path)).count()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::super::folder::Rules;
    use super::*;

    #[tokio::test]
    async fn only_what_is_old_and_of_no_open_download_goes() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path().to_owned(), Rules::default());
        let keep = |open: &[&str]| folder.keep_parts(open.iter().map(|path| (*path).to_owned()));
        keep(&[]);
        folder.sweep(SystemTime::UNIX_EPOCH).await;
        std::fs::create_dir_all(folder.parts()).unwrap();
        let written = SystemTime::UNIX_EPOCH + OLD;
        let file = |path: &Path, at| File::create(path).unwrap().set_modified(at).unwrap();
        for path in ["left", "open", "held"] {
            file(&folder.part(path, 2), written);
        }
        file(&folder.part("young", 0), written + OLD);
        file(&folder.parts().join("notes.txt"), written);
        let held = locked(&folder.part("held", 2), false).unwrap();
        let later = written + OLD + Duration::from_secs(1);
        folder.sweep(later).await;
        assert!(folder.part("left", 2).exists(), "nobody has said what is open");
        keep(&["open"]);
        folder.sweep(later).await;
        assert!(!folder.part("left", 2).exists());
        assert!(folder.part("open", 2).exists() && folder.part("young", 0).exists());
        assert!(folder.part("held", 2).exists() && folder.parts().join("notes.txt").exists());
        drop(held);
        keep(&[]);
        folder.sweep(later).await;
        assert_eq!(std::fs::read_dir(folder.parts()).unwrap().count(), 2);
    }
}
