//! What an element says: its text, its markup, its attributes.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::plain::Kind;
use super::tree::Document;
use crate::formats::markup::entity::{decode, decode_in_markup, windows_1252};
use crate::formats::markup::token::{Token, Tokens, attributes};

/// A text and its kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) kind: Kind,
}

impl<'a> Document<'a> {
    /// An element's text: references replaced, tags left out, blanks at its ends cut.
    pub(super) fn text(&self, index: usize) -> Cow<'a, str> {
        clean(trim(self.joined(self.inner(index))))
    }

    /// As [`Document::text`]; `None` if there is none.
    pub(super) fn some_text(&self, index: usize) -> Option<String> {
        let text = self.text(index);
        (!text.is_empty()).then(|| text.into_owned())
    }

    /// An attribute with its references replaced, without blanks around it; `None` if it is empty.
    pub(super) fn value(&self, index: usize, name: &str) -> Option<String> {
        let value = trim(decode(self.attribute(index, name)?, &self.declared));
        (!value.is_empty()).then(|| clean(value).into_owned())
    }

    /// The text of an element that may hold HTML: as text, in CDATA, in Base64 or as markup of the
    /// document itself. `unsaid` is what it is when its attributes do not say.
    pub(super) fn words(&self, index: usize, unsaid: Kind) -> Option<Words> {
        let said = self.value(index, "type").map(|kind| kind_of(&kind));
        let base64 = self.value(index, "mode").is_some_and(|mode| mode.eq_ignore_ascii_case("base64"))
            || matches!(&said, Some(Kind::Other(kind)) if is_binary(kind));
        if let (Some(Kind::Html), Some(div)) = (&said, self.wrapper(index))
            && !self.has_children(div)
        {
            // Some publishers put a real `div` around escaped HTML.
            return Some(Words { text: self.some_text(div)?, kind: Kind::Html });
        }
        let inline = self.has_children(index) && !base64;
        let kind = match (said, inline) {
            (Some(Kind::Other(kind)), _) => Kind::Other(kind),
            (_, true) => Kind::Xhtml,
            (Some(said), false) => said,
            (None, false) => unsaid,
        };
        let text =
            if inline { Cow::Owned(self.markup(index, &kind)) } else { self.joined(self.inner(index)) };
        let text = clean(trim(text));
        let text = if base64 { decoded(&text).map_or(text, Cow::Owned) } else { text };
        (!text.is_empty()).then(|| Words { text: text.into_owned(), kind })
    }

    /// All text of a stretch, with its references replaced and without its tags.
    fn joined(&self, text: &'a str) -> Cow<'a, str> {
        let mut whole = Cow::Borrowed("");
        for token in Tokens::new(text) {
            let piece = match token {
                Token::Text(text) => decode(text, &self.declared),
                Token::CData(text) => Cow::Borrowed(text),
                Token::Start { .. } | Token::End { .. } | Token::Doctype(_) => continue,
            };
            if whole.trim_ascii().is_empty() {
                whole = piece;
            } else {
                whole.to_mut().push_str(&piece);
            }
        }
        whole
    }

    /// The markup inside an element, as HTML: without prefixes, comments and the `div` that Atom wraps
    /// around it.
    fn markup(&self, index: usize, kind: &Kind) -> String {
        let atom = self.attribute(index, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("xhtml"));
        let inner = self.inner(if atom { self.wrapper(index).unwrap_or(index) } else { index });
        let mut out = String::with_capacity(inner.len());
        for token in Tokens::new(inner) {
            match token {
                Token::Text(text) => out.push_str(&decode_in_markup(text, &self.declared)),
                // Beside real markup, CDATA is how authors write more of it; in other XML it is text.
                Token::CData(text) if *kind == Kind::Xhtml => out.push_str(text),
                Token::CData(text) => out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;")),
                Token::Start { name, attributes, empty } => {
                    let slash = if empty { "/" } else { "" };
                    let kept = without_namespaces(attributes);
                    let _ = write!(out, "<{}{kept}{slash}>", local(name));
                }
                Token::End { name } => {
                    let _ = write!(out, "</{}>", local(name));
                }
                Token::Doctype(_) => {}
            }
        }
        out
    }

    /// The one `div` that is all there is inside an element.
    fn wrapper(&self, index: usize) -> Option<usize> {
        let mut children = self.children(index);
        let div = children.next().filter(|&child| local(self.name(child)).eq_ignore_ascii_case("div"))?;
        let alone = children.next().is_none()
            && self.joined(self.inner(index)).trim() == self.joined(self.inner(div)).trim();
        alone.then_some(div)
    }
}

