//! The folder that downloads go to, and what all downloads of a source know together.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use busta_core::{Checkpoint, Cursor, Cursors, Error, Result};
use serde::{Deserialize, Serialize};

use super::ranges::RangesConfig;
use super::reach::Reach;
use super::room::Room;
use super::task::{Expected, Task};
use crate::digest;
use crate::http::shown_url;

/// What stands before the path in the key of a start cursor.
const KEY: &str = "download:";

/// The same for what was refused.
const REFUSED: &str = "refused:";

/// What holds for every download into a folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// An object that nothing can be checked against is a failure.
    pub require_checksum: bool,
    /// A larger object is a failure.
    pub max_size: Option<u64>,
    /// How large objects are fetched by several ranges at once.
    pub ranges: RangesConfig,
}

/// Where downloads of one source go.
pub struct Folder {
    root: PathBuf,
    rules: Rules,
    reach: Reach,
    room: Room,
    shared: Mutex<Shared>,
    /// What must not be swept; nothing if it is not the time for that.
    unswept: Mutex<Option<HashSet<String>>>,
}

#[derive(Default)]
struct Shared {
    /// Who writes which file, both as hashes: there may be a million of them.
    claims: HashMap<u64, u64>,
    /// What earlier runs have left and refused.
    starts: Cursors,
}

/// An object that came twice and was not what it should be. It is not fetched again before it, or what is expected of it,
/// is another; or the file that was kept of it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What it was.
    pub is: String,
    /// What it should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<super::checksum::Checksum>,
    /// How long it should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The object's validators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// See `etag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl Refused {
    /// What is wrong, as a clause for the operator.
    pub fn because(&self) -> String {
        match (&self.checksum, self.size) {
            (Some(checksum), _) => format!("is {} and should be {checksum}", self.is),
            (None, Some(size)) => format!("is {} and should be {size}", self.is),
            (None, None) => format!("is {}", self.is),
        }
    }
}

/// What is known of a file that a run has left complete: its start cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its length.
    pub bytes: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub mtime: i64,
    /// The checksum that it was verified against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<super::checksum::Checksum>,
    /// Something better should have vouched for it than that checksum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubted: bool,
    /// What it hashes to, in hexadecimal digits; what an older version wrote does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The object's validators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// See `etag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl Folder {
    /// The folder at `root`. Touches nothing.
    pub fn new(root: PathBuf, rules: Rules) -> Self {
        let (reach, room) = (Reach::default(), Room::default());
        Self { root, rules, reach, room, shared: Mutex::default(), unswept: Mutex::default() }
    }

    /// Has files of this machine copied to it too, if they are within `reach`.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    /// Which files of this machine may be copied to it.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// What holds for every download into it.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// What is still to come to it.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Begins a run: files belong to nobody yet, and what earlier runs have left is learnt. A source calls it
    /// when it plans, with nothing to learn if it replaces what is there: then every file has to have its
    /// record again.
    pub fn begin(&self, from: Option<&Checkpoint>) {
        let starts = from.map(|from| from.starts.clone()).unwrap_or_default();
        *self.shared() = Shared { claims: HashMap::new(), starts };
    }

    /// What an earlier run has left at `path`.
    pub fn known(&self, path: &str) -> Option<Known> {
        // What an older version wrote costs one more download.
        self.shared().starts.get(&format!("{KEY}{path}"))?.decode().ok()
    }

    /// The start cursor for `path`.
    pub fn start(path: &str, known: &Known) -> Result<(String, Cursor)> {
        Ok((format!("{KEY}{path}"), Cursor::encode(known)?))
    }

    /// What an earlier run has refused to put at `path`.
    pub fn refused(&self, path: &str) -> Option<Refused> {
        self.shared().starts.get(&format!("{REFUSED}{path}"))?.decode().ok()?
    }

    /// The start cursor that says what was refused for `path`, or that nothing is any more.
    pub fn refusal(path: &str, refused: Option<&Refused>) -> Result<(String, Cursor)> {
        Ok((format!("{REFUSED}{path}"), Cursor::encode(&refused)?))
    }

    /// Takes the task's file for `owner`, if the task may be done at all.
    pub fn admit(&self, task: &Task, owner: &str) -> Result<()> {
        self.claim(task, owner)?;
        let Expected { checksum, unverifiable, .. } = &task.expected;
        if self.rules.require_checksum && (checksum.is_none() || unverifiable.is_some()) {
            let why = unverifiable.as_deref().unwrap_or("no checksum is given");
            return Err(Error::data(format!("{}: {why}", shown_url(&task.url)))
                .hint("`require_checksum: false` accepts it unverified"));
        }
        Ok(())
    }

    /// Takes the task's file for `owner`, which is its split's id. Two owners of one file are an error.
    pub fn claim(&self, task: &Task, owner: &str) -> Result<()> {
        if !super::template::stays_below(&task.path) {
            return Err(Error::bug(format!("the path `{}` leaves its folder", task.path)));
        }
        let holder = *self.shared().claims.entry(hash(&task.path)).or_insert(hash(owner));
        if holder == hash(owner) {
            return Ok(());
        }
        Err(Error::config(format!("{owner}: another object goes to the file `{}` already", task.path))
            .hint("name more of what tells them apart in `path`, such as {collection}, {id} and {asset}"))
    }

    /// The file of a task.
    pub fn target(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The file that holds what is not what it should be.
    pub fn quarantine(&self, path: &str) -> PathBuf {
        self.root.join(format!("{path}.quarantine"))
    }

    /// Where the bytes of one beginning gather: on the same disk, and out of the way of whoever looks for
    /// files in the folder.
    pub fn part(&self, path: &str, generation: u32) -> PathBuf {
        self.parts().join(format!("{}.{generation}.part", Self::part_stem(path)))
    }

    /// Where what is made of a file on the way may be; it is swept as part files are.
    pub fn scratch(&self, path: &str) -> PathBuf {
        self.parts().join(format!("{}.rows.part", Self::part_stem(path)))
    }

    /// What the names of a path's part files begin with, up to the first dot.
    pub(super) fn part_stem(path: &str) -> String {
        digest::first(16, path)
    }

    /// Where part files are.
    pub(super) fn parts(&self) -> PathBuf {
        self.root.join("_busta").join("parts")
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn unswept(&self) -> MutexGuard<'_, Option<HashSet<String>>> {
        self.unswept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
