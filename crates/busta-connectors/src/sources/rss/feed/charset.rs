//! From bytes to text, whatever the server and the document claim about the encoding.
//!
//! Order, as feed readers have come to it: a byte order mark; the declared encodings (HTTP first, as RFC
//! 7303 says) if the bytes are valid in them; UTF-8; what the frequencies of the bytes look like.
//! Bytes that are valid UTF-8 in many places are UTF-8 even if something else is declared.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// From this many characters beyond ASCII on, bytes that are all valid UTF-8 are UTF-8 whatever is
/// declared: in other encodings each of them would be so by chance only (one in six or less).
const SURE_OF_UTF8: usize = 4;

/// How far into the document the XML declaration is looked for: some have comments or warnings first.
const DECLARATION_WITHIN: usize = 1024;

/// A text and the name of the encoding that it was read in.
#[derive(Debug, PartialEq)]
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// The encoding, by its name in the Encoding Standard.
    pub encoding: &'static str,
}

/// Reads `bytes`; `charset` is what the server says about them.
pub fn decode<'a>(bytes: &'a [u8], charset: Option<&str>) -> Decoded<'a> {
    if let Some(text) = utf32(bytes) {
        return Decoded { text: Cow::Owned(text), encoding: "utf-32" };
    }
    if let Some((encoding, length)) = marked(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[length..]);
        return named(text, encoding);
    }
    let declared = [charset.map(str::to_owned), declaration(bytes)];
    let candidates = declared.iter().flatten().filter_map(|label| known(label));
    let valid_utf8 = std::str::from_utf8(bytes).ok();
    if let Some(text) = valid_utf8.filter(|text| characters_beyond_ascii(text) >= SURE_OF_UTF8) {
        return named(Cow::Borrowed(text), UTF_8);
    }
    for encoding in candidates.filter(|encoding| *encoding != UTF_16LE && *encoding != UTF_16BE) {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            return named(text, encoding);
        }
    }
    match valid_utf8 {
        Some(text) => named(Cow::Borrowed(text), UTF_8),
        None => last_resort(bytes),
    }
}

/// The encoding that a label names: those of the Encoding Standard, and other names for the same ones
/// that servers and editors use. `None` for encodings that no browser reads either (DOS code pages).
pub fn known(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().to_ascii_lowercase();
    let hyphens = label.replace('_', "-");
    let other = match hyphens.as_str() {
        "ms-ee" => "windows-1250",
        "ms-cyrl" => "windows-1251",
        "ms-ansi" => "windows-1252",
        "ms-greek" => "windows-1253",
        "ms-turk" => "windows-1254",
        "ms-hebr" => "windows-1255",
        "ms-arab" => "windows-1256",
        "winbaltrim" => "windows-1257",
        "cp874" => "windows-874",
        "macroman" => "macintosh",
        "mac-cyrillic" | "maccyrillic" => "x-mac-cyrillic",
        other => other,
    };
    Encoding::for_label(label.as_bytes()).or_else(|| Encoding::for_label(other.as_bytes()))
}

/// Bytes that are valid in nothing that was declared: UTF-8 with a few broken places, or whatever the
/// frequencies of the bytes show.
fn last_resort(bytes: &[u8]) -> Decoded<'_> {
    let text = String::from_utf8_lossy(bytes);
    let broken = text.matches('\u{FFFD}').count();
    if characters_beyond_ascii(&text) - broken > broken * SURE_OF_UTF8 {
        return named(text, UTF_8);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Allow);
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    named(text, encoding)
}

fn named<'a>(text: Cow<'a, str>, encoding: &'static Encoding) -> Decoded<'a> {
    Decoded { text, encoding: encoding.name() }
}

fn characters_beyond_ascii(text: &str) -> usize {
    text.bytes().filter(|byte| *byte >= 0xC0).count()
}

/// The encoding that a byte order mark or the zeros in `<?` show, and the length of the mark.
fn marked(bytes: &[u8]) -> Option<(&'static Encoding, usize)> {
    match bytes {
        [0x3C, 0, next, 0, ..] if *next != 0 => Some((UTF_16LE, 0)),
        [0, 0x3C, 0, next, ..] if *next != 0 => Some((UTF_16BE, 0)),
        _ => Encoding::for_bom(bytes),
    }
}

/// UTF-32, which the Encoding Standard leaves out: with a mark, or beginning with `<`.
fn utf32(bytes: &[u8]) -> Option<String> {
    let (big_endian, rest) = match bytes {
        [0, 0, 0xFE, 0xFF, rest @ ..] => (true, rest),
        [0xFF, 0xFE, 0, 0, rest @ ..] => (false, rest),
        [0, 0, 0, 0x3C, ..] => (true, bytes),
        [0x3C, 0, 0, 0, ..] => (false, bytes),
        _ => return None,
    };
    let read =
        |unit: &[u8; 4]| if big_endian { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) };
    let (units, _) = rest.as_chunks::<4>();
    Some(units.iter().map(|unit| char::from_u32(read(unit)).unwrap_or('\u{FFFD}')).collect())
}

/// The encoding in `<?xml … encoding="…"?>`.
fn declaration(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION_WITHIN)]);
    let (_, after) = head.split_once("<?xml")?;
    let (inside, _) = after.split_once('>')?;
    let (_, value) = inside.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], charset: Option<&str>) -> String {
        decode(bytes, charset).text.into_owned()
    }

    fn declared(encoding: &str, body: &[u8]) -> Vec<u8> {
        [format!("<?xml version='1.0' encoding='{encoding}'?>").as_bytes(), body].concat()
    }

    #[test]
    fn declared_encodings() {
        assert!(text(&declared("iso-8859-1", b"caf\xE9"), None).ends_with("café"));
        assert!(text(&declared("koi8-r", b"\xC4\xC1"), None).ends_with("да"));
        assert!(text(&declared("shift_jis", b"\x93\xFA"), None).ends_with("日"));
        assert!(text(b"<rss>\xE9", Some("iso-8859-1")).ends_with('é'));
    }

    #[test]
    fn marks_go_before_claims() {
        assert_eq!(text(b"\xEF\xBB\xBF<a>\xC3\xA9", Some("iso-8859-1")), "<a>é");
        assert_eq!(text(b"\xFF\xFE<\0a\0>\0\xE9\0", None), "<a>é");
        assert_eq!(text(b"\0<\0?\0x", None), "<?x");
        assert_eq!(text(b"\xFF\xFE\0\0<\0\0\0\xE9\0\0\0", None), "<é");
        assert_eq!(text(b"\0\0\0<\0\0\0a", None), "<a");
    }

    #[test]
    fn wrong_claims_are_seen_through() {
        let utf8 = "déjà vu à Genève";
        assert!(text(&declared("iso-8859-1", utf8.as_bytes()), None).ends_with(utf8));
        assert!(text(&declared("utf-8", b"caf\xE9"), None).ends_with("café"));
        assert!(text(&declared("no-such-thing", b"caf\xE9"), None).ends_with("café"));
        assert!(text(&declared("utf-16", "é".as_bytes()), None).ends_with('é'));
    }

    #[test]
    fn a_broken_place_does_not_spoil_the_rest() {
        let mut bytes = "grüße aus köln, schöne äpfel".as_bytes().to_vec();
        bytes.push(0xFF);
        assert!(text(&bytes, None).starts_with("grüße aus köln"));
    }
}
