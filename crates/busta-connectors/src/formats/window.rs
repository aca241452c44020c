//! The bytes of a file that are read and not yet used.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use encoding_rs::Encoding;

use super::MAX_RECORD;
use super::compression::Compression;
use super::encoding::Transcoded;
use super::zip::HARMLESS;

/// A window is at least so large.
const CHUNK: usize = 256 << 10;

/// So many first bytes tell the compression and the encoding.
const HEAD: u64 = 4;

/// What is compressed as a stream may grow so many times. Deflate can do 1,032, and zstd more, with honest rows that are
/// all alike; they are read in bounded memory, so this only ends what would go on for days.
const MAX_GROWTH: u64 = 10_000;

/// A moving view of a file's text: decompressed, in UTF-8, without a byte order mark.
///
/// Offsets count the bytes of that text; for a plain file in UTF-8 they are offsets in the file.
pub struct Window {
    source: Source,
    /// The memory. Only what lies between `start` and `end` means anything.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    trouble: Option<io::Error>,
    read: Arc<Reads>,
}

enum Source {
    Plain(Counted),
    Decoded(Box<dyn Read + Send>),
}

impl Window {
    /// A window at the start of `file`. What is not said is told by the first bytes. `buffer` is
    /// memory to use, from an earlier window. What is compressed may give so many bytes as [`MAX_GROWTH`] says.
    pub fn open(
        file: File,
        compression: Option<Compression>,
        encoding: Option<&'static Encoding>,
        buffer: Vec<u8>,
    ) -> io::Result<Self> {
        let read = Arc::new(Reads::default());
        let mut file = Counted::new(Arc::new(file), read.clone());
        let head = head_of(&mut file, HEAD)?;
        (&*file.file).seek(SeekFrom::Start(0))?;
        match compression.unwrap_or_else(|| Compression::of(&head)) {
            Compression::None => Self::new(Source::Plain(file), head, encoding, buffer, read),
            compression => {
                let left = file.file.metadata()?.len().saturating_mul(MAX_GROWTH).max(HARMLESS);
                let (decoded, head) = peeked(Box::new(Limited { inner: compression.decoder(file)?, left }))?;
                Self::new(Source::Decoded(decoded), head, encoding, buffer, read)
            }
        }
    }

