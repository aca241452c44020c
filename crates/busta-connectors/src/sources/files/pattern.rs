//! What `paths` and `exclude` name.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

/// One entry of `paths`.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    /// The file or folder it names, or the deepest folder that a glob names without wildcards.
    pub root: PathBuf,
    /// What the paths below must look like, if it is a glob.
    pub glob: Option<GlobMatcher>,
}

impl Pattern {
    /// Reads one entry. A glob's `*` does not cross folders; `**` does.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is empty; give a file, a folder or a glob".to_owned());
        }
        let path = normal(Path::new(text));
        let is_glob =
            |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
        let root: PathBuf = path.components().take_while(|part| !is_glob(part)).collect();
        if root == path {
            return Ok(Self { text: text.to_owned(), root, glob: None });
        }
        let glob = glob(&path.to_string_lossy())?;
        Ok(Self { text: text.to_owned(), root, glob: Some(glob.compile_matcher()) })
    }
}

/// All entries of `exclude`.
#[derive(Clone, Debug, Default)]
pub struct Excludes {
    paths: GlobSet,
    names: GlobSet,
}

impl Excludes {
    /// Reads all entries.
    pub fn new(texts: &[String]) -> Result<Self, String> {
        let mut paths = GlobSetBuilder::new();
        let mut names = GlobSetBuilder::new();
        for text in texts {
            if text.contains('/') {
                paths.add(glob(&normal(Path::new(text)).to_string_lossy())?);
            } else {
                names.add(glob(text)?);
            }
        }
        let build = |set: GlobSetBuilder| set.build().map_err(|e| e.to_string());
        Ok(Self { paths: build(paths)?, names: build(names)? })
    }

    /// Whether the file or folder of this path is left out.
    pub fn covers(&self, path: &Path) -> bool {
        self.paths.is_match(path) || path.file_name().is_some_and(|name| self.names.is_match(Path::new(name)))
    }
}

fn glob(text: &str) -> Result<globset::Glob, String> {
    GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map_err(|e| format!("`{text}` is not a glob: {}", e.kind()))
}

/// The path without `.` in it, so that a file has one name only.
pub fn normal(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_a_root() {
        let root = |text: &str| Pattern::new(text).unwrap().root;
        assert_eq!(root("./in/a.json"), Path::new("in/a.json"));
        assert_eq!(root("in/**/*.json"), Path::new("in"));
        assert_eq!(root("/data/20??/x"), Path::new("/data"));
        assert_eq!(root("*.csv"), Path::new(""));
        assert!(Pattern::new("").is_err());
        assert!(Pattern::new("a/[").is_err());
    }

    #[test]
    fn excludes_cover_names_and_paths() {
        let excludes = Excludes::new(&["*.log".to_owned(), "in/old/**".to_owned()]).unwrap();
        for (path, covered) in [("in/a/x.log", true), ("in/old/a.json", true), ("in/a.json", false)] {
            assert_eq!(excludes.covers(Path::new(path)), covered, "{path}");
        }
    }
}
