//! The bytes of objects: computable from any offset, so that none is ever in memory as a whole.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::data::{hash, mix};

/// Bytes are made in chunks of this size.
const CHUNK: u64 = 64 << 10;
/// The step of SplitMix64 (Steele, Lea and Flood, 2014), whose output the bytes are.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// What `/objects/{name}?size=&seed=&version=` serves: pseudo-random bytes that depend on the seed and
/// the version alone. Objects of one seed that differ in size start alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// How many bytes it has.
    pub size: u64,
    /// What its bytes are drawn from.
    pub seed: u64,
    /// Which state of it: each has bytes, `ETag` and `Last-Modified` of its own.
    pub version: u64,
}

impl Object {
    /// The object that is served under a name if the request gives no seed.
    pub fn named(name: &str, size: u64) -> Self {
        Self::seeded(hash(name.as_bytes()), size)
    }

    /// The object of a seed.
    pub fn seeded(seed: u64, size: u64) -> Self {
        Self { size, seed, version: 0 }
    }

    /// Its SHA-256. Takes as long as making the bytes and hashing them: about a second for a gigabyte.
    pub fn sha256(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut stretch = Stretch::new(*self, 0..self.size);
        while stretch.left() > 0 {
            digest.update(stretch.take(u64::MAX));
        }
        digest.finalize().into()
    }

    /// Its SHA-256 as STAC's `file:checksum` has it: a multihash in hexadecimal digits, `1220` first.
    pub fn multihash(&self) -> String {
        self.sha256().iter().fold("1220".to_owned(), |mut out, byte| {
            // Writing into a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
    }

    /// The bytes of a range, which must lie inside.
    pub fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut out = Vec::with_capacity((range.end - range.start) as usize);
        self.write(&mut out, range);
        out
    }

    /// Its strong `ETag`, with the quotation marks.
    pub fn etag(&self) -> String {
        format!("\"{:x}-{:x}-{}\"", self.seed, self.size, self.version)
    }

    fn write(&self, out: &mut Vec<u8>, range: Range<u64>) {
        let key = mix(self.seed ^ mix(self.version));
        let word = |n: u64| mix(key.wrapping_add(n.wrapping_mul(STEP))).to_le_bytes();
        let (mut at, end) = (range.start, range.end);
        while at < end && !(at.is_multiple_of(8) && end - at >= 8) {
            out.push(word(at / 8)[(at % 8) as usize]);
            at += 1;
        }
        for n in at / 8..end / 8 {
            out.extend_from_slice(&word(n));
        }
        for offset in at.max(end / 8 * 8)..end {
            out.push(word(offset / 8)[(offset % 8) as usize]);
        }
    }
}

/// A range of an object on its way out.
pub(crate) struct Stretch {
    object: Object,
    left: Range<u64>,
    /// The offset of a byte that goes out wrong.
    corrupt: Option<u64>,
}

impl Stretch {
    pub(crate) fn new(object: Object, range: Range<u64>) -> Self {
        Self { object, left: range, corrupt: None }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next chunk, `most` bytes at most; none only at the end.
    pub(crate) fn take(&mut self, most: u64) -> Bytes {
        let range = self.left.start..self.left.start + self.left().min(most).min(CHUNK);
        self.left.start = range.end;
        let mut bytes = self.object.bytes(range.clone());
        if let Some(at) = self.corrupt.filter(|at| range.contains(at)) {
            bytes[(at - range.start) as usize] ^= 0x01;
        }
        bytes.into()
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

    proptest::proptest! {
        #[test]
        fn every_range_is_a_slice_of_the_whole(seed: u64, start in 0u64..300, length in 0u64..300) {
            let object = Object::seeded(seed, 600);
            let whole = object.bytes(0..600);
            let range = start..start + length;
            proptest::prop_assert_eq!(
                object.bytes(range.clone()),
                &whole[range.start as usize..range.end as usize]
            );
        }
    }

    #[test]
    fn objects_differ_by_seed_and_version_and_never_change() {
        let object = Object::named("a.bin", 100_000);
        assert_eq!(object.bytes(0..100_000), object.bytes(0..100_000));
        assert_ne!(object.bytes(0..64), Object::named("b.bin", 100_000).bytes(0..64));
        let next = Object { version: 1, ..object };
        assert_ne!(object.bytes(0..64), next.bytes(0..64));
        assert_ne!(object.etag(), next.etag());
        let whole = object.bytes(0..100_000);
        let zeros = whole.iter().filter(|byte| **byte == 0).count();
        assert!((250..550).contains(&zeros), "one byte in 256 should be zero: {zeros}");
        assert_eq!(object.sha256(), <[u8; 32]>::from(Sha256::digest(whole)));
        assert_eq!(object.multihash().len(), 68);
        assert!(object.multihash().starts_with("1220"));
    }

    #[test]
    fn stretches_come_in_chunks_and_may_hold_one_wrong_byte() {
        let object = Object::seeded(7, 200_000);
        let read = |mut stretch: Stretch| {
            let mut out = Vec::new();
            while stretch.left() > 0 {
                let bytes = stretch.take(u64::MAX);
                assert!(bytes.len() as u64 <= CHUNK);
                out.extend_from_slice(&bytes);
            }
            out
        };
        let right = object.bytes(10..190_000);
        assert_eq!(read(Stretch::new(object, 10..190_000)), right);
        let wrong = read(Stretch::new(object, 10..190_000).corrupt());
        assert_eq!(right.iter().zip(&wrong).filter(|(a, b)| a != b).count(), 1);
        assert_eq!(read(Stretch::new(object, 10..190_000).first(90)), right[..90]);
    }
}
