//! gzip files: members one after another (RFC 1952), and perhaps zeros behind the last, with which tapes and some
//! servers fill up blocks. `gzip` itself passes over them too.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The bytes of all members.
pub(super) struct Gunzip<B> {
    /// The member under way; none behind the last.
    member: Option<GzDecoder<B>>,
}

impl<B: BufRead> Gunzip<B> {
    /// Those of the file that `bytes` are.
    pub fn new(bytes: B) -> Self {
        Self { member: Some(GzDecoder::new(bytes)) }
    }
}

impl<B: BufRead> Read for Gunzip<B> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { return Ok(0) };
            if !is_padding(&mut rest)? {
                self.member = Some(GzDecoder::new(rest));
            }
        }
    }
}

/// Whether nothing but zeros follows; those are passed over.
fn is_padding(bytes: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let some = bytes.fill_buf()?;
        if some.is_empty() {
            return Ok(true);
        }
        let zeros = some.iter().take_while(|byte| **byte == 0).count();
        let is_other = zeros < some.len();
        bytes.consume(zeros);
        if is_other {
            return Ok(false);
        }
    }
}
