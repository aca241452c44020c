//! A tokenizer that never fails: whatever looks like a tag is one, everything else is text.
//!
//! Its speed is linear in the input: a search for an end that is not there is made once.

use std::ops::Range;

use memchr::{memchr, memmem};

/// A piece of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// `<name attributes>` or `<name attributes/>`.
    Start { name: &'a str, attributes: &'a str, empty: bool },
    /// `</name>`.
    End { name: &'a str },
    /// Text whose references are not yet replaced.
    Text(&'a str),
    /// The inside of a CDATA section.
    CData(&'a str),
    /// The inside of `<!DOCTYPE …>`.
    Doctype(&'a str),
}

/// Cuts a text into tokens.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    start: usize,
    /// Ends that do not occur in the rest of the text.
    absent: Absent,
}

#[derive(Debug, Default)]
struct Absent {
    comment: bool,
    cdata: bool,
    instruction: bool,
}

impl<'a> Tokens<'a> {
    /// The tokens of `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, start: 0, absent: Absent::default() }
    }

    /// Where the last token began and ended.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.at
    }

    /// Everything that is left.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        self.at = self.text.len();
        rest
    }

    fn text(&mut self) -> Token<'a> {
        let start = self.at;
        // A `<` that begins nothing belongs to the text.
        let mut from = start + usize::from(self.text.as_bytes()[start] == b'<');
        let end = loop {
            match memchr(b'<', &self.text.as_bytes()[from..]) {
                None => break self.text.len(),
                Some(found) if begins_markup(&self.text[from + found..]) => break from + found,
                Some(found) => from += found + 1,
            }
        };
        self.at = end;
        Token::Text(&self.text[start..end])
    }

    fn declaration(&mut self) -> Option<Token<'a>> {
        let rest = &self.text[self.at..];
        if rest.starts_with("<!--") {
            self.skip_to("-->", |absent| &mut absent.comment);
            None
        } else if rest.starts_with("<![CDATA[") {
            let start = self.at + 9;
            let found = if self.absent.cdata { None } else { memmem::find(&rest.as_bytes()[9..], b"]]>") };
            self.absent.cdata |= found.is_none();
            let end = found.map_or(self.text.len(), |at| start + at);
            self.at = (end + 3).min(self.text.len());
            Some(Token::CData(&self.text[start..end]))
        } else if rest.starts_with("<?") {
            self.skip_to("?>", |absent| &mut absent.instruction);
            None
        } else {
            Some(self.doctype(rest))
        }
    }

    /// Skips a comment or an instruction; one without an end, up to the next `>`.
    fn skip_to(&mut self, end: &str, absent: impl Fn(&mut Absent) -> &mut bool) {
        let rest = &self.text.as_bytes()[self.at..];
        let known = absent(&mut self.absent);
        let found = if *known { None } else { memmem::find(rest, end.as_bytes()).map(|at| at + end.len()) };
        *known |= found.is_none();
        let length = found.or_else(|| memchr(b'>', rest).map(|at| at + 1));
        self.at += length.unwrap_or(rest.len());
    }

    /// `<!DOCTYPE …>` with or without an internal subset in brackets, or any other `<!…>`.
    fn doctype(&mut self, rest: &'a str) -> Token<'a> {
        let bytes = rest.as_bytes();
        let end = match memchr::memchr2(b'[', b'>', bytes) {
            Some(at) if bytes[at] == b'[' => {
                memchr(b']', bytes).and_then(|close| memchr(b'>', &bytes[close..]).map(|end| close + end))
            }
            found => found,
        };
        match end {
            Some(end) => {
                self.at += end + 1;
                Token::Doctype(&rest[..end])
            }
            None => Token::Doctype(self.rest()),
        }
    }

    fn end_tag(&mut self) -> Token<'a> {
        let rest = &self.text[self.at + 2..];
        let close = memchr::memchr2(b'>', b'<', rest.as_bytes()).unwrap_or(rest.len());
        let step = usize::from(rest.as_bytes().get(close) == Some(&b'>'));
        self.at += 2 + close + step;
        Token::End { name: rest[..name_length(rest)].trim_end() }
    }

    fn start_tag(&mut self) -> Token<'a> {
        let rest = &self.text[self.at + 1..];
        let name = name_length(rest);
        let close = tag_length(rest.as_bytes(), name);
        let step = usize::from(rest.as_bytes().get(close) == Some(&b'>'));
        self.at += 1 + close + step;
        let inside = &rest[name..close];
        let attributes = inside.strip_suffix('/').unwrap_or(inside);
        Token::Start { name: &rest[..name], attributes, empty: attributes.len() < inside.len() }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while self.at < self.text.len() {
            self.start = self.at;
            let rest = &self.text.as_bytes()[self.at..];
            if !begins_markup(&self.text[self.at..]) {
                return Some(self.text());
            }
            match rest[1] {
                b'/' => return Some(self.end_tag()),
                b'!' | b'?' => {
                    if let Some(token) = self.declaration() {
                        return Some(token);
                    }
                }
                _ => return Some(self.start_tag()),
            }
        }
        None
    }
}

