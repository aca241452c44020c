//! Text in other encodings than UTF-8, turned into it while it is read.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding};

/// How much is decoded at once.
const PIECE: usize = 32 << 10;

/// Reads text of any encoding as UTF-8. A sequence that is not valid in it becomes U+FFFD.
pub struct Transcoded<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    used: usize,
    ended: bool,
}

impl<R: Read> Transcoded<R> {
    /// Reads `inner`, which is text in `encoding`. A byte order mark is left out.
    pub fn new(inner: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { inner, decoder, raw: vec![0; PIECE], text: Vec::new(), used: 0, ended: false }
    }

    fn decode(&mut self) -> io::Result<()> {
        let count = self.inner.read(&mut self.raw)?;
        self.ended = count == 0;
        let room = self.decoder.max_utf8_buffer_length(count).unwrap_or(4 * PIECE);
        self.text.resize(room, 0);
        let (result, _, written, _) =
            self.decoder.decode_to_utf8(&self.raw[..count], &mut self.text, self.ended);
        debug_assert_eq!(result, CoderResult::InputEmpty);
        self.text.truncate(written);
        self.used = 0;
        Ok(())
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.used == self.text.len() && !self.ended {
            self.decode()?;
        }
        let count = into.len().min(self.text.len() - self.used);
        into[..count].copy_from_slice(&self.text[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_and_latin_1_become_utf_8() {
        let mut wide = vec![0xff, 0xfe];
        wide.extend("a,ü\n🙂".encode_utf16().flat_map(u16::to_le_bytes));
        let mut text = String::new();
        Transcoded::new(wide.as_slice(), encoding_rs::UTF_16LE).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a,ü\n🙂");
        text.clear();
        let latin: &[u8] = b"caf\xe9";
        Transcoded::new(latin, encoding_rs::WINDOWS_1252).read_to_string(&mut text).unwrap();
        assert_eq!(text, "café");
    }
}
