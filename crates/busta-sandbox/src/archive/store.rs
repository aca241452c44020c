//! A repository as one request sees it: its tree, and what was published by now.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::make::Making;
use super::shelf::{Object, Shelf, hex};
use super::tree::{Entry, File, Tree, seconds};
use super::world::{ArchiveWorld, Checksums, Tag};

/// How much later each version of a file was published than the one before.
const VERSION_STEP: u64 = 24 * 60 * 60;
/// When in the day behind its period a file is published: 02:17:05.
const PUBLISHED: u64 = 2 * 3600 + 17 * 60 + 5;

/// A world with its tree.
pub(super) struct Site {
    pub(super) world: ArchiveWorld,
    pub(super) tree: Tree,
}

/// A site with the versions of its files.
pub(super) struct Store<'a> {
    pub(super) site: Arc<Site>,
    pub(super) shelf: &'a Shelf,
    /// The how-manieth version of a path is published, from 0.
    pub(super) version: Box<dyn Fn(&str) -> u64 + 'a>,
}

/// What a listing says of a file.
pub(super) struct Listed<'a> {
    pub(super) path: &'a str,
    pub(super) size: u64,
    /// Without quotation marks.
    pub(super) etag: Option<String>,
    pub(super) modified: SystemTime,
}

impl Store<'_> {
    pub(super) fn object<'a>(&'a self, path: &'a str, file: &'a File) -> Object<'a> {
        let (world, version) = (&self.site.world, (self.version)(path));
        let symbol = world.symbols.get(file.symbol).map_or("", String::as_str);
        self.shelf.object(Making { file, path, symbol, shape: &world.shape, version })
    }

    /// The `ETag` of a file, without quotation marks.
    pub(super) fn etag(&self, object: &Object<'_>) -> Option<String> {
        match self.site.world.etag {
            Tag::Md5 => Some(object.md5()),
            Tag::Multipart => Some(object.parts()),
            Tag::Off => None,
        }
    }

    pub(super) fn modified(&self, path: &str, file: &File) -> SystemTime {
        let end = seconds(file.period).end.unsigned_abs();
        UNIX_EPOCH + Duration::from_secs(end + PUBLISHED + (self.version)(path) * VERSION_STEP)
    }

    /// The side file of a path, as it is (`wrong`) or ought to be, and when it was published.
    pub(super) fn side(&self, path: &str, wrong: bool) -> Option<(String, SystemTime)> {
        let Some(Entry::Data(file)) = self.site.tree.get(path) else {
            return None;
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let object = self.object(path, file);
        let sha256 = || if wrong { Sha256::digest(object.sha256()).into() } else { object.sha256() };
        let text = match self.site.world.checksums {
            Checksums::Checksum | Checksums::Sums => format!("{}  {name}\n", hex(&sha256())),
            Checksums::Sha256 => format!("{}\n", hex(&sha256())),
            Checksums::Md5 if wrong => format!("{}  {name}\n", hex(&Md5::digest(object.md5()))),
            Checksums::Md5 => format!("{}  {name}\n", object.md5()),
            Checksums::Off => return None,
        };
        Some((text, self.modified(path, file) + Duration::from_secs(1)))
    }

    /// The checksums of the files of a folder.
    pub(super) fn sums(&self, folder: &str) -> Option<(String, SystemTime)> {
        let (mut text, mut latest) = (String::new(), UNIX_EPOCH);
        for (path, entry) in self.site.tree.under(folder) {
            if let (Entry::Data(_), false) = (entry, path[folder.len()..].contains('/')) {
                let (line, modified) = self.side(path, self.site.world.wrong_checksum.hit(path))?;
                text.push_str(&line);
                latest = latest.max(modified);
            }
        }
        Some((text, latest))
    }

    pub(super) fn listed<'a>(&self, path: &'a str, entry: &Entry) -> Option<Listed<'a>> {
        let (text, modified) = match entry {
            Entry::Data(file) => {
                let object = self.object(path, file);
                let (size, etag) = (object.len(), self.etag(&object));
                return Some(Listed { path, size, etag, modified: self.modified(path, file) });
            }
            Entry::Side(of) => self.side(of, self.site.world.wrong_checksum.hit(of))?,
            Entry::Sums(folder) => self.sums(folder)?,
        };
        let etag = (self.site.world.etag != Tag::Off).then(|| hex(&Md5::digest(&text)));
        Some(Listed { path, size: text.len() as u64, etag, modified })
    }
}
