//! Plain text out of HTML, for titles and names.

use std::borrow::Cow;

use crate::formats::markup::entity::{Declared, decode, is_html};
use crate::formats::markup::token::{Token, Tokens};

/// What kind of text an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The format says that it is plain text.
    Plain,
    /// It is HTML, as text.
    Html,
    /// It was markup of the document itself.
    Xhtml,
    /// The format does not say, and authors write either (RSS).
    Unsaid,
    /// Something else, by its media type.
    Other(String),
}

/// The text of a title without markup, with blanks as a reader shows them.
pub(super) fn title(text: &str, kind: &Kind) -> String {
    let plain = match kind {
        Kind::Plain | Kind::Other(_) => Cow::Borrowed(text),
        Kind::Html | Kind::Xhtml => Cow::Owned(strip(text)),
        Kind::Unsaid if looks_like_html(text) => Cow::Owned(strip(text)),
        Kind::Unsaid => Cow::Borrowed(text),
    };
    one_line(&plain)
}

/// Runs of blanks and line breaks as one blank each.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// HTML without its tags, its references replaced.
pub(super) fn strip(html: &str) -> String {
    let none = Declared::default();
    let mut out = String::with_capacity(html.len());
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => out.push_str(&decode(text, &none)),
            Token::CData(text) => out.push_str(text),
            Token::Start { name, .. } | Token::End { name } if is_block(name) => out.push(' '),
            Token::Start { .. } | Token::End { .. } | Token::Doctype(_) => {}
        }
    }
    out
}

/// Whether a text that may be either is HTML: it has a reference or a tag, and nothing in it that HTML
/// does not know. `List<String> & co` is text.
fn looks_like_html(text: &str) -> bool {
    let mut tags = 0;
    for token in Tokens::new(text) {
        match token {
            Token::Start { name, .. } | Token::End { name } if is_known(name) => tags += 1,
            Token::Start { .. } | Token::End { .. } => return false,
            Token::Text(_) | Token::CData(_) | Token::Doctype(_) => {}
        }
    }
    tags > 0 || has_reference(text)
}

fn has_reference(text: &str) -> bool {
    text.split('&').skip(1).any(|rest| {
        let Some((name, _)) = rest.split_once(';') else { return false };
        name.strip_prefix('#').is_some_and(|number| number.chars().all(|c| c.is_ascii_alphanumeric()))
            || is_html(name)
    })
}

fn is_block(name: &str) -> bool {
    ["br", "p", "div", "li", "tr", "td", "h1", "h2", "h3", "h4"]
        .iter()
        .any(|tag| name.eq_ignore_ascii_case(tag))
}

/// Elements of HTML that occur in titles.
const KNOWN: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "center",
    "cite",
    "code",
    "del",
    "dfn",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "iframe",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "nobr",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "script",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "td",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];

fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_what_a_reader_shows() {
        let cases = [
            ("a <b>b</b>&amp;c", Kind::Html, "a b&c"),
            ("a <b>b</b> &amp; c", Kind::Unsaid, "a b & c"),
            ("a <b>b</b> &amp; c", Kind::Plain, "a <b>b</b> &amp; c"),
            ("List<String> & co", Kind::Unsaid, "List<String> & co"),
            ("1 < 2 & 3 > 2", Kind::Unsaid, "1 < 2 & 3 > 2"),
            ("AT&amp;T &#8211; news", Kind::Unsaid, "AT&T – news"),
            ("  two\n  lines ", Kind::Plain, "two lines"),
            ("one<br/>two", Kind::Html, "one two"),
        ];
        for (text, kind, expected) in cases {
            assert_eq!(title(text, &kind), expected, "{text} as {kind:?}");
        }
    }
}
