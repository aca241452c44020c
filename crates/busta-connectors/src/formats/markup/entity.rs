//! Character and entity references: `&#38;`, `&#x26;`, `&amp;`, `&eacute;`, and those that a document
//! type declares.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use memchr::memchr;

/// How many bytes the references of one document to its own entities may expand to. A feed that needs
/// more is an attack ("billion laughs"); further references stay as they are.
const EXPANSION_BUDGET: usize = 1 << 20;

/// The longest name of a reference that is looked for.
const MAX_NAME: usize = 32;

/// The entities that a document declares, in the one safe form: a name for a text without references.
#[derive(Debug, Default)]
pub(crate) struct Declared<'a> {
    entities: HashMap<&'a str, Cow<'a, str>>,
    spent: Cell<usize>,
}

impl<'a> Declared<'a> {
    /// Reads the `<!ENTITY name "value">` declarations of a document type. A value may be a text
    /// without references or a single character reference; anything else (parameter entities, external
    /// files, entities made of entities) is left out, so nothing ever expands twice.
    pub(crate) fn read(&mut self, doctype: &'a str) {
        for declaration in doctype.split("<!ENTITY").skip(1) {
            let declaration = declaration.trim_start();
            let Some(space) = declaration.find(char::is_whitespace) else { continue };
            let (name, rest) = declaration.split_at(space);
            let Some(value) = quoted(rest.trim_start()) else { continue };
            let single = value.starts_with("&#") && value.find(';') == Some(value.len() - 1);
            if name != "%" && (single || !value.contains('&')) {
                self.entities.insert(name, decode(value, &Declared::default()));
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        if self.entities.is_empty() {
            return None;
        }
        let value = self.entities.get(name)?;
        let spent = self.spent.get() + value.len();
        self.spent.set(spent);
        (spent <= EXPANSION_BUDGET).then_some(value)
    }
}

fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split(quote).next()
}

/// `text` with its references replaced. What is no known reference stays as it is.
pub(crate) fn decode<'t>(text: &'t str, declared: &Declared<'_>) -> Cow<'t, str> {
    decode_where(text, declared, |_| true)
}

/// As [`decode`], but leaves references to `<`, `>`, `&` and quotes alone and writes a stray `&` as
/// `&amp;`: what is left is proper markup.
pub(crate) fn decode_in_markup<'t>(text: &'t str, declared: &Declared<'_>) -> Cow<'t, str> {
    decode_where(text, declared, |c| !matches!(c, '<' | '>' | '&' | '"' | '\''))
}

fn decode_where<'t>(text: &'t str, declared: &Declared<'_>, wanted: impl Fn(char) -> bool) -> Cow<'t, str> {
    let Some(first) = memchr(b'&', text.as_bytes()) else { return Cow::Borrowed(text) };
    let stray = if wanted('&') { "&" } else { "&amp;" };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while !rest.is_empty() {
        let length = match reference(rest, declared) {
            Some((Value::Character(c), length)) if wanted(c) => {
                out.push(c);
                length
            }
            Some((Value::Character(_), length)) => {
                out.push_str(&rest[..length]);
                length
            }
            Some((Value::Text(value), length)) => {
                out.push_str(value);
                length
            }
            None => {
                out.push_str(stray);
                1
            }
        };
        rest = &rest[length..];
        let plain = memchr(b'&', rest.as_bytes()).unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(out)
}

/// What a reference stands for.
enum Value<'d> {
    Character(char),
    Text(&'d str),
}

/// The value and the length of the reference that `text` begins with.
fn reference<'d>(text: &str, declared: &'d Declared<'_>) -> Option<(Value<'d>, usize)> {
    let head = &text.as_bytes()[1..text.len().min(MAX_NAME + 2)];
    let end =
        head.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'#' | b'_' | b'-' | b'.')))?;
    if head[end] != b';' {
        return None;
    }
    let name = &text[1..=end];
    let value = match name.strip_prefix('#') {
        Some(number) => Value::Character(numbered(number)?),
        None => match declared.get(name) {
            Some(value) => Value::Text(value),
            None => Value::Character(named(name)?),
        },
    };
    Some((value, end + 2))
}

fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    // Codes 128 to 159 are control characters that nobody means; all who write them mean Windows-1252,
    // as the HTML standard says too.
    match u8::try_from(code) {
        Ok(byte @ 0x80..=0x9F) => {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next()
        }
        _ => char::from_u32(code),
    }
}

/// What a byte means in Windows-1252.
pub(crate) fn windows_1252(byte: u8) -> Option<char> {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next()
}

fn named(name: &str) -> Option<char> {
    // Nearly all references are these.
    match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        _ => {}
    }
    let at = NAMED.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    char::from_u32(NAMED[at].1)
}

/// Whether `name` is an entity of HTML 4.
pub(crate) fn is_html(name: &str) -> bool {
    named(name).is_some()
}

