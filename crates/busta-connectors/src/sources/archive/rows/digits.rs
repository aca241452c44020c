//! Decimal digits as numbers.

/// `0` in each of eight bytes.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// The upper half of each.
const UPPER: u64 = 0xf0f0_f0f0_f0f0_f0f0;

/// The number that at most 19 digits say; `None` if there are none, or something else is among them.
#[inline]
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut number = 0;
    let (eights, rest) = text.as_chunks::<8>();
    for bytes in eights {
        number = number * 100_000_000 + eight(*bytes)?;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

/// The number that eight digits say.
#[inline]
fn eight(bytes: [u8; 8]) -> Option<u64> {
    let text = u64::from_le_bytes(bytes);
    // A digit has 3 as its upper half, and still has it with 6 more.
    if text & UPPER != ZEROS || text.wrapping_add(0x0606_0606_0606_0606) & UPPER != ZEROS {
        return None;
    }
    Some(joined(text & !UPPER))
}

/// The number of which eight digits are, from 0 to 9 each, all at once: pairs of digits, then of pairs, then of fours
/// are put together in the lanes of one word (Lemire 2022, "Parsing series of integers with SIMD").
#[inline]
fn joined(ones: u64) -> u64 {
    let twos = (ones.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

/// The digits of a number that is nothing but digits and perhaps a point among them, and how many stand behind it: all
/// at once, where it has at most 16 characters and as many bytes of `text` end with it; else `None`.
#[inline(always)]
pub(super) fn short(text: &[u8], start: usize, end: usize) -> Option<(u64, usize)> {
    let length = end - start;
    let last: &[u8; 16] = text[..end].last_chunk()?;
    if !(1..=16).contains(&length) {
        return None;
    }
    // What stands before it becomes zeros, digits the numbers that they say, a point something else.
    let (words, [keep_first, keep_second]) = (last.as_chunks::<8>().0, KEEP[length]);
    let first = (u64::from_le_bytes(words[0]) ^ ZEROS) & keep_first;
    let second = (u64::from_le_bytes(words[1]) ^ ZEROS) & keep_second;
    let (mut ones, mut decimals) = ((first, second), 0);
    if let Some(point) = Point::find(first) {
        (ones.0, decimals) = (point.filled(first), point.behind() + 8);
    } else if let Some(point) = Point::find(second) {
        (ones, decimals) = ((first << 8, point.filled(second) | first >> 56), point.behind());
        if length == 1 {
            return None;
        }
    }
    let beyond_nine = ones.0.wrapping_add(TO_TOP) | ones.1.wrapping_add(TO_TOP);
    if (beyond_nine | first | second) & TOP != 0 {
        return None;
    }
    Some((joined(ones.0) * 100_000_000 + joined(ones.1), decimals))
}

const EACH: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each of eight bytes.
const TOP: u64 = EACH << 7;
/// What raises each byte that is no digit to it.
const TO_TOP: u64 = EACH * (0x80 - 10);

/// The last so many of 16 bytes.
const KEEP: [[u64; 2]; 17] = {
    let mut keep = [[0; 2]; 17];
    let mut length = 1;
    while length <= 16 {
        let bytes = u128::MAX << (8 * (16 - length));
        keep[length] = [bytes as u64, (bytes >> 64) as u64];
        length += 1;
    }
    keep
};

/// The highest bit of a byte that is the first point in a word.
struct Point(u64);

impl Point {
    /// Looks for it in the bytes of a word less [`ZEROS`]. What is not ASCII may pass for one.
    #[inline]
    fn find(word: u64) -> Option<Self> {
        const POINTS: u64 = EACH * (b'.' ^ b'0') as u64;
        // What differs from it has a bit that carries into the highest.
        let found = !(word ^ POINTS).wrapping_add(!TOP) & TOP;
        (found != 0).then(|| Self(found & found.wrapping_neg()))
    }

    /// The word, in which what stands before the point has moved into its place.
    #[inline]
    fn filled(&self, word: u64) -> u64 {
        let (before, to_point) = ((self.0 >> 7) - 1, (self.0 << 1).wrapping_sub(1));
        (word & !to_point) | (word & before) << 8
    }

    /// How many bytes of the word stand behind it.
    #[inline]
    fn behind(&self) -> usize {
        self.0.leading_zeros() as usize / 8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digits_are_what_they_say(text in "[0-9]{1,19}|[0-9/:.a\\x00\\x7f-]{0,19}") {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(digits(text.as_bytes()), if plain { text.parse().ok() } else { None });
        }

        #[test]
        fn short_numbers_are_what_they_say(
            before in "[0-9,.\\PC]{0,20}", text in "[0-9]{0,9}\\.?[0-9]{0,9}|[0-9.\\-+:/\\PC]{0,17}",
        ) {
            let all = [before.as_bytes(), text.as_bytes()].concat();
            let found = short(&all, before.len(), all.len());
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let digits = [whole, fraction].concat();
            let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let fits = is_plain && text.len() <= 16 && all.len() >= 16;
            prop_assert_eq!(found, fits.then(|| (digits.parse().unwrap(), fraction.len())));
        }
    }
}
