//! A line that states a checksum, in the forms that tools write.
//!
//! | form | written by |
//! | --- | --- |
//! | `HASH  NAME`, `HASH *NAME` | `sha256sum` and its kin of GNU coreutils, `shasum`, exchanges |
//! | `\HASH  NAME` | the same, where the name holds `\\`, `\n` or `\r` for a character that breaks lines |
//! | `SHA256 (NAME) = HASH` | `sha256sum --tag`, the BSDs |
//! | `SHA2-256(NAME)= HASH` | `openssl dgst` |
//! | `NAME: HASH`, `NAME HASH` | people |
//! | `HASH`, `sha256:HASH` | scripts, registries |
//!
//! <https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html>

use std::borrow::Cow;

use crate::download::{Algorithm, Checksum};

/// The lengths, in hexadecimal digits, of hashes that are in use.
const LENGTHS: [usize; 6] = [32, 40, 56, 64, 96, 128];

/// The longest name of a function: `SHA512/256`, `ripemd160sums`.
const MAX_FUNCTION: usize = 16;

/// A checksum and what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashLine<'a> {
    /// The path as it stands in the line; `None` for a hash alone.
    pub name: Option<Cow<'a, str>>,
    /// The checksum.
    pub stated: Stated<'a>,
}

/// A checksum as it is stated, which may be by a function that is not computed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated<'a> {
    function: Option<Function>,
    digits: &'a str,
}

/// A function that makes checksums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// One that is computed here.
    Known(Algorithm),
    /// Another one, by its name.
    Other(String),
}

impl Function {
    /// The function of this name: `SHA256`, `sha2-256`, `SHA256SUMS`, `md5`. `None` if it names none.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        if name.len() > MAX_FUNCTION {
            return None;
        }
        let lower = name.to_ascii_lowercase().replace(['-', '_'], "");
        let plain = lower.strip_suffix("sums").or_else(|| lower.strip_suffix("sum")).unwrap_or(&lower);
        Some(match plain {
            "md5" => Self::Known(Algorithm::Md5),
            "sha1" | "sha" => Self::Known(Algorithm::Sha1),
            "sha256" | "sha2256" => Self::Known(Algorithm::Sha256),
            "sha512" | "sha2512" => Self::Known(Algorithm::Sha512),
            "b2" | "b3" | "sm3" | "tiger" | "whirlpool" | "crc32" | "crc32c" | "md4" | "ck" => {
                Self::Other(plain.to_owned())
            }
            _ if is_of_a_family(plain) => Self::Other(plain.to_owned()),
            _ => return None,
        })
    }
}

/// `sha384`, `sha512/256`, `blake2b`, `ripemd160`; not `sha.zip`.
fn is_of_a_family(name: &str) -> bool {
    let families = ["sha", "blake", "rmd", "ripemd", "xxh"];
    let rest = families.iter().find_map(|family| name.strip_prefix(family));
    rest.is_some_and(|rest| {
        rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'b' | b's' | b'h'))
    })
}

impl<'a> Stated<'a> {
    /// Reads `HASH` or `sha256:HASH`.
    pub(super) fn parse(word: &'a str) -> Option<Self> {
        let (function, digits) = match word.split_once([':', '=']) {
            Some((name, digits)) => (Some(Function::of_name(name)?), digits.trim_start()),
            None => (None, word),
        };
        is_hash(digits).then_some(Self { function, digits })
    }

    /// The checksum. Its function is what the line says, else what is said elsewhere, else what its length
    /// tells. The error is a clause.
    pub(super) fn checksum(&self, said: Option<&Function>) -> Result<Checksum, String> {
        let length = self.digits.len();
        let algorithm = match self.function.as_ref().or(said) {
            Some(Function::Known(algorithm)) => *algorithm,
            Some(Function::Other(name)) => return Err(format!("is by {name}, which busta does not compute")),
            None => match length {
                32 => Algorithm::Md5,
                40 => Algorithm::Sha1,
                64 => Algorithm::Sha256,
                128 => Algorithm::Sha512,
                _ => return Err(format!("has {length} hexadecimal digits, which busta does not compute")),
            },
        };
        Checksum::from_hex(algorithm, self.digits)
            .ok_or_else(|| format!("should be by {} and has {length} hexadecimal digits", algorithm.name()))
    }
}

impl<'a> HashLine<'a> {
    /// Reads a line; `None` if it states no checksum.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (line, escaped) = match line.strip_prefix('\\') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        let (name, stated) = tagged(line).or_else(|| hash_first(line)).or_else(|| hash_last(line))?;
        let name = match name {
            "" => None,
            name if escaped => Some(unescaped(name)),
            name => Some(Cow::Borrowed(name)),
        };
        Some(Self { name, stated })
    }
}

/// `SHA256 (NAME) = HASH`.
fn tagged(line: &str) -> Option<(&str, Stated<'_>)> {
    let (head, digits) = line.rsplit_once('=')?;
    let (tag, name) = head.trim_end().strip_suffix(')')?.split_once('(')?;
    let function = Function::of_name(tag.trim_end())?;
    let digits = digits.trim();
    (is_hash(digits) && !name.is_empty()).then_some((name, Stated { function: Some(function), digits }))
}

