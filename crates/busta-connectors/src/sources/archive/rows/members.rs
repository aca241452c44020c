//! The texts of a file: itself, or the members of an archive.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busta_core::{Error, Result};
use serde_json::{Map, Value};

use crate::formats::compression::Compression;
use crate::formats::detect::Format;
use crate::formats::unreadable;
use crate::formats::window::{Reads, Window};
use crate::formats::zip::{Directory, Member, is_hidden, is_zip, most, refuse_bomb};
use crate::sources::archive::fetch::fields;
use crate::sources::archive::member::Said;

/// The texts of one file on the disk, in order.
pub(super) enum Texts {
    /// The file is one text, perhaps compressed.
    Plain(PathBuf),
    /// The members of an archive that hold rows.
    Members { file: Arc<File>, members: Vec<Member> },
}

impl Texts {
    /// Looks what is in the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is an archive that is damaged or a bomb.
    pub fn of(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| unreadable(&error);
        let mut file = File::open(path).map_err(failed)?;
        let mut head = Vec::with_capacity(4);
        (&mut file).take(4).read_to_end(&mut head).map_err(failed)?;
        if Compression::of(&head) != Compression::None {
            return Ok(Self::Plain(path.to_owned()));
        }
        let directory = match Directory::find(&file) {
            // Something may stand before an archive, such as the program that unpacks it.
            Err(_) if !is_zip(&head) => return Ok(Self::Plain(path.to_owned())),
            found => found.map_err(failed)?,
        };
        let size = file.metadata().map_err(failed)?.len();
        let members = directory.members(&file, |name| !is_hidden(name)).map_err(failed)?;
        refuse_bomb(&members, size)?;
        if members.is_empty() {
            return Err(Error::data("the archive holds no file"));
        }
        Ok(Self::Members { file: Arc::new(file), members: with_rows(members) })
    }

    /// Keeps the members whose names say something that is wanted, and tells what.
    ///
    /// # Errors
    /// If this is no archive, or no name says anything.
    pub fn choose(&mut self, said: impl Fn(&str) -> Option<Said>) -> Result<Vec<Map<String, Value>>> {
        let Self::Members { members, .. } = self else {
            return Err(Error::data("it is no archive, and `member` says how members are called"));
        };
        let (mut all, mut is_any) = (Vec::new(), false);
        members.retain(|member| {
            let said = said(&member.name);
            is_any |= said.is_some();
            let values = said.filter(|said| said.wanted).map(|said| fields(&said.values));
            let is_wanted = values.is_some();
            all.extend(values);
            is_wanted
        });
        if is_any { Ok(all) } else { Err(Error::data("no member of it is called as `member` says")) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(_) => 1,
            Self::Members { members, .. } => members.len(),
        }
    }

    /// The place of text `number` in the archive's directory.
    pub fn index(&self, number: usize) -> u64 {
        match self {
            Self::Plain(_) => 0,
            Self::Members { members, .. } => members[number].index,
        }
    }

    /// The first text that is not before this place in the directory.
    pub fn at(&self, index: u64) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Members { members, .. } => members.partition_point(|member| member.index < index),
        }
    }

    /// The name of text `number`, if it has one besides the file's.
    pub fn member(&self, number: usize) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Members { members, .. } => Some(&members[number].name),
        }
    }

    /// A window at the start of text `number`. `buffer` is memory to use.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(&self, number: usize, buffer: Vec<u8>) -> Result<Window> {
        let window = match self {
            Self::Plain(path) => File::open(path).and_then(|file| Window::open(file, None, None, buffer)),
            Self::Members { file, members } => {
                let member = &members[number];
                member.check()?;
                let read = Arc::new(Reads::default());
                member.open(file, read.clone()).and_then(|bytes| {
                    Window::of_member(bytes, most(member.packed), (None, None), buffer, read)
                })
            }
        };
        window.map_err(|error| unreadable(&error))
    }
}

/// The members whose names say that they hold rows; all if none does.
fn with_rows(members: Vec<Member>) -> Vec<Member> {
    let has_rows = |member: &Member| {
        let format = Format::of_name(Path::new(&*member.name));
        matches!(format, Some(Format::Csv | Format::Ndjson | Format::Json))
    };
    if members.iter().any(has_rows) { members.into_iter().filter(has_rows).collect() } else { members }
}
