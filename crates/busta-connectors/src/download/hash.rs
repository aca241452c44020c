//! Hashing while streaming, with a state that a cursor can carry to another process.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::digest::Digest;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

use super::checksum::{Algorithm, Checksum};
use crate::digest::hex;

/// SHA-256 of everything, and beside it the function that the expected checksum is of.
pub struct Hashes {
    sha256: sha2::Sha256,
    other: Option<Other>,
}

enum Other {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha512(sha2::Sha512),
}

impl Hashes {
    /// Hashes of nothing yet.
    pub fn new(asked: Option<Algorithm>) -> Self {
        let other = match asked {
            None | Some(Algorithm::Sha256) => None,
            Some(Algorithm::Md5) => Some(Other::Md5(md5::Md5::new())),
            Some(Algorithm::Sha1) => Some(Other::Sha1(sha1::Sha1::new())),
            Some(Algorithm::Sha512) => Some(Other::Sha512(sha2::Sha512::new())),
        };
        Self { sha256: sha2::Sha256::new(), other }
    }

    /// Hashes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.other {
            None => {}
            Some(Other::Md5(hash)) => hash.update(bytes),
            Some(Other::Sha1(hash)) => hash.update(bytes),
            Some(Other::Sha512(hash)) => hash.update(bytes),
        }
    }

    /// The state in Base64: what to go on from. The hashes of `sha2`, `sha1` and `md-5` keep it
    /// readable over all versions of one minor line.
    pub fn save(&self) -> String {
        let mut state = self.sha256.serialize().to_vec();
        match &self.other {
            None => {}
            Some(Other::Md5(hash)) => state.extend_from_slice(&hash.serialize()),
            Some(Other::Sha1(hash)) => state.extend_from_slice(&hash.serialize()),
            Some(Other::Sha512(hash)) => state.extend_from_slice(&hash.serialize()),
        }
        STANDARD_NO_PAD.encode(state)
    }

    /// Goes on from a saved state. `None` if it is of another version or of other functions, in which
    /// case the bytes have to be hashed again.
    pub fn restore(asked: Option<Algorithm>, saved: &str) -> Option<Self> {
        let state = STANDARD_NO_PAD.decode(saved).ok()?;
        let (sha256, rest) = take(&state)?;
        let (other, rest) = match asked {
            None | Some(Algorithm::Sha256) => (None, rest),
            Some(Algorithm::Md5) => take(rest).map(|(hash, rest)| (Some(Other::Md5(hash)), rest))?,
            Some(Algorithm::Sha1) => take(rest).map(|(hash, rest)| (Some(Other::Sha1(hash)), rest))?,
            Some(Algorithm::Sha512) => take(rest).map(|(hash, rest)| (Some(Other::Sha512(hash)), rest))?,
        };
        rest.is_empty().then_some(Self { sha256, other })
    }

    /// The digests: SHA-256, and that of the function that was asked for.
    pub fn finish(self) -> Digests {
        let checksum = |algorithm, digest: &[u8]| Checksum::new(algorithm, digest.to_vec());
        let sha256 = self.sha256.finalize();
        let asked = match self.other {
            None => checksum(Algorithm::Sha256, &sha256),
            Some(Other::Md5(hash)) => checksum(Algorithm::Md5, &hash.finalize()),
            Some(Other::Sha1(hash)) => checksum(Algorithm::Sha1, &hash.finalize()),
            Some(Other::Sha512(hash)) => checksum(Algorithm::Sha512, &hash.finalize()),
        };
        Digests { sha256: hex(&sha256), asked }
    }
}

/// What an object hashes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// By the function that was asked for, which is SHA-256 if none was.
    pub asked: Option<Checksum>,
}

fn take<H: SerializableState>(state: &[u8]) -> Option<(H, &[u8])> {
    let size = SerializedState::<H>::default().len();
    let (own, rest) = state.split_at_checked(size)?;
    let own = SerializedState::<H>::try_from(own).ok()?;
    Some((H::deserialize(&own).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ASKED: [Option<Algorithm>; 5] =
        [None, Some(Algorithm::Md5), Some(Algorithm::Sha1), Some(Algorithm::Sha256), Some(Algorithm::Sha512)];

    #[test]
    fn digests_are_those_of_the_standards() {
        let digest = |asked| {
            let mut hashes = Hashes::new(asked);
            hashes.update(b"abc");
            hashes.finish().asked.unwrap().to_string()
        };
        assert_eq!(digest(Some(Algorithm::Md5)), "md5:900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digest(Some(Algorithm::Sha1)), "sha1:a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(digest(Some(Algorithm::Sha256)).starts_with("sha256:ba7816bf8f01cfea414140de5dae2223"));
        assert!(digest(Some(Algorithm::Sha512)).starts_with("sha512:ddaf35a193617abacc417349ae204131"));
    }

    proptest! {
        #[test]
        fn a_state_goes_on_where_it_was_saved(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            cut in any::<prop::sample::Index>(),
            which in 0..ASKED.len(),
        ) {
            let cut = cut.index(bytes.len() + 1);
            let mut whole = Hashes::new(ASKED[which]);
            whole.update(&bytes);
            let mut first = Hashes::new(ASKED[which]);
            first.update(&bytes[..cut]);
            let mut second = Hashes::restore(ASKED[which], &first.save()).unwrap();
            second.update(&bytes[cut..]);
            prop_assert_eq!(whole.finish(), second.finish());
        }

        #[test]
        fn any_text_is_restored_or_refused(text in "[A-Za-z0-9+/]{0,200}", which in 0..ASKED.len()) {
            let _ = Hashes::restore(ASKED[which], &text);
        }
    }

    #[test]
    fn a_state_of_other_functions_is_refused() {
        let saved = Hashes::new(Some(Algorithm::Md5)).save();
        assert!(Hashes::restore(None, &saved).is_none());
        assert!(Hashes::restore(Some(Algorithm::Sha512), &saved).is_none());
    }
}
