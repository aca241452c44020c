//! When two spellings are one name.

use icu_normalizer::ComposingNormalizerBorrowed;

/// After so many rounds every text is as it stays; what is left out may bring together what then combines.
const MOST_ROUNDS: usize = 4;

/// What all spellings of a name share: its letters and digits, of any script, without regard to case, width, and
/// the way in which accents are written. `Acme Corp.`, `ACME-CORP` and `ＡＣＭＥ corp` are `acmecorp`.
///
/// The rule: Unicode NFKC, each character in lower, upper and lower case again (which is full case folding but for
/// the dotless i, which becomes an i), NFKC, and of that what is alphabetic or numeric (`char::is_alphanumeric`).
/// Accents that belong to a letter stay: `é` is no `e`. A name without letters and digits is itself, folded.
/// <https://www.unicode.org/reports/tr15/>
pub fn name_key(name: &str) -> String {
    let mut key = folded(name);
    for _ in 0..MOST_ROUNDS {
        let letters: String = key.chars().filter(|c| c.is_alphanumeric()).collect();
        let next = folded(if letters.is_empty() { key.trim() } else { &letters });
        if next == key {
            break;
        }
        key = next;
    }
    key
}

fn folded(text: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let lower = |c: char| c.to_lowercase();
    let folded: String =
        nfkc.normalize(text).chars().flat_map(lower).flat_map(char::to_uppercase).flat_map(lower).collect();
    nfkc.normalize(&folded).into_owned()
}

#[cfg(test)]
mod tests {
    use icu_normalizer::DecomposingNormalizerBorrowed;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name() {
        for (spellings, key) in [
            (
                &["Acme Corp.", "ACME-CORP", "acme_corp!", "\u{ff21}\u{ff23}\u{ff2d}\u{ff25} corp"][..],
                "acmecorp",
            ),
            (&["Stra\u{df}e 7", "STRASSE7", "stra\u{1e9e}e-7"], "strasse7"),
            (&["Caf\u{e9}", "CAFE\u{301}", "caf\u{e9}."], "caf\u{e9}"),
            (
                &["\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}"],
                "\u{3bf}\u{3b4}\u{3bf}\u{3c3}",
            ),
            (
                &["\u{30ab}\u{30e1}\u{30e9} \u{5c4b}", "\u{ff76}\u{ff92}\u{ff97}\u{5c4b}"],
                "\u{30ab}\u{30e1}\u{30e9}\u{5c4b}",
            ),
            (
                &["\u{645}\u{62a}\u{62c}\u{631} 5", "\u{645}\u{62a}\u{62c}\u{631}-5"],
                "\u{645}\u{62a}\u{62c}\u{631}5",
            ),
            (&["***", " *** "], "***"),
        ] {
            for spelling in spellings {
                assert_eq!(name_key(spelling), key, "{spelling}");
            }
        }
        assert_ne!(name_key("Caf\u{e9}"), name_key("Cafe"));
    }

    proptest! {
        #[test]
        fn case_width_and_signs_make_no_difference(name in "\\PC{0,12}", sign in "[ .,_!*()&'/+-]") {
            let key = name_key(&name);
            prop_assert_eq!(name_key(&key), key.clone());
            let nfd = DecomposingNormalizerBorrowed::new_nfd().normalize(&name).into_owned();
            prop_assert_eq!(name_key(&nfd), key.clone());
            if name.chars().any(char::is_alphanumeric) {
                prop_assert_eq!(name_key(&name.to_lowercase()), key.clone());
                prop_assert_eq!(name_key(&format!("{sign}{name}{sign}")), key.clone());
                prop_assert!(key.chars().any(char::is_alphanumeric));
            }
        }

        #[test]
        fn signs_between_letters_make_no_difference(words in proptest::collection::vec("[\\p{Lu}\\p{Ll}\\p{Lo}\\p{Nd}]{1,6}", 1..4), sign in "[ .,_!*()&'/+-]{1,3}") {
            let key = name_key(&words.concat());
            // Where words meet, what stands apart could not have combined either.
            prop_assume!(words.iter().map(|word| name_key(word)).collect::<String>() == key);
            prop_assert_eq!(name_key(&words.join(&sign)), key);
        }
    }
}
