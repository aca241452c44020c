//! The quick way through an object: fields whose names and values are plain are told apart by their bytes,
//! and nothing else of them is looked at twice.
//!
//! It takes what `serde_json` takes, and no more. Values that are not plain (objects, arrays, texts with
//! escapes) are left to it, and so is the whole rest of an object where anything is not as expected.

use serde_json::value::RawValue;

/// The walk has stopped at something that is not plain, after so many fields.
pub(super) struct Stopped(pub usize);

/// Calls `each` with the name and the text of every field of the object that `text` is.
pub(super) fn walk<'a>(text: &'a str, mut each: impl FnMut(&'a str, &'a str)) -> Result<(), Stopped> {
    let bytes = text.as_bytes();
    let mut fields = 0;
    let mut at = blanks(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Err(Stopped(0));
    }
    at = blanks(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return end(bytes, at + 1).ok_or(Stopped(0));
    }
    loop {
        let stopped = || Stopped(fields);
        let name_end = plain_text(bytes, at).ok_or_else(stopped)?;
        let colon = blanks(bytes, name_end);
        if bytes.get(colon) != Some(&b':') {
            return Err(stopped());
        }
        let value = blanks(bytes, colon + 1);
        let value_end = value_end(text, value).ok_or_else(stopped)?;
        let next = blanks(bytes, value_end);
        let is_last = match bytes.get(next) {
            Some(b',') => false,
            Some(b'}') => true,
            _ => return Err(stopped()),
        };
        each(&text[at + 1..name_end - 1], &text[value..value_end]);
        fields += 1;
        if is_last {
            return end(bytes, next + 1).ok_or(Stopped(fields));
        }
        at = blanks(bytes, next + 1);
    }
}

/// Nothing but blanks may follow.
fn end(bytes: &[u8], at: usize) -> Option<()> {
    (blanks(bytes, at) == bytes.len()).then_some(())
}

#[inline]
fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Where the value that starts at `at` ends.
#[inline]
fn value_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let word = |word: &[u8]| bytes[at..].starts_with(word).then_some(at + word.len());
    match bytes.get(at)? {
        b'"' => plain_text(bytes, at).or_else(|| any_end(text, at)),
        b'-' | b'0'..=b'9' => number(bytes, at),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => any_end(text, at),
    }
}

/// Where the text that starts at `at` ends, if it has no escapes.
#[inline]
fn plain_text(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let rest = &bytes[at + 1..];
    let length = memchr::memchr(b'"', rest)?;
    let is_plain = rest[..length].iter().fold(true, |plain, byte| plain & (*byte >= 0x20) & (*byte != b'\\'));
    is_plain.then_some(at + length + 2)
}

/// Where the number that starts at `at` ends (RFC 8259, section 6).
#[inline]
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |mut at: usize| {
        let from = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > from).then_some(at)
    };
    let whole = at + usize::from(bytes[at] == b'-');
    let mut end = if bytes.get(whole) == Some(&b'0') { whole + 1 } else { digits(whole)? };
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        end += 1;
        if let Some(b'+' | b'-') = bytes.get(end) {
            end += 1;
        }
        end = digits(end)?;
    }
    Some(end)
}

/// Where any value ends, by the library.
fn any_end(text: &str, at: usize) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<&RawValue>();
    values.next()?.ok()?;
    Some(at + values.byte_offset())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::super::{for_each_field, slow};

    type Told = (Vec<(String, String)>, bool);

    fn quick(text: &[u8]) -> Told {
        let mut fields = Vec::new();
        let outcome = for_each_field(text, |name, raw| fields.push((name.into_owned(), raw.to_owned())));
        (fields, outcome.is_ok())
    }

    fn library(text: &[u8]) -> Told {
        let mut fields = Vec::new();
        let Ok(text) = str::from_utf8(text) else { return (fields, false) };
        let each = |name: Cow<'_, str>, raw: &str| fields.push((name.into_owned(), raw.to_owned()));
        let outcome = slow(text, each);
        (fields, outcome.is_ok())
    }

    #[test]
    fn it_takes_what_the_library_takes() {
        for text in [
            r#"{"a":1,"b":"x","c":null,"d":true,"e":false,"f":-0.5e+10,"g":[1,{"a":2}],"h":{}}"#,
            r#" { "a" : 1 , "b\n" : "\u00e9" , "ü" : "ü" } "#,
            "{}",
            " { } ",
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":-}"#,
            r#"{"a":1e}"#,
            r#"{"a":tru}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a"1}"#,
            r#"{a:1}"#,
            r#"{"a":1}}"#,
            r#"{"a":1} {"#,
            "{\"a\":\"\n\"}",
            "{\"a\n\":1}",
            r#"{"a":"\x"}"#,
            r#"{"a":[1}"#,
            r#"{"a":1"#,
            "",
            "[]",
            "{",
        ] {
            assert_eq!(quick(text.as_bytes()), library(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_takes_no_more_and_no_less(
            fields in prop::collection::vec(
                ("[a-c\\\\n\"é]{0,3}", "-?[0-9]{1,3}(\\.[0-9]{0,2})?(e[0-9]?)?|\"[a-zé\\\\n]{0,4}\"|true|null|\\[1,\\{\\}\\]| 1 "),
                0..5,
            ),
            at in any::<prop::sample::Index>(),
            byte: u8,
            changes: bool,
        ) {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let mut text = format!("{{{}}}", fields.join(",")).into_bytes();
            if changes {
                let at = at.index(text.len());
                text[at] = byte;
            }
            prop_assert_eq!(quick(&text), library(&text));
        }
    }
}