/// A tag's attributes as they stand; without the declarations of namespaces, which mean nothing in HTML.
fn without_namespaces(text: &str) -> Cow<'_, str> {
    if !text.contains("xmlns") {
        return Cow::Borrowed(text);
    }
    let kept = attributes(text).filter(|(name, _)| !name.starts_with("xmlns"));
    Cow::Owned(kept.map(|(name, value)| format!(" {name}=\"{}\"", value.replace('"', "&quot;"))).collect())
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// The kind that a `type` attribute names: Atom 1.0 says `text`, `html`, `xhtml`, others a media type.
fn kind_of(kind: &str) -> Kind {
    match kind.to_ascii_lowercase().as_str() {
        "text" | "plain" | "text/plain" => Kind::Plain,
        "html" | "text/html" => Kind::Html,
        "xhtml" | "application/xhtml+xml" => Kind::Xhtml,
        other => Kind::Other(other.to_owned()),
    }
}

/// Whether Atom has a text of this media type in Base64 (RFC 4287, 4.1.3.3).
fn is_binary(kind: &str) -> bool {
    kind.contains('/') && !kind.starts_with("text/") && !kind.ends_with("+xml") && !kind.ends_with("/xml")
}

fn decoded(text: &str) -> Option<String> {
    let packed: String = text.split_ascii_whitespace().collect();
    String::from_utf8(STANDARD.decode(packed).ok()?).ok()
}

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Without the control characters that XML does not allow, and with plain line breaks. The controls that
/// Unicode took over from ISO 8859-1 are what Windows-1252 has in their place: nobody means them.
fn clean(text: Cow<'_, str>) -> Cow<'_, str> {
    let odd = |byte: u8| byte < 0x20 && byte != b'\n' && byte != b'\t';
    let high = |c: char| ('\u{80}'..='\u{9F}').contains(&c);
    let has_high = text.as_bytes().contains(&0xC2) && text.contains(high);
    if !has_high && !text.bytes().any(odd) {
        return text;
    }
    let plain = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept = plain.chars().filter(|c| !(c.is_ascii() && odd(*c as u8)));
    Cow::Owned(kept.map(|c| if high(c) { windows_1252(c as u8).unwrap_or(c) } else { c }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(xml: &str) -> (String, Kind) {
        let document = Document::read(xml);
        let words = document.words(0, Kind::Unsaid).unwrap();
        (words.text, words.kind)
    }

    #[test]
    fn text_cdata_and_markup_give_the_same_html() {
        for xml in [
            "<d type='html'> &lt;p>a &amp;amp; b&lt;/p> </d>",
            "<d type='html'><![CDATA[<p>a &amp; b</p>]]></d>",
            "<d type='xhtml'><div xmlns='x'><p>a &amp; b</p></div></d>",
            "<d type='xhtml'><h:div xmlns:h='x'><h:p>a &amp; b</h:p></h:div></d>",
            "<d><p>a & b</p></d>",
        ] {
            assert_eq!(words(xml).0, "<p>a &amp; b</p>", "{xml}");
        }
    }

    #[test]
    fn base64_is_decoded() {
        assert_eq!(words("<d mode='base64' type='text/html'>PGI+\nYTwvYj4=</d>").0, "<b>a</b>");
        assert_eq!(words("<d type='application/octet-stream'>PGI+YTwvYj4=</d>").0, "<b>a</b>");
        assert_eq!(words("<d mode='base64'>not base64!</d>").0, "not base64!");
    }

    #[test]
    fn control_characters_are_left_out() {
        assert_eq!(words("<d>a\u{1}b\u{0}c\r\nd</d>").0, "abc\nd");
        assert_eq!(words("<d>don\u{92}t &#146;</d>").0, "don’t ’");
    }

    #[test]
    fn text_around_cdata_is_kept() {
        assert_eq!(words("<d> one <![CDATA[<two>]]> three </d>").0, "one <two> three");
    }
}