/// `HASH  NAME` or a hash alone.
fn hash_first(line: &str) -> Option<(&str, Stated<'_>)> {
    let line = line.trim();
    let (word, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    let stated = Stated::parse(word)?;
    // One space, and one more character for the mode: a second space (text) or `*` (binary).
    let mut name = rest.chars();
    name.next();
    let name = name.as_str();
    let name = name.strip_prefix('*').unwrap_or(name);
    Some((name.trim_start(), stated))
}

/// `NAME: HASH`, or `SHA256: HASH`.
fn hash_last(line: &str) -> Option<(&str, Stated<'_>)> {
    let (name, word) = line.trim().rsplit_once(char::is_whitespace)?;
    let name = name.trim_end();
    let name = name.strip_suffix([':', '=']).unwrap_or(name).trim_end();
    let mut stated = Stated::parse(word)?;
    match Function::of_name(name) {
        Some(function) => {
            stated.function = Some(function);
            Some(("", stated))
        }
        None => Some((name, stated)),
    }
}

fn is_hash(word: &str) -> bool {
    LENGTHS.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn unescaped(name: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next @ ('\\' | 'n' | 'r'))) => {
                chars.next();
                out.push(match next {
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                });
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The lines that may say something, each with its number from 1: without a byte order mark, empty lines,
/// comments, and what OpenPGP puts around a signed text.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut armour = Armour::Text;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim_end();
        let is_text = armour.pass(line);
        (is_text && !line.is_empty() && !line.starts_with('#')).then_some((index + 1, line))
    })
}

/// Where a line stands in a text that is signed in the clear (RFC 9580, 7).
enum Armour {
    Text,
    Head,
    Signature,
}

impl Armour {
    /// Goes past a line, and says whether it belongs to the text.
    fn pass(&mut self, line: &str) -> bool {
        match (&self, line) {
            (Self::Text, "-----BEGIN PGP SIGNED MESSAGE-----") => *self = Self::Head,
            (Self::Text, "-----BEGIN PGP SIGNATURE-----") => *self = Self::Signature,
            (Self::Head, "") | (Self::Signature, "-----END PGP SIGNATURE-----") => *self = Self::Text,
            (Self::Text, _) => return true,
            (Self::Head | Self::Signature, _) => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// `NAME | FUNCTION`, with the hash left out.
    fn read(line: &str) -> Option<String> {
        let line = line.replace("MD5SUM", MD5).replace("HASH", SHA256);
        let line = HashLine::parse(&line)?;
        let function = match line.stated.checksum(None) {
            Ok(checksum) => checksum.algorithm().name().to_owned(),
            Err(why) => why,
        };
        Some(format!("{} | {function}", line.name.as_deref().unwrap_or("-")))
    }

    #[test]
    fn the_forms_of_a_line() {
        for (line, expected) in [
            ("HASH  a.zip", "a.zip | sha256"),
            ("HASH *a.zip", "a.zip | sha256"),
            ("HASH  *a.zip", "*a.zip | sha256"),
            ("HASH\ta b.zip", "a b.zip | sha256"),
            ("HASH a.zip", "a.zip | sha256"),
            ("MD5SUM  ./x/a.zip", "./x/a.zip | md5"),
            (r"\HASH  a\nb\\c\x.zip", "a\nb\\c\\x.zip | sha256"),
            ("SHA256 (a (1).zip) = HASH", "a (1).zip | sha256"),
            ("SHA2-256(a.zip)= HASH", "a.zip | sha256"),
            ("MD5 (a=b.zip) = MD5SUM", "a=b.zip | md5"),
            ("BLAKE2s (a.zip) = HASH", "a.zip | is by blake2s, which busta does not compute"),
            ("SHA512/256 (a.zip) = HASH", "a.zip | is by sha512/256, which busta does not compute"),
            ("a.zip: HASH", "a.zip | sha256"),
            ("a b.zip   HASH", "a b.zip | sha256"),
            ("sha-files.zip HASH", "sha-files.zip | sha256"),
            ("HASH", "- | sha256"),
            ("  HASH  ", "- | sha256"),
            ("sha256:HASH", "- | sha256"),
            ("SHA256: HASH", "- | sha256"),
            ("SHA256 = HASH", "- | sha256"),
            ("md5:HASH", "- | should be by md5 and has 64 hexadecimal digits"),
        ] {
            assert_eq!(read(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_state_nothing() {
        for line in ["", "a.zip", "HASH0  a.zip", "deadbeef  a.zip", "()=HASH", "Hash: SHA256"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn what_surrounds_the_lines_is_left_out() {
        let signed = "\u{FEFF}-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n# files\r\na  \r\n\r\nb\r\n\
            -----BEGIN PGP SIGNATURE-----\r\n\r\niQEz\r\n-----END PGP SIGNATURE-----\r\n";
        assert_eq!(lines(signed).collect::<Vec<_>>(), [(5, "a"), (7, "b")]);
    }
}
