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
#[inline]
pub(super) fn short(text: &[u8], start: usize, end: usize) -> Option<(u64, usize)> {
    const EACH: u128 = u128::MAX / 0xff;
    const POINT: u128 = EACH * (b'.' ^ b'0') as u128;
    const TOP: u128 = EACH << 7;
    let length = end - start;
    let last: &[u8; 16] = text[..end].last_chunk()?;
    if !(1..=16).contains(&length) {
        return None;
    }
    // What stands before it becomes zeros, digits the numbers that they say, a point something else.
    let word = (u128::from_le_bytes(*last) ^ (EACH * u128::from(b'0'))) & (u128::MAX << (8 * (16 - length)));
    // What is not ASCII may pass for a point here.
    let points = !(word ^ POINT).wrapping_add(!TOP) & TOP;
    let (ones, decimals) = match points.trailing_zeros() {
        128 => (word, 0),
        _ if length == 1 => return None,
        bit => {
            // What stands before the point moves into its place.
            let behind = u128::MAX << (bit - 7) << 8;
            let before = !(u128::MAX << (bit - 7));
            ((word & behind) | ((word & before) << 8), 15 - bit as usize / 8)
        }
    };
    if (ones.wrapping_add(EACH * (0x80 - 10)) | word) & TOP != 0 {
        return None;
    }
    Some((joined(ones as u64) * 100_000_000 + joined((ones >> 64) as u64), decimals))
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
