//! A text that does not grow beyond a limit.

use std::io::{Error, Result, Write};

/// Holds what is written to it, up to so many bytes; more is an error.
pub(super) struct Capped {
    bytes: Vec<u8>,
    most: usize,
}

impl Capped {
    pub fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most }
    }

    pub fn into_inner(self) -> Vec<u8> {
        self.bytes
    }
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        match bytes.len() <= room {
            true => Ok(bytes.len()),
            false => Err(Error::other("too long")),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