fn begins_markup(text: &str) -> bool {
    let name_start = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80;
    match text.as_bytes() {
        [b'<', b'/', next, ..] => name_start(next),
        [b'<', b'!', next, ..] => *next == b'-' || *next == b'[' || next.is_ascii_alphabetic(),
        [b'<', b'?', ..] => true,
        [b'<', next, ..] => name_start(next),
        _ => false,
    }
}

fn name_length(text: &str) -> usize {
    text.bytes()
        .position(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'<' | b'/' | b'='))
        .unwrap_or(text.len())
}

/// Where the tag ends: at its `>`, or before the `<` of the next one if it has none. A quoted value may
/// hold either.
fn tag_length(tag: &[u8], name: usize) -> usize {
    let mut at = name;
    let mut end = name;
    loop {
        // Looked for again only when a quoted value has hidden the last one: the scan stays linear.
        if at >= end {
            match memchr::memchr2(b'>', b'<', &tag[at..]) {
                Some(found) => end = at + found,
                None => return tag.len(),
            }
        }
        let Some(quote) = memchr::memchr2(b'"', b'\'', &tag[at..end]).map(|found| at + found) else {
            return end;
        };
        at = closing_quote(tag, quote).unwrap_or(quote) + 1;
    }
}

/// The end of the quoted value that begins at `quote`; `None` if that quote begins no value.
fn closing_quote(tag: &[u8], quote: usize) -> Option<usize> {
    if tag[..quote].trim_ascii_end().last() != Some(&b'=') {
        return None;
    }
    let close = quote + 1 + memchr(tag[quote], &tag[quote + 1..])?;
    // `<a href="x>text</a><b c="y">`: the quote was forgotten.
    let value = &tag[quote + 1..close];
    match (memchr(b'>', value), memchr(b'<', value)) {
        (Some(end), Some(begin)) if end < begin => None,
        _ => Some(close),
    }
}

/// The names and raw values of a tag's attributes.
pub(crate) fn attributes(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '='));
        if rest.is_empty() {
            return None;
        }
        let name_end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            rest = after;
            return Some((name, ""));
        };
        let value = value.trim_start();
        let (value, next) = match value.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => match memchr(*quote, &value.as_bytes()[1..]) {
                Some(end) => (&value[1..=end], &value[end + 2..]),
                None => (&value[1..], ""),
            },
            _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        rest = next;
        Some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let show = |token| match token {
            Token::Start { name, attributes, empty } => {
                let attributes: String =
                    super::attributes(attributes).map(|(k, v)| format!(" {k}={v}")).collect();
                format!("+{name}{attributes}{}", if empty { "/" } else { "" })
            }
            Token::End { name } => format!("-{name}"),
            Token::Text(text) => text.to_owned(),
            Token::CData(text) => format!("[{text}]"),
            Token::Doctype(text) => format!("!{text}"),
        };
        Tokens::new(text).map(show).collect()
    }

    #[test]
    fn ordinary_markup() {
        assert_eq!(
            tokens("<?xml version='1.0'?><!-- <x> --><a b=\"1\" c = '2'>t<b/>&amp;<![CDATA[<i>]]></a>"),
            ["+a b=1 c=2", "t", "+b/", "&amp;", "[<i>]", "-a"]
        );
    }

    #[test]
    fn a_document_type_with_entities_is_one_token() {
        assert_eq!(
            tokens("<!DOCTYPE rss [<!ENTITY a \"b\">]><rss>"),
            ["!<!DOCTYPE rss [<!ENTITY a \"b\">]", "+rss"]
        );
    }

    #[test]
    fn what_begins_nothing_is_text() {
        assert_eq!(tokens("1 < 2 <3 <> </ <"), ["1 < 2 <3 <> </ <"]);
    }

    #[test]
    fn broken_tags_end_where_the_next_begins() {
        assert_eq!(tokens("<a <b>x</b</a>"), ["+a", "+b", "x", "-b", "-a"]);
        assert_eq!(tokens("<a href=x y>t"), ["+a href=x y=", "t"]);
    }

    #[test]
    fn quotes_hide_brackets_unless_one_is_missing() {
        assert_eq!(tokens(r#"<a t="<b>"/>x"#), ["+a t=<b>/", "x"]);
        assert_eq!(tokens(r#"<a href="x>text</a><b c="y">z"#)[1..], ["text", "-a", "+b c=y", "z"]);
    }

    #[test]
    fn what_never_ends_ends_with_the_text() {
        assert_eq!(tokens("<a><![CDATA[rest of it"), ["+a", "[rest of it]"]);
        assert_eq!(tokens("<!-- no end <a>x"), ["x"]);
        assert_eq!(tokens("<a b=\"c"), ["+a b=c"]);
    }
}