/// The entities of HTML 4 and `&apos;`, in byte order. <https://www.w3.org/TR/html401/sgml/entities.html>
#[rustfmt::skip]
const NAMED: &[(&str, u32)] = &[
    ("AElig", 0xc6), ("Aacute", 0xc1), ("Acirc", 0xc2), ("Agrave", 0xc0), ("Alpha", 0x391), ("Aring", 0xc5),
    ("Atilde", 0xc3), ("Auml", 0xc4), ("Beta", 0x392), ("Ccedil", 0xc7), ("Chi", 0x3a7), ("Dagger", 0x2021),
    ("Delta", 0x394), ("ETH", 0xd0), ("Eacute", 0xc9), ("Ecirc", 0xca), ("Egrave", 0xc8),
    ("Epsilon", 0x395), ("Eta", 0x397), ("Euml", 0xcb), ("Gamma", 0x393), ("Iacute", 0xcd), ("Icirc", 0xce),
    ("Igrave", 0xcc), ("Iota", 0x399), ("Iuml", 0xcf), ("Kappa", 0x39a), ("Lambda", 0x39b), ("Mu", 0x39c),
    ("Ntilde", 0xd1), ("Nu", 0x39d), ("OElig", 0x152), ("Oacute", 0xd3), ("Ocirc", 0xd4), ("Ograve", 0xd2),
    ("Omega", 0x3a9), ("Omicron", 0x39f), ("Oslash", 0xd8), ("Otilde", 0xd5), ("Ouml", 0xd6),
    ("Phi", 0x3a6), ("Pi", 0x3a0), ("Prime", 0x2033), ("Psi", 0x3a8), ("Rho", 0x3a1), ("Scaron", 0x160),
    ("Sigma", 0x3a3), ("THORN", 0xde), ("Tau", 0x3a4), ("Theta", 0x398), ("Uacute", 0xda), ("Ucirc", 0xdb),
    ("Ugrave", 0xd9), ("Upsilon", 0x3a5), ("Uuml", 0xdc), ("Xi", 0x39e), ("Yacute", 0xdd), ("Yuml", 0x178),
    ("Zeta", 0x396), ("aacute", 0xe1), ("acirc", 0xe2), ("acute", 0xb4), ("aelig", 0xe6), ("agrave", 0xe0),
    ("alefsym", 0x2135), ("alpha", 0x3b1), ("amp", 0x26), ("and", 0x2227), ("ang", 0x2220), ("apos", 0x27),
    ("aring", 0xe5), ("asymp", 0x2248), ("atilde", 0xe3), ("auml", 0xe4), ("bdquo", 0x201e),
    ("beta", 0x3b2), ("brvbar", 0xa6), ("bull", 0x2022), ("cap", 0x2229), ("ccedil", 0xe7), ("cedil", 0xb8),
    ("cent", 0xa2), ("chi", 0x3c7), ("circ", 0x2c6), ("clubs", 0x2663), ("cong", 0x2245), ("copy", 0xa9),
    ("crarr", 0x21b5), ("cup", 0x222a), ("curren", 0xa4), ("dArr", 0x21d3), ("dagger", 0x2020),
    ("darr", 0x2193), ("deg", 0xb0), ("delta", 0x3b4), ("diams", 0x2666), ("divide", 0xf7),
    ("eacute", 0xe9), ("ecirc", 0xea), ("egrave", 0xe8), ("empty", 0x2205), ("emsp", 0x2003),
    ("ensp", 0x2002), ("epsilon", 0x3b5), ("equiv", 0x2261), ("eta", 0x3b7), ("eth", 0xf0), ("euml", 0xeb),
    ("euro", 0x20ac), ("exist", 0x2203), ("fnof", 0x192), ("forall", 0x2200), ("frac12", 0xbd),
    ("frac14", 0xbc), ("frac34", 0xbe), ("frasl", 0x2044), ("gamma", 0x3b3), ("ge", 0x2265), ("gt", 0x3e),
    ("hArr", 0x21d4), ("harr", 0x2194), ("hearts", 0x2665), ("hellip", 0x2026), ("iacute", 0xed),
    ("icirc", 0xee), ("iexcl", 0xa1), ("igrave", 0xec), ("image", 0x2111), ("infin", 0x221e),
    ("int", 0x222b), ("iota", 0x3b9), ("iquest", 0xbf), ("isin", 0x2208), ("iuml", 0xef), ("kappa", 0x3ba),
    ("lArr", 0x21d0), ("lambda", 0x3bb), ("lang", 0x2329), ("laquo", 0xab), ("larr", 0x2190),
    ("lceil", 0x2308), ("ldquo", 0x201c), ("le", 0x2264), ("lfloor", 0x230a), ("lowast", 0x2217),
    ("loz", 0x25ca), ("lrm", 0x200e), ("lsaquo", 0x2039), ("lsquo", 0x2018), ("lt", 0x3c), ("macr", 0xaf),
    ("mdash", 0x2014), ("micro", 0xb5), ("middot", 0xb7), ("minus", 0x2212), ("mu", 0x3bc),
    ("nabla", 0x2207), ("nbsp", 0xa0), ("ndash", 0x2013), ("ne", 0x2260), ("ni", 0x220b), ("not", 0xac),
    ("notin", 0x2209), ("nsub", 0x2284), ("ntilde", 0xf1), ("nu", 0x3bd), ("oacute", 0xf3), ("ocirc", 0xf4),
    ("oelig", 0x153), ("ograve", 0xf2), ("oline", 0x203e), ("omega", 0x3c9), ("omicron", 0x3bf),
    ("oplus", 0x2295), ("or", 0x2228), ("ordf", 0xaa), ("ordm", 0xba), ("oslash", 0xf8), ("otilde", 0xf5),
    ("otimes", 0x2297), ("ouml", 0xf6), ("para", 0xb6), ("part", 0x2202), ("permil", 0x2030),
    ("perp", 0x22a5), ("phi", 0x3c6), ("pi", 0x3c0), ("piv", 0x3d6), ("plusmn", 0xb1), ("pound", 0xa3),
    ("prime", 0x2032), ("prod", 0x220f), ("prop", 0x221d), ("psi", 0x3c8), ("quot", 0x22), ("rArr", 0x21d2),
    ("radic", 0x221a), ("rang", 0x232a), ("raquo", 0xbb), ("rarr", 0x2192), ("rceil", 0x2309),
    ("rdquo", 0x201d), ("real", 0x211c), ("reg", 0xae), ("rfloor", 0x230b), ("rho", 0x3c1), ("rlm", 0x200f),
    ("rsaquo", 0x203a), ("rsquo", 0x2019), ("sbquo", 0x201a), ("scaron", 0x161), ("sdot", 0x22c5),
    ("sect", 0xa7), ("shy", 0xad), ("sigma", 0x3c3), ("sigmaf", 0x3c2), ("sim", 0x223c), ("spades", 0x2660),
    ("sub", 0x2282), ("sube", 0x2286), ("sum", 0x2211), ("sup", 0x2283), ("sup1", 0xb9), ("sup2", 0xb2),
    ("sup3", 0xb3), ("supe", 0x2287), ("szlig", 0xdf), ("tau", 0x3c4), ("there4", 0x2234), ("theta", 0x3b8),
    ("thetasym", 0x3d1), ("thinsp", 0x2009), ("thorn", 0xfe), ("tilde", 0x2dc), ("times", 0xd7),
    ("trade", 0x2122), ("uArr", 0x21d1), ("uacute", 0xfa), ("uarr", 0x2191), ("ucirc", 0xfb),
    ("ugrave", 0xf9), ("uml", 0xa8), ("upsih", 0x3d2), ("upsilon", 0x3c5), ("uuml", 0xfc),
    ("weierp", 0x2118), ("xi", 0x3be), ("yacute", 0xfd), ("yen", 0xa5), ("yuml", 0xff), ("zeta", 0x3b6),
    ("zwj", 0x200d), ("zwnj", 0x200c),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        decode(text, &Declared::default()).into_owned()
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(NAMED.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn references_become_characters() {
        assert_eq!(plain("a &lt;b&gt; &amp;amp; &eacute;&#233;&#xE9;&#XE9;"), "a <b> &amp; éééé");
        assert_eq!(plain("&#150;&#8364;"), "–€");
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in
            ["AT&T", "a & b", "&", "&;", "&#;", "&#xZZ;", "&#x110000;", "&unknown;", "a=1&b=2;", "&é;"]
        {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn markup_stays_markup() {
        assert_eq!(
            decode_in_markup("Q&A &lt;i&gt; &nbsp;&eacute; &amp;", &Declared::default()),
            "Q&amp;A &lt;i&gt; \u{a0}é &amp;"
        );
    }

    #[test]
    fn declared_entities_expand_once_and_within_a_budget() {
        let mut declared = Declared::default();
        let big = "x".repeat(EXPANSION_BUDGET / 2);
        let doctype = format!(
            r#"<!DOCTYPE r [<!ENTITY a "A"><!ENTITY nb '&#160;'><!ENTITY b "&a;&a;"><!ENTITY big "{big}">
               <!ENTITY % p "q"><!ENTITY ext SYSTEM "file:///etc/passwd">]>"#
        );
        declared.read(&doctype);
        assert_eq!(decode("&a;&nb;&b;&ext;&p;", &declared), "A\u{a0}&b;&ext;&p;");
        let bomb = "&big;".repeat(1000);
        assert!(decode(&bomb, &declared).len() < EXPANSION_BUDGET + bomb.len());
    }
}
