//! Finding where a JSON value ends, without reading what is in it.

use memchr::memchr2;

/// Follows brackets and strings, byte after byte, over as many pieces of text as it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// How many brackets are open.
    pub depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// A scan that starts inside `depth` brackets.
    pub fn inside(depth: usize) -> Self {
        Self { depth, ..Self::default() }
    }

    /// Goes on over `bytes` until the last open bracket is closed: the place after it, or `None`
    /// when `bytes` end before that.
    pub fn run(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at += self.string(&bytes[at..]);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Goes on inside a string; says how many bytes were used.
    fn string(&mut self, bytes: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            return 1;
        }
        match memchr2(b'"', b'\\', bytes) {
            Some(at) if bytes[at] == b'"' => {
                self.in_string = false;
                at + 1
            }
            Some(at) => {
                self.escaped = true;
                at + 1
            }
            None => bytes.len(),
        }
    }
}

/// Where the value that starts at the front of `bytes` ends; `None` if that is beyond them. `end`
/// means that nothing follows, which is where a number may end.
pub fn value_end(bytes: &[u8], end: bool) -> Option<usize> {
    match bytes.first()? {
        b'{' | b'[' => Scan::default().run(bytes),
        b'"' => string_end(bytes),
        _ => match bytes.iter().position(|&b| is_blank(b) || matches!(b, b',' | b']' | b'}' | b'{' | b'[')) {
            // A stray bracket is an item of its own, so that there is always progress.
            Some(at) => Some(at.max(1)),
            None => end.then_some(bytes.len()),
        },
    }
}

/// Where the string that starts at the front of `bytes` ends.
pub fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut scan = Scan { in_string: true, ..Scan::default() };
    let mut at = 1;
    while scan.in_string && at < bytes.len() {
        at += scan.string(&bytes[at..]);
    }
    (!scan.in_string).then_some(at)
}

/// How many blanks stand at the front of `bytes`.
pub fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| !is_blank(b)).unwrap_or(bytes.len())
}

/// How many blanks and commas stand at the front of `bytes`.
pub fn separators(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| !is_blank(b) && b != b',').unwrap_or(bytes.len())
}

/// Blanks of JSON, and the record separator of RFC 7464.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x1e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end() {
        for (text, length) in
            [(r#"{"a":"}\"]"} x"#, 12), ("[1,[2]],", 7), (r#""a\\" "#, 5), ("12,", 2), ("null]", 4), ("]", 1)]
        {
            assert_eq!(value_end(text.as_bytes(), false), Some(length), "{text}");
        }
        for open in [r#"{"a":"}"#, "[1", r#""a\""#, "12"] {
            assert_eq!(value_end(open.as_bytes(), false), None, "{open}");
        }
        assert_eq!(value_end(b"12", true), Some(2));
    }

    #[test]
    fn a_scan_goes_on_over_pieces() {
        let text = br#"{"a\\\"}":[1,{"b":"]"}]} rest"#;
        for cut in 0..text.len() - 5 {
            let mut scan = Scan::default();
            let end = scan.run(&text[..cut]).or_else(|| scan.run(&text[cut..]).map(|n| n + cut));
            assert_eq!(end, Some(text.len() - 5), "cut at {cut}");
        }
    }
}
