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

/// The number that eight digits say, all at once: pairs of digits, then of pairs, then of fours are put together
/// in the lanes of one word (Lemire 2022, "Parsing series of integers with SIMD").
#[inline]
fn eight(bytes: [u8; 8]) -> Option<u64> {
    let text = u64::from_le_bytes(bytes);
    // A digit has 3 as its upper half, and still has it with 6 more.
    if text & UPPER != ZEROS || text.wrapping_add(0x0606_0606_0606_0606) & UPPER != ZEROS {
        return None;
    }
    let ones = text & !UPPER;
    let twos = (ones.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000 << 32 | 1) >> 32)
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
    }
}
