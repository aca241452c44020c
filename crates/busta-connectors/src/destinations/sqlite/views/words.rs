//! The words of a text.

use super::stop::StopWords;

/// A term has so many letters and digits: one is hardly a word, and longer ones are keys, hashes or noise.
const LEAST: usize = 2;
const LONGEST: usize = 40;
/// Of a monstrous text the beginning counts, and of its terms so many.
const TEXT_BYTES: usize = 100_000;
const TERMS: usize = 1_000;
/// So many addresses are looked for between two blanks.
const ADDRESSES: usize = 20;

/// The terms of some texts, each once, in the order of their letters.
pub fn terms<'t>(texts: impl Iterator<Item = &'t str>, stop: &StopWords) -> Vec<String> {
    let mut found = Vec::new();
    for text in texts {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES)];
        for chunk in text.split_whitespace() {
            let mut rest = chunk;
            for _ in 0..ADDRESSES {
                let Some((before, after)) = cut_address(rest) else { break };
                Words::of(before, stop, &mut found);
                rest = after;
            }
            Words::of(rest, stop, &mut found);
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(TERMS);
    found
}

/// What stands before and after an address of the web, which ends where a bracket or a quote closes it.
fn cut_address(chunk: &str) -> Option<(&str, &str)> {
    let scheme = chunk.find("://").map(|at| {
        let name = chunk[..at].rfind(|c: char| !c.is_ascii_alphanumeric());
        name.map_or(0, |last| last + chunk[last..].chars().next().map_or(1, char::len_utf8))
    });
    let bare = chunk.find("www.").filter(|&at| !chunk[..at].ends_with(char::is_alphanumeric));
    let start = scheme.into_iter().chain(bare).min()?;
    let address = &chunk[start..];
    let end = address.find([')', ']', '}', '>', '<', '"', '|']).unwrap_or(address.len());
    Some((&chunk[..start], &address[end..]))
}

/// Finds words in a text without blanks and addresses.
struct Words<'a> {
    word: String,
    /// Whether the word is written in signs that are words themselves, or nearly.
    dense: bool,
    stop: &'a StopWords,
    found: &'a mut Vec<String>,
}

impl<'a> Words<'a> {
    fn of(chunk: &str, stop: &'a StopWords, found: &'a mut Vec<String>) {
        let mut words = Self { word: String::new(), dense: false, stop, found };
        let mut at = 0;
        while let Some(c) = chunk[at..].chars().next() {
            at += c.len_utf8();
            let within = !words.word.is_empty();
            let before_letter = chunk[at..].chars().next().is_some_and(char::is_alphanumeric);
            match c {
                _ if c.is_alphanumeric() => words.push(c),
                _ if joins(c) && within => words.word.push(c),
                '\'' | '’' | 'ʼ' if before_letter && within => words.word.push('\''),
                '_' if before_letter && within => words.word.push(c),
                '#' if before_letter => {
                    words.end();
                    words.word.push('#');
                }
                '&' => {
                    words.end();
                    // What stands for a sign in HTML is no word.
                    at += entity(&chunk[at..]).unwrap_or(0);
                }
                _ => words.end(),
            }
        }
        words.end();
    }

    fn push(&mut self, c: char) {
        let dense = is_dense(c);
        if dense != self.dense && !self.word.is_empty() && self.word != "#" {
            self.end();
        }
        self.dense = dense;
        self.word.extend(c.to_lowercase());
    }

    fn end(&mut self) {
        let mut word = std::mem::take(&mut self.word);
        if self.dense && !word.starts_with('#') {
            return self.pairs(&word);
        }
        // A possessive goes, and what was to join a word to one in another script.
        while let Some(shorter) = word.strip_suffix("'s").or_else(|| word.strip_suffix(['\'', '_'])) {
            word.truncate(shorter.len());
        }
        let signs = word.chars().filter(|c| c.is_alphanumeric()).count();
        let is_word = word.chars().any(char::is_alphabetic);
        if is_word && (LEAST..=LONGEST).contains(&signs) && !self.stop.holds(&word) {
            self.found.push(word);
        }
    }

    /// Words without blanks between them: each two signs that stand beside each other, as search engines
    /// count them.
    fn pairs(&mut self, word: &str) {
        let signs: Vec<char> = word.chars().filter(|c| c.is_alphanumeric()).collect();
        for pair in signs.windows(2).take(TERMS) {
            let term: String = pair.iter().collect();
            if !self.stop.holds(&term) {
                self.found.push(term);
            }
        }
    }
}

/// Marks that belong to the letter before them and are no letters themselves: accents, vowel signs, joiners.
fn joins(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}'
        | '\u{900}'..='\u{963}' | '\u{970}'..='\u{d7f}' | '\u{e31}'..='\u{e4e}' | '\u{200c}' | '\u{200d}')
}

/// Chinese and Japanese, which set no blanks.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// How many bytes of `rest` end what an `&` before it began: `amp;`, `#39;`.
fn entity(rest: &str) -> Option<usize> {
    let end = rest.bytes().take(10).position(|b| b == b';').filter(|end| *end > 0)?;
    rest[..end].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#').then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<String> {
        terms([text].into_iter(), &StopWords::new(&["Foo".to_owned(), "#ad".to_owned()]))
    }

    #[test]
    fn words_are_found() {
        for (text, expected) in [
            ("Rust's borrow-checker: it's GREAT!", "borrow checker great rust"),
            ("They’re o'clock 'quoted' rock'n'roll", "o'clock quoted rock'n'roll"),
            ("#RustLang #100 #ad #2fast C# f#", "#2fast #rustlang"),
            ("in 2024, 1,000 runs of 3D x86_64 a11y", "3d a11y runs x86_64"),
            (
                "visit https://a.example/b?c=d and (http://x.y/z)finished [manual](https://q.r) www.s.t quickly",
                "finished manual quickly visit",
            ),
            ("fish &amp; chips&#39;s foo FOO & more", "chips fish"),
            ("Größe naïve cafe\u{301} Ελλάδα हिन्दी", "cafe\u{301} größe naïve ελλάδα हिन्दी"),
            ("東京タワー kyoto", "kyoto タワ 京タ 東京 ワー"),
            ("a b c x", ""),
            (&"x".repeat(41), ""),
            ("___ ''' ### ://", ""),
        ] {
            let mut expected: Vec<&str> = expected.split(' ').filter(|word| !word.is_empty()).collect();
            expected.sort_unstable();
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn monstrous_texts_are_cut() {
        let many: String = (0..50_000).map(|n| format!("w{n}x ")).collect();
        assert_eq!(found(&many).len(), TERMS);
        assert_eq!(found(&"日".repeat(60_000)), ["日日"]);
    }

    proptest! {
        #[test]
        fn terms_are_terms_again(text in "\\PC{0,60}") {
            for term in found(&text) {
                prop_assert!(term.chars().count() >= LEAST);
                prop_assert!(found(&term).contains(&term) || term.contains(is_dense), "{term:?} of {text:?}");
            }
        }
    }
}
