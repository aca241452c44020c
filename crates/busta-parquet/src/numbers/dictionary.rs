//! A dictionary of numbers.
//!
//! A table of hashes with linear probing that is at most half full. Hashing is one multiplication (Knuth's), since
//! the numbers of a column have better things to do than to attack it; if they do, there is no dictionary.

/// Columns with more different values do better without: to look each up costs more than it saves.
const MOST: usize = 1 << 15;

/// Twice as many, so that 16 bits of a hash say where to look.
const PLACES: usize = 1 << 16;

/// 2^64 divided by the golden ratio, made odd.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// So often, for each value, another place may be looked at.
const STEPS: usize = 8;

/// Different numbers, in the order in which they came.
pub(super) struct Dictionary {
    values: Vec<i64>,
    /// The numbers of values, counted from 1; 0 where there is none.
    table: Box<[u16]>,
}

impl Dictionary {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), table: vec![0; PLACES].into() }
    }

    pub(super) fn values(&self) -> &[i64] {
        &self.values
    }

    /// Puts the numbers of these values into `numbers`, and those into the dictionary that it lacks; `false` if
    /// there are too many of them. Then nothing more can be looked up.
    pub(super) fn look_up(&mut self, values: &[i64], numbers: &mut Vec<u16>) -> bool {
        let before = self.values.len();
        let mut steps = STEPS * values.len();
        numbers.clear();
        numbers.reserve(values.len());
        for value in values {
            let Some(number) = self.number(*value, &mut steps) else {
                self.values.truncate(before);
                return false;
            };
            numbers.push(number);
        }
        true
    }

    #[inline]
    fn number(&mut self, value: i64, steps: &mut usize) -> Option<u16> {
        let mut place = (value as u64).wrapping_mul(FACTOR) >> 48;
        loop {
            let found = &mut self.table[place as usize % PLACES];
            let Some(number) = found.checked_sub(1) else {
                if self.values.len() == MOST {
                    return None;
                }
                self.values.push(value);
                *found = self.values.len() as u16;
                return Some(*found - 1);
            };
            if self.values[usize::from(number)] == value {
                return Some(number);
            }
            *steps = steps.checked_sub(1)?;
            place += 1;
        }
    }
}
