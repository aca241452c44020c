//! Runs of rows on the disk, each sorted.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use busta_core::failpoint::hit;

use super::Sizes;
use super::merge::Merge;

/// So much of each run is read at once.
const PIECE: usize = 64 << 10;

/// So much is written at once.
const BLOCK: usize = 256 << 10;

/// A file that is removed when nobody needs it any more.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    fn create(path: PathBuf) -> io::Result<(Self, File)> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::create(&path)?;
        Ok((Self(path), file))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is swept with the part files.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Removes what attempts that are dead, or given up, have left of sorting into `scratch` and more.
pub(super) fn clear(scratch: &Path) {
    let name = scratch.file_stem().and_then(|name| name.to_str()).map(|name| format!("{name}."));
    let (Some(name), Some(folder)) = (name, scratch.parent()) else { return };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in
        entries.filter(|entry| entry.file_name().to_str().is_some_and(|file| file.starts_with(&name)))
    {
        // What stays is swept with the part files.
        let _ = std::fs::remove_file(entry.path());
    }
}

/// Runs in the order in which their rows stand in the text, and the one that is being gathered.
pub(super) struct Runs {
    scratch: PathBuf,
    sizes: Sizes,
    text: Vec<u8>,
    /// The time, the start and the end of each row.
    rows: Vec<(i64, usize, usize)>,
    done: Vec<RunFile>,
    /// How many files have been made.
    made: usize,
    /// Where the next merge begins.
    next: usize,
}

/// A run on the disk.
pub(super) struct RunFile {
    file: Scratch,
    rows: u64,
}

impl Runs {
    pub fn new(scratch: PathBuf, sizes: Sizes) -> Self {
        Self { scratch, sizes, text: Vec::new(), rows: Vec::new(), done: Vec::new(), made: 0, next: 0 }
    }

    /// What its files are called like.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub fn push(&mut self, time: i64, row: &[u8]) -> io::Result<()> {
        let start = self.text.len();
        self.text.extend_from_slice(row);
        if !row.ends_with(b"\n") {
            self.text.push(b'\n');
        }
        self.rows.push((time, start, self.text.len()));
        if self.text.len() >= self.sizes.run { self.end_run() } else { Ok(()) }
    }

    /// Writes the run that was gathered.
    pub fn end_run(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut out = self.out(false)?;
        self.rows.sort_by_key(|(time, ..)| *time);
        for (time, start, end) in self.rows.drain(..) {
            out.push(time, &self.text[start..end])?;
        }
        self.text.clear();
        self.done.push(out.end()?);
        hit("archive.sort.run");
        Ok(())
    }

    /// Begins the next merge: of all runs into a text behind `header`, or of so many neighbours that as many are left
    /// as can be open.
    pub fn merge(&mut self, header: &[u8]) -> io::Result<Merge> {
        let (all, most) = (self.done.len(), self.sizes.open);
        let is_last = all <= most;
        if is_last || self.next + 1 >= all {
            self.next = 0;
        }
        let count = if is_last { all } else { most.min(all - most + 1).min(all - self.next) };
        let of = self.next..self.next + count;
        let mut out = self.out(is_last)?;
        if is_last {
            out.file.write_all(header)?;
        }
        let inputs = self.done[of.clone()].iter().map(Run::open).collect::<io::Result<_>>()?;
        Ok(Merge::new(of, inputs, out))
    }

    /// Takes in what a merge has made, in the place of what it was made of; gives it back if that is the text.
    pub fn merged(&mut self, merge: Merge) -> io::Result<Option<Scratch>> {
        let (of, out) = merge.into_parts();
        let is_text = out.is_text;
        let made = out.end()?;
        hit("archive.sort.merge");
        if is_text {
            self.done.clear();
            return Ok(Some(made.file));
        }
        self.next = of.start + 1;
        self.done.splice(of, [made]);
        Ok(None)
    }

    fn out(&mut self, is_text: bool) -> io::Result<Out> {
        let path = match is_text {
            true => self.scratch.clone(),
            false => self.scratch.with_extension(format!("{}.part", self.made)),
        };
        self.made += 1;
        let (scratch, file) = Scratch::create(path)?;
        Ok(Out { scratch, file: BufWriter::with_capacity(BLOCK, file), rows: 0, is_text })
    }
}

/// A file that sorted rows go to: a run, in which each stands behind its time and its length, or the text.
pub(super) struct Out {
    scratch: Scratch,
    file: BufWriter<File>,
    rows: u64,
    is_text: bool,
}

impl Out {
    pub fn push(&mut self, time: i64, row: &[u8]) -> io::Result<()> {
        if !self.is_text {
            self.file.write_all(&time.to_le_bytes())?;
            self.file.write_all(&(row.len() as u64).to_le_bytes())?;
        }
        self.rows += 1;
        self.file.write_all(row)
    }

    fn end(self) -> io::Result<RunFile> {
        self.file.into_inner()?;
        Ok(RunFile { file: self.scratch, rows: self.rows })
    }
}

/// A run that is being read.
pub(super) struct Run {
    file: BufReader<File>,
    /// How many rows follow.
    left: u64,
    /// The time of `row`; nothing at the end.
    pub time: Option<i64>,
    pub row: Vec<u8>,
}

impl Run {
    fn open(run: &RunFile) -> io::Result<Self> {
        let file = BufReader::with_capacity(PIECE, File::open(run.file.path())?);
        let mut run = Self { file, left: run.rows, time: None, row: Vec::new() };
        run.step()?;
        Ok(run)
    }

    /// Goes on to the next row.
    pub fn step(&mut self) -> io::Result<()> {
        let Some(left) = self.left.checked_sub(1) else {
            self.time = None;
            return Ok(());
        };
        let (mut time, mut length) = ([0; 8], [0; 8]);
        self.file.read_exact(&mut time)?;
        self.file.read_exact(&mut length)?;
        self.row.resize(usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX), 0);
        self.file.read_exact(&mut self.row)?;
        (self.left, self.time) = (left, Some(i64::from_le_bytes(time)));
        Ok(())
    }
}
