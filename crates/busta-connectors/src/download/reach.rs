//! Which files of this machine may be downloaded from: none, unless a source says so.

use std::fs;
use std::path::{Path, PathBuf};

use busta_core::{Error, ErrorKind, Result};
use url::Url;

/// The folders whose files a source may copy.
#[derive(Clone, Debug, Default)]
pub struct Reach(Vec<PathBuf>);

impl Reach {
    /// What lies below one of `folders`; of a file among them, what lies beside and below it. Touches nothing.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    /// Where the file that `url` names really is, if it may be read: `..` and links that lead out of the folders do not
    /// count. Blocks.
    pub fn find(&self, url: &Url) -> Result<PathBuf> {
        let path = url.to_file_path().map_err(|()| Error::data(format!("{url} names no file")))?;
        let shown = path.display();
        if self.0.is_empty() {
            return Err(Error::data(format!(
                "{shown} is on this machine, where this source may read nothing"
            )));
        }
        let real = fs::canonicalize(&path).map_err(|error| {
            let is_gone = error.kind() == std::io::ErrorKind::NotFound;
            let kind = if is_gone { ErrorKind::NotFound } else { ErrorKind::Data };
            Error::new(kind, format!("{shown} cannot be read: {error}"))
        })?;
        if self.0.iter().any(|folder| holds(folder, &real)) {
            return Ok(real);
        }
        Err(Error::data(format!(
            "{shown} lies outside of the folders that assets may be copied from, or is hidden there"
        ))
        .hint("name its folder in `copy_from`, if the catalogue is to be trusted with it"))
    }
}

/// Whether `real`, which has no links in it, lies below `folder`, or beside it if that is a file. What is hidden there
/// (`.env`, `.git/`) does not.
fn holds(folder: &Path, real: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(folder) else { return false };
    let folder = if folder.is_file() { folder.parent() } else { Some(&*folder) };
    let below = folder.and_then(|folder| real.strip_prefix(folder).ok());
    below.is_some_and(|below| {
        !below.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_really_lies_below_the_folders_is_found() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        for folder in ["in/deep", "in-other", "out"] {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        for file in ["in/catalog.json", "in/deep/a b.tif", "in/.env", "in-other/a.tif", "out/secret"] {
            fs::write(home.join(file), "x").unwrap();
        }
        let url = |path: &str| Url::from_file_path(home.join("in/catalog.json")).unwrap().join(path).unwrap();
        for root in ["in", "in/catalog.json", "in/../in"] {
            let reach = Reach::new(vec![home.join("gone"), home.join(root)]);
            assert_eq!(reach.find(&url("deep/a b.tif")).unwrap(), home.join("in/deep/a b.tif"), "{root}");
            for outside in ["../out/secret", "deep/../../out/secret", "../in-other/a.tif", ".env"] {
                let error = reach.find(&url(outside)).unwrap_err();
                assert!(error.to_string().contains("outside of the folders"), "{root}, {outside}: {error}");
            }
            assert_eq!(reach.find(&url("gone.tif")).unwrap_err().kind(), ErrorKind::NotFound);
        }
        assert!(
            Reach::default().find(&url("deep/a b.tif")).unwrap_err().message().contains("may read nothing")
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        fs::create_dir(home.join("in")).unwrap();
        fs::write(home.join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(home.join("secret"), home.join("in/a.tif")).unwrap();
        let url = Url::from_file_path(home.join("in/a.tif")).unwrap();
        assert!(Reach::new(vec![home.join("in")]).find(&url).is_err());
        assert!(Reach::new(vec![home.to_owned()]).find(&url).is_ok());
    }
}
