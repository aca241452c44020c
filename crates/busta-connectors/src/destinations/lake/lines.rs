//! Complete files of lines, written anew without some of their rows.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use busta_core::{Records, Result};

use super::format::{FileMaker, Form, Made, MadeFile, Paths};
use super::stage::ZSTD_LEVEL;
use super::trouble::io_error;

/// Makes one file of lines.
pub(in crate::destinations) struct LineMaker {
    out: Lines,
    path: PathBuf,
    rows: u64,
    bytes: u64,
}

enum Lines {
    Plain(BufWriter<File>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl LineMaker {
    /// Begins a file.
    pub(in crate::destinations) fn begin(form: Form, mut paths: Paths) -> Result<Self> {
        let path = paths.next();
        let open = || {
            let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
            let out = BufWriter::with_capacity(1 << 17, file);
            Ok(match form {
                Form::Zstd => Lines::Zstd(zstd::Encoder::new(out, ZSTD_LEVEL)?),
                Form::Lines | Form::Columns | Form::Parquet => Lines::Plain(out),
            })
        };
        let out = open().map_err(|e| io_error("create", &path, e))?;
        Ok(Self { out, path, rows: 0, bytes: 0 })
    }

    fn close(self) -> io::Result<u64> {
        let out = match self.out {
            Lines::Plain(out) => out,
            Lines::Zstd(out) => out.finish()?,
        };
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

impl FileMaker for LineMaker {
    fn push(&mut self, rows: &Records) -> Result<bool> {
        let out: &mut dyn Write = match &mut self.out {
            Lines::Plain(out) => out,
            Lines::Zstd(out) => out,
        };
        for row in rows.iter() {
            out.write_all(row)
                .and_then(|()| out.write_all(b"\n"))
                .map_err(|e| io_error("write", &self.path, e))?;
        }
        self.rows += rows.len() as u64;
        self.bytes += rows.bytes();
        Ok(true)
    }

    fn learn(&mut self, _rows: &Records) {}

    fn written(&self) -> u64 {
        self.bytes
    }

    fn finish(self: Box<Self>) -> Result<Made> {
        let (path, rows) = (self.path.clone(), self.rows);
        let bytes = self.close().map_err(|e| io_error("write", &path, e))?;
        let file = MadeFile { path, folder: String::new(), fixed: Vec::new(), rows, bytes };
        Ok(Made { files: vec![file], ..Made::default() })
    }
}