    /// A window at the start of the bytes of an archive's member, which may be compressed once more: then
    /// `most` is how many bytes may come out. `read` is what [`Window::take_read`] and
    /// [`Window::take_waited`] tell.
    pub fn of_member(
        bytes: Box<dyn Read + Send>,
        most: u64,
        (compression, encoding): (Option<Compression>, Option<&'static Encoding>),
        buffer: Vec<u8>,
        read: Arc<Reads>,
    ) -> io::Result<Self> {
        let (mut bytes, mut head) = peeked(bytes)?;
        let compression = compression.unwrap_or_else(|| Compression::of(&head));
        if compression != Compression::None {
            (bytes, head) = peeked(Box::new(Limited { inner: compression.decoder(bytes)?, left: most }))?;
        }
        Self::new(Source::Decoded(bytes), head, encoding, buffer, read)
    }

    fn new(
        mut source: Source,
        head: Vec<u8>,
        encoding: Option<&'static Encoding>,
        buffer: Vec<u8>,
        read: Arc<Reads>,
    ) -> io::Result<Self> {
        let mut offset = 0;
        match encoding.or_else(|| Encoding::for_bom(&head).map(|(encoding, _)| encoding)) {
            Some(encoding) if encoding != encoding_rs::UTF_8 => {
                source = Source::Decoded(Box::new(Transcoded::new(source, encoding)));
            }
            _ if head.starts_with(b"\xef\xbb\xbf") => {
                offset = 3;
                head_of(&mut source, 3)?;
            }
            _ => {}
        }
        Ok(Self { source, bytes: buffer, start: 0, end: 0, offset, ended: false, trouble: None, read })
    }

    /// What is read and not used.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing follows [`Window::unread`].
    pub fn is_last(&self) -> bool {
        self.ended
    }

    /// Where the unread bytes start.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes of the file itself have been read since the last call.
    pub fn take_read(&self) -> u64 {
        self.read.take_bytes()
    }

    /// How long reading the file itself has taken since the last call, without what decoding took.
    pub fn take_waited(&self) -> Duration {
        Duration::from_nanos(self.read.nanos.swap(0, Ordering::Relaxed))
    }

    /// Moves on over `count` unread bytes.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads more: at least as much again as there is, so that looking at the same item anew after
    /// each time costs no more than twice its size. It never holds more than [`MAX_RECORD`] and one
    /// byte: who wants more then has met an item that is too large. An error comes only once everything that was
    /// read before it has been given.
    pub fn fill(&mut self) -> io::Result<()> {
        if let Some(error) = self.trouble.take() {
            return Err(error);
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let before = self.end;
        let until = CHUNK.max(2 * before).min(MAX_RECORD + 1);
        match self.read_until(until) {
            Ok(()) => self.ended = self.end < until,
            Err(error) if self.end == before => return Err(error),
            Err(error) => self.trouble = Some(error),
        }
        Ok(())
    }

    /// Reads until the window ends at `until` of its memory, or the source does: in pieces that are as large as can
    /// be, since a decoder does worse at the ends of each.
    fn read_until(&mut self, until: usize) -> io::Result<()> {
        if self.bytes.is_empty() {
            // Memory that comes as zeros need not be filled with them.
            self.bytes = vec![0; until];
        } else if self.bytes.len() < until {
            self.bytes.resize(until, 0);
        }
        while self.end < until {
            match self.source.read(&mut self.bytes[self.end..until]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves on to `offset`, which is not before this place: by seeking, or by reading over it.
    pub fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        let held = self.unread().len() as u64;
        let ahead = offset.saturating_sub(self.offset);
        if ahead <= held {
            self.consume(ahead as usize);
            return Ok(());
        }
        match &mut self.source {
            Source::Plain(counted) => {
                (&*counted.file).seek(SeekFrom::Start(offset))?;
            }
            decoded @ Source::Decoded(_) => {
                io::copy(&mut decoded.take(ahead - held), &mut io::sink())?;
            }
        }
        self.start = self.end;
        self.offset = offset;
        Ok(())
    }

    /// The memory, for the next window.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

/// The same bytes, and a look at the first of them.
fn peeked(mut bytes: Box<dyn Read + Send>) -> io::Result<(Box<dyn Read + Send>, Vec<u8>)> {
    let head = head_of(&mut bytes, HEAD)?;
    Ok((Box::new(Cursor::new(head.clone()).chain(bytes)), head))
}

/// The first bytes of `source`, at most `count`.
fn head_of(source: &mut impl Read, count: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(count as usize);
    source.take(count).read_to_end(&mut head)?;
    Ok(head)
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(into),
            Self::Decoded(decoded) => decoded.read(into),
        }
    }
}

/// How many bytes of a file have been read, and how long that took.
#[derive(Default)]
pub struct Reads {
    bytes: AtomicU64,
    nanos: AtomicU64,
}

impl Reads {
    /// The bytes since the last call.
    pub fn take_bytes(&self) -> u64 {
        self.bytes.swap(0, Ordering::Relaxed)
    }
}

/// A file that counts what is read of it.
pub(super) struct Counted {
    file: Arc<File>,
    count: Arc<Reads>,
}

impl Counted {
    /// Adds to `count` what is read of `file`.
    pub fn new(file: Arc<File>, count: Arc<Reads>) -> Self {
        Self { file, count }
    }
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let started = Instant::now();
        let count = (&*self.file).read(into)?;
        self.count.nanos.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.count.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Bytes of which there may not be too many.
struct Limited {
    inner: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                let why = "it unpacks to more than can be honest: this looks like a bomb";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn reading_is_counted_and_timed_and_decoding_is_not() {
        let mut file = tempfile::tempfile().unwrap();
        let text = vec![b'x'; 3 * CHUNK];
        file.write_all(&zstd::encode_all(&text[..], 1).unwrap()).unwrap();
        let size = file.stream_position().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut window = Window::open(file, None, None, Vec::new()).unwrap();
        while !window.is_last() {
            window.fill().unwrap();
        }
        assert_eq!(window.unread().len(), text.len());
        // The head is read once more, to tell the compression.
        assert!((size..size + 8).contains(&window.take_read()));
        assert!(window.take_waited() > Duration::ZERO);
        assert_eq!((window.take_read(), window.take_waited()), (0, Duration::ZERO));
    }
}
