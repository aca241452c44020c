//! Bytes in pieces, most of which are shared with other blobs: what is large in a file takes memory once.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// Pieces in a row.
#[derive(Debug, Default)]
pub(crate) struct Blob {
    pieces: Vec<Bytes>,
    /// Where each piece begins.
    starts: Vec<u64>,
    len: u64,
}

impl FromIterator<Bytes> for Blob {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut blob = Self::default();
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            blob.starts.push(blob.len);
            blob.len += piece.len() as u64;
            blob.pieces.push(piece);
        }
        blob
    }
}

impl Blob {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// About how much memory it takes that is its own.
    pub(crate) fn memory(&self) -> u64 {
        // What is larger than this is made at once only in files of one piece.
        let own = |piece: &&Bytes| piece.is_unique() || piece.len() < 1024;
        let bytes: usize = self.pieces.iter().filter(own).map(Bytes::len).sum();
        (bytes + self.pieces.len() * 64) as u64
    }

    pub(crate) fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// What lies from `at` on: the rest of its piece.
    fn rest(&self, at: u64) -> Bytes {
        let n = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        match (self.pieces.get(n), self.starts.get(n)) {
            (Some(piece), Some(start)) => piece.slice(piece.len().min((at - start) as usize)..),
            _ => Bytes::new(),
        }
    }
}

/// A range of a blob on its way out.
pub(crate) struct Stretch {
    blob: Arc<Blob>,
    left: Range<u64>,
    /// The offset of a byte that goes out wrong.
    corrupt: Option<u64>,
}

impl Stretch {
    /// The range must lie inside.
    pub(crate) fn new(blob: Arc<Blob>, range: Range<u64>) -> Self {
        Self { blob, left: range, corrupt: None }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next bytes, `most` at most; none only at the end.
    pub(crate) fn take(&mut self, most: u64) -> Bytes {
        let mut bytes = self.blob.rest(self.left.start);
        bytes.truncate(self.left().min(most).min(bytes.len() as u64) as usize);
        let range = self.left.start..self.left.start + bytes.len() as u64;
        self.left.start = range.end;
        match self.corrupt.filter(|at| range.contains(at)) {
            Some(at) => {
                let mut bytes = bytes.to_vec();
                bytes[(at - range.start) as usize] ^= 0x01;
                bytes.into()
            }
            None => bytes,
        }
    }

    /// The first `length` bytes of it.
    pub(crate) fn first(mut self, length: u64) -> Self {
        self.left.end = self.left.end.min(self.left.start + length);
        self
    }

    /// The same with another byte in its middle.
    pub(crate) fn corrupt(mut self) -> Self {
        self.corrupt = Some(self.left.start + self.left() / 2);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut stretch: Stretch, most: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while stretch.left() > 0 {
            let bytes = stretch.take(most);
            assert!(!bytes.is_empty() && bytes.len() as u64 <= most);
            out.extend_from_slice(&bytes);
        }
        out
    }

    proptest::proptest! {
        #[test]
        fn every_range_is_a_slice_of_the_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(0u8..=255, 0..9), 0..9),
            cut in (0u64..90, 0u64..90),
            most in 1u64..9,
        ) {
            let whole = pieces.concat();
            let blob: Arc<Blob> = Arc::new(pieces.into_iter().map(Bytes::from).collect());
            proptest::prop_assert_eq!(blob.len(), whole.len() as u64);
            let start = cut.0.min(blob.len());
            let end = (start + cut.1).min(blob.len());
            let right = &whole[start as usize..end as usize];
            proptest::prop_assert_eq!(read(Stretch::new(Arc::clone(&blob), start..end), most), right);
            let wrong = read(Stretch::new(Arc::clone(&blob), start..end).corrupt(), most);
            let differ = wrong.iter().zip(right).filter(|(a, b)| a != b).count();
            proptest::prop_assert_eq!((differ, wrong.len()), (right.len().min(1), right.len()));
            let half = (end - start) / 2;
            proptest::prop_assert_eq!(read(Stretch::new(blob, start..end).first(half), most), &right[..half as usize]);
        }
    }
}
