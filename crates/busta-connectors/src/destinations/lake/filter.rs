//! Which keys may occur more than once, among more of them than can be held.
//!
//! A Bloom filter (Bloom 1970) of the new keys with two bits per key. A key whose bits are all set when it is
//! shown may have been there before: its bits are set in a second field as well, by which it, and the one that
//! it may equal, are known again when all keys are looked at once more. No key that occurs twice is missed;
//! of the others a few are suspected too.

/// Fields have so many bits at most: 8 MiB each.
const MOST_BITS: u64 = 1 << 26;

/// So many bits of a field for each key.
const BITS_PER_KEY: u64 = 16;

/// A filter of the hashes of keys.
pub(super) struct Filter {
    met: Vec<u64>,
    again: Vec<u64>,
    /// The bits of a field less one, which are a power of two.
    mask: u64,
    suspects: u64,
}

impl Filter {
    /// A filter for about `keys` new keys.
    pub(super) fn for_keys(keys: u64) -> Self {
        let bits = keys.saturating_mul(BITS_PER_KEY).next_power_of_two().clamp(64, MOST_BITS);
        let field = vec![0; (bits / 64) as usize];
        Self { met: field.clone(), again: field, mask: bits - 1, suspects: 0 }
    }

    /// Shows it a new key.
    pub(super) fn meet_new(&mut self, hash: u128) {
        let places = self.places(hash);
        let known = places.map(|place| set(&mut self.met, place));
        if known == [true, true] {
            self.suspect(places);
        }
    }

    /// Shows it an old key, after the new ones: it only matters to those.
    pub(super) fn meet_old(&mut self, hash: u128) {
        let places = self.places(hash);
        if places.iter().all(|place| has(&self.met, *place)) {
            self.suspect(places);
        }
    }

    /// How many new keys at most it [suspects again](Self::suspects_again), not counting those that happen to
    /// share their bits.
    pub(super) fn suspects(&self) -> u64 {
        self.suspects
    }

    /// Whether there may be another key with this hash.
    pub(super) fn suspects_again(&self, hash: u128) -> bool {
        self.places(hash).iter().all(|place| has(&self.again, *place))
    }

    fn suspect(&mut self, places: [u64; 2]) {
        for place in places {
            set(&mut self.again, place);
        }
        // This one, and the one before it.
        self.suspects += 2;
    }

    /// Parts of the hash that others do not look at, which take its lowest bits.
    fn places(&self, hash: u128) -> [u64; 2] {
        [(hash >> 64) as u64 & self.mask, (hash >> 96) as u64 & self.mask]
    }
}

fn has(field: &[u64], place: u64) -> bool {
    field[(place / 64) as usize] & (1 << (place % 64)) != 0
}

/// Sets a bit; whether it was set before.
fn set(field: &mut [u64], place: u64) -> bool {
    let (word, bit) = (&mut field[(place / 64) as usize], 1 << (place % 64));
    let was = *word & bit != 0;
    *word |= bit;
    was
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number as a hash has its bits: all over.
    fn hash(n: u64) -> u128 {
        u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    #[test]
    fn most_new_keys_are_not_suspected() {
        let mut filter = Filter::for_keys(100_000);
        (0..100_000).for_each(|n| filter.meet_new(hash(n)));
        (100_000..200_000).for_each(|n| filter.meet_old(hash(n)));
        let suspected = (0..100_000).filter(|n| filter.suspects_again(hash(*n))).count();
        assert!(suspected < 5_000, "{suspected}");
        assert!(filter.suspects() < 5_000, "{}", filter.suspects());
    }

    proptest! {
        #[test]
        fn no_key_that_occurs_twice_is_missed(new in prop::collection::vec(0..500_u64, 0..200), old in prop::collection::btree_set(0..500_u64, 0..200)) {
            let mut filter = Filter::for_keys(20);
            new.iter().for_each(|n| filter.meet_new(hash(*n)));
            old.iter().for_each(|n| filter.meet_old(hash(*n)));
            for (at, n) in new.iter().enumerate() {
                if new[..at].contains(n) || old.contains(n) {
                    prop_assert!(filter.suspects_again(hash(*n)), "{n}");
                }
            }
        }
    }
}
