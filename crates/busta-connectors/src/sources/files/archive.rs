//! One zip archive that is being read: its members one after another, each like a file of its own.
//!
//! Nothing is unpacked to a disk, but for Parquet, which is read from its end: a member that is Parquet is copied
//! to a temporary file without a name, one at a time. A place inside is a member of the archive's directory and a
//! place in that member's text, or a row. A member that cannot be read is a failure, and the next one is read.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use busta_core::{ErrorKind, Result};

use super::config::Settings;
use super::gather::Gather;
use super::list::Stamp;
use super::open::{OpenFile, Progress};
use super::opened::{Given, Opened, is_table};
use super::plan::Inside;
#[cfg(feature = "parquet")]
use super::table::TableFile;
use crate::formats::CutterPlace;
use crate::formats::detect::Format;
use crate::formats::unreadable;
use crate::formats::window::{Reads, Window};
use crate::formats::zip::{Directory, Member, is_hidden, most, refuse_bomb};

/// An archive, open somewhere between its first member and its end.
pub(super) struct ArchiveFile {
    settings: Arc<Settings>,
    path: String,
    /// The file as it was when it was opened.
    pub stamp: Stamp,
    file: Arc<File>,
    members: Vec<Member>,
    /// The member that comes next, or is under way: a place in `members`.
    next: usize,
    /// The member under way.
    open: Option<Opened>,
    /// The last place where the archive can be left.
    clean: Inside,
    buffer: Vec<u8>,
    read: u64,
    /// What it has given so far.
    pub given: Given,
}

impl ArchiveFile {
    /// Starts to read the archive in `file` at its first member, or goes on at `from`.
    pub fn new(
        settings: &Arc<Settings>,
        path: &str,
        (file, stamp): (File, Stamp),
        from: Option<Inside>,
        buffer: Vec<u8>,
    ) -> Result<Self> {
        let directory = Directory::find(&file).map_err(|error| unreadable(&error))?;
        let wanted = |name: &str| is_wanted(settings, path, name);
        let members = directory.members(&file, wanted).map_err(|error| unreadable(&error))?;
        refuse_bomb(&members, stamp.size)?;
        let member = from.and_then(|inside| inside.member).unwrap_or(0);
        let next = members.partition_point(|known| known.index < member);
        let clean =
            from.unwrap_or(Inside { stamp, member: Some(0), offset: 0, place: CutterPlace::default() });
        Ok(Self {
            settings: settings.clone(),
            path: path.to_owned(),
            stamp,
            file: Arc::new(file),
            members,
            next,
            open: None,
            clean,
            buffer,
            read: directory.size,
            given: Given::before(from),
        })
    }

    /// See [`super::opened::Opened::read`].
    pub fn read(&mut self, gather: &mut Gather) -> Result<Progress> {
        gather.read += std::mem::take(&mut self.read);
        while self.next < self.members.len() {
            match self.member(gather) {
                Ok(Progress::Inside(inside)) => return Ok(Progress::Inside(inside)),
                Ok(Progress::End) => {}
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => {
                    gather.failed(&self.path_of(self.next), &error);
                    self.given.failures = true;
                }
            }
            self.next += 1;
            gather.file_done();
            if let Some(member) = self.members.get(self.next) {
                let start = Inside { member: Some(member.index), offset: 0, ..self.clean };
                self.clean = Inside { place: CutterPlace::default(), ..start };
                if gather.is_full() {
                    return Ok(Progress::Inside(self.clean));
                }
            }
        }
        Ok(Progress::End)
    }

    /// Goes on with the member under way, or opens it.
    fn member(&mut self, gather: &mut Gather) -> Result<Progress> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let outcome = open.read(gather);
        self.given.add(open.given());
        if let Some(place) = open.last_place() {
            self.clean = Inside { member: Some(self.members[self.next].index), ..place };
        }
        if let Ok(Progress::Inside(_)) = outcome {
            self.open = Some(open);
            return Ok(Progress::Inside(self.clean));
        }
        let (buffer, read) = open.close();
        self.buffer = buffer;
        gather.read += read;
        outcome
    }

    fn open(&mut self) -> Result<Opened> {
        let member = &self.members[self.next];
        member.check()?;
        let path = self.path_of(self.next);
        // The start of a member is no place inside it.
        let from = (self.clean.member == Some(member.index) && self.clean.offset > 0).then_some(self.clean);
        let settings = &self.settings;
        let head = member.head(&self.file, 4).map_err(|error| unreadable(&error))?;
        if is_table(settings, &member.name, &head) {
            return self.open_table(member, &path, from);
        }
        let read = Arc::new(Reads::default());
        let buffer = std::mem::take(&mut self.buffer);
        let window = member.open(&self.file, read.clone()).and_then(|bytes| {
            let known = (settings.compression, settings.encoding);
            Window::of_member(bytes, most(member.packed), known, buffer, read)
        });
        let window = window.map_err(|error| unreadable(&error))?;
        let open = OpenFile::over(settings, (&path, Path::new(&*member.name)), (window, self.stamp), from)?;
        Ok(Opened::Text(Box::new(open)))
    }

    #[cfg(feature = "parquet")]
    fn open_table(&self, member: &Member, path: &str, from: Option<Inside>) -> Result<Opened> {
        let file = member.unpacked(&self.file)?;
        let table = TableFile::new(path, (file, self.stamp), from)?;
        Ok(Opened::Table(Box::new(table.packed(member.packed))))
    }

    #[cfg(not(feature = "parquet"))]
    fn open_table(&self, _: &Member, _: &str, _: Option<Inside>) -> Result<Opened> {
        Err(crate::formats::detect::without_parquet())
    }

    /// See [`super::opened::Opened::last_place`].
    pub fn last_place(&self) -> Option<Inside> {
        self.given.records.then_some(self.clean)
    }

    /// See [`super::opened::Opened::close`].
    pub fn close(self) -> (Vec<u8>, u64) {
        (self.buffer, self.read)
    }

    fn path_of(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.members[at].name)
    }
}

/// Whether a member is to be read: it is not passed over as it would be in a folder, not excluded, and its
/// name does not say that it is of another format than the configured one.
fn is_wanted(settings: &Settings, archive: &str, name: &str) -> bool {
    if is_hidden(name) {
        return false;
    }
    let inside = Path::new(name);
    let parts = inside.ancestors().filter(|part| !part.as_os_str().is_empty());
    // Joined as text: a name that starts with a slash would replace the archive's.
    if parts
        .into_iter()
        .any(|part| settings.excludes.covers(Path::new(&format!("{archive}/{}", part.display()))))
    {
        return false;
    }
    match (settings.format, Format::of_name(inside)) {
        (Some(Format::Json | Format::Ndjson), Some(Format::Json | Format::Ndjson)) => true,
        (Some(format), Some(named)) => format == named,
        _ => true,
    }
}
