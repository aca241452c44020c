//! Whether what came is what was wanted.

use super::hash::Digests;
use super::task::Expected;

/// The judgement of a complete object.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what was wanted, as far as anybody has said what that is.
    Good,
    /// It is not.
    Bad {
        /// What it is.
        is: String,
        /// What was wanted.
        wanted: String,
    },
}

/// Compares an object with what is expected. A checksum that holds outweighs a size that does not.
pub fn verdict(expected: &Expected, digests: &Digests, bytes: u64) -> Verdict {
    let shown = |is: &dyn std::fmt::Display, wanted: &dyn std::fmt::Display| Verdict::Bad {
        is: is.to_string(),
        wanted: wanted.to_string(),
    };
    match (&expected.checksum, &digests.asked, expected.size) {
        (Some(wanted), Some(is), _) if wanted == is => Verdict::Good,
        (Some(wanted), Some(is), _) => shown(is, wanted),
        (Some(wanted), None, _) => shown(&"unknown", wanted),
        (None, _, Some(size)) if size != bytes => {
            shown(&format_args!("{bytes} bytes long"), &format_args!("{size}"))
        }
        (None, _, _) => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::super::checksum::Algorithm;
    use super::super::hash::Hashes;
    use super::*;

    #[test]
    fn a_checksum_outweighs_a_size() {
        let digests = |text: &[u8]| {
            let mut hashes = Hashes::new(Some(Algorithm::Md5));
            hashes.update(text);
            hashes.finish()
        };
        let mut expected = Expected { size: Some(9), checksum: digests(b"abc").asked, ..Expected::default() };
        assert_eq!(verdict(&expected, &digests(b"abc"), 3), Verdict::Good);
        assert!(matches!(verdict(&expected, &digests(b"abd"), 9), Verdict::Bad { .. }));
        expected.checksum = None;
        assert!(matches!(verdict(&expected, &digests(b"abc"), 3), Verdict::Bad { .. }));
        expected.size = None;
        assert_eq!(verdict(&expected, &digests(b"abc"), 3), Verdict::Good);
    }
}
