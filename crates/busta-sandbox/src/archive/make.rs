//! Making files: rows, members, containers.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::blob::Blob;
use super::deflate::LAST;
use super::klines;
use super::pack::{self, Member};
use super::pattern::{ALIKE, Pattern, Recipe, Run, runs};
use super::shelf::Patterns;
use super::tree::File;
use super::units::header;
use super::world::{DataType, Layout, Shape};

/// Files of trades with more rows are made of patterns; others are compressed as a whole.
const FEW_ROWS: u64 = 50_000;

/// A file as it is to be made.
pub(super) struct Making<'a> {
    pub(super) file: &'a File,
    pub(super) path: &'a str,
    pub(super) symbol: &'a str,
    pub(super) shape: &'a Shape,
    pub(super) version: u64,
}

/// Where the rows of a file come from.
enum Rows {
    /// From memory, the header among them.
    Few(Vec<Vec<u8>>),
    /// From a pattern.
    Many(Arc<Pattern>, Vec<Run>),
}

impl Making<'_> {
    /// The file.
    pub(super) fn blob(&self, patterns: &Patterns) -> Blob {
        let mut members = self.members(patterns);
        if self.shape.bad_crc.hit(self.path) {
            members.iter_mut().take(1).for_each(|member| member.crc ^= 1);
        }
        let pieces = match self.file.layout {
            Layout::Bybit => members.pop().map(pack::gzip).unwrap_or_default(),
            Layout::Binance => {
                if self.shape.macosx {
                    let junk = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ".as_slice();
                    let name = format!("__MACOSX/._{}", self.name(1, 1));
                    members.push(Member::stored(name, junk.into()));
                }
                pack::zip(members, self.file.period.end())
            }
        };
        pieces.into_iter().collect()
    }

    /// The rows as text, each member's header included.
    pub(super) fn text(&self, patterns: &Patterns) -> Vec<u8> {
        match self.rows(patterns) {
            Rows::Few(rows) => rows.concat(),
            Rows::Many(pattern, runs) => {
                let header =
                    header(self.file).map(|names| format!("{names}\n").into_bytes()).unwrap_or_default();
                runs.iter().fold(header, |mut out, run| {
                    out.extend(pattern.text(*run));
                    out
                })
            }
        }
    }

    fn rows(&self, patterns: &Patterns) -> Rows {
        if self.file.kind == DataType::Klines {
            return Rows::Few(klines::text(self.file, self.symbol, self.version));
        }
        let recipe = |rows| Recipe::new(self.file, self.symbol, self.version, rows);
        let days = self.file.period.days();
        let rows = match self.shape.size {
            Some(size) => (size as f64 / patterns.get(recipe(ALIKE)).bytes_a_row()) as u64 / days,
            None => self.shape.rows,
        };
        let (pattern, runs) = (patterns.get(recipe(rows)), runs(self.file, rows));
        if self.shape.size.is_some() || rows * days > FEW_ROWS {
            return Rows::Many(pattern, runs);
        }
        let head = header(self.file).map(|names| format!("{names}\n").into_bytes());
        Rows::Few(head.into_iter().chain(runs.into_iter().flat_map(|run| pattern.rows(run))).collect())
    }

    fn members(&self, patterns: &Patterns) -> Vec<Member> {
        let count = if self.file.layout == Layout::Bybit { 1 } else { self.shape.members };
        match self.rows(patterns) {
            Rows::Few(mut rows) if self.shape.shuffled.hit(self.path) => {
                shuffle(&mut rows[usize::from(header(self.file).is_some())..]);
                shares(&rows, count).enumerate().map(|(n, rows)| self.few(n, rows, count)).collect()
            }
            Rows::Few(rows) => {
                shares(&rows, count).enumerate().map(|(n, rows)| self.few(n, rows, count)).collect()
            }
            Rows::Many(pattern, runs) => {
                let share = |(n, runs)| self.many(n, &pattern, runs, count);
                shares(&runs, count).enumerate().map(share).collect()
            }
        }
    }

    fn few(&self, n: usize, rows: &[Vec<u8>], count: u64) -> Member {
        let (mut crc, mut plain) = (Hasher::new(), 0);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        for row in rows {
            crc.update(row);
            plain += row.len() as u64;
            // Writing into a vector cannot fail.
            let _ = encoder.write_all(row);
        }
        let packed = encoder.finish().unwrap_or_default();
        Member::deflated(self.name(n + 1, count), vec![packed.into()], &crc, plain)
    }

    fn many(&self, n: usize, pattern: &Pattern, runs: &[Run], count: u64) -> Member {
        let (mut crc, mut plain, mut pieces) = (Hasher::new(), 0, Vec::with_capacity(runs.len() * 3 + 2));
        if let Some(names) = header(self.file).filter(|_| n == 0) {
            let line = format!("{names}\n");
            crc.update(line.as_bytes());
            plain += line.len() as u64;
            pieces.push(stored_block(line.as_bytes()));
        }
        for run in runs {
            let text = pattern.text(*run);
            crc.update(&text);
            plain += text.len() as u64;
            pieces.extend(pattern.block(*run));
        }
        pieces.push(Bytes::from_static(&LAST));
        Member::deflated(self.name(n + 1, count), pieces, &crc, plain)
    }

    /// The name of a member: that of the file, and a number if there are several.
    fn name(&self, n: usize, count: u64) -> String {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        let stem = file.trim_end_matches(".zip");
        if count > 1 { format!("{stem}-part{n}.csv") } else { format!("{stem}.csv") }
    }
}

/// Puts rows out of order, always in the same way.
fn shuffle(rows: &mut [Vec<u8>]) {
    rows.sort_by_cached_key(|row| crc32fast::hash(row));
}

/// `count` shares of about the same size, some of which may be empty.
fn shares<T>(all: &[T], count: u64) -> impl Iterator<Item = &[T]> {
    let count = count as usize;
    (0..count).map(move |n| &all[all.len() * n / count..all.len() * (n + 1) / count])
}

/// A block of a deflated stream whose bytes are not compressed.
fn stored_block(bytes: &[u8]) -> Bytes {
    let length = bytes.len() as u16;
    [&[0], length.to_le_bytes().as_slice(), (!length).to_le_bytes().as_slice(), bytes].concat().into()
}
