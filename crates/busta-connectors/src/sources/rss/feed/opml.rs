//! Lists of feeds: OPML. <http://opml.org/spec2.opml>

use busta_core::{Error, Result};

use super::charset;
use crate::formats::markup::entity::{Declared, decode};
use crate::formats::markup::token::{Token, Tokens, attributes};

/// The addresses of the feeds in an OPML document, folders within folders included, each once.
pub fn read_opml(bytes: &[u8]) -> Result<Vec<String>> {
    let decoded = charset::decode(bytes, None);
    let none = Declared::default();
    let mut is_opml = false;
    let mut feeds: Vec<String> = Vec::new();
    for token in Tokens::new(&decoded.text) {
        let Token::Start { name, attributes: text, .. } = token else { continue };
        is_opml |= name.eq_ignore_ascii_case("opml");
        if !name.eq_ignore_ascii_case("outline") {
            continue;
        }
        let address = attributes(text).find(|(key, _)| key.eq_ignore_ascii_case("xmlUrl"));
        let Some((_, address)) = address else { continue };
        let address = decode(address.trim(), &none).into_owned();
        if !address.is_empty() && !feeds.contains(&address) {
            feeds.push(address);
        }
    }
    if !is_opml && feeds.is_empty() {
        return Err(Error::data("this is no OPML document: it has neither <opml> nor outlines with xmlUrl")
            .hint("export the list of feeds from your reader as OPML"));
    }
    Ok(feeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_outlines_are_found_once() {
        let opml = br#"<?xml version="1.0"?><opml version="2.0"><body>
            <outline text="news"><outline type="rss" xmlUrl="http://a.example/f?x=1&amp;y=2"/>
              <outline text="deep"><outline text="b" xmlurl='http://b.example/'/></outline></outline>
            <outline text="a folder"/><outline xmlUrl="http://b.example/"></outline></body></opml>"#;
        assert_eq!(read_opml(opml).unwrap(), ["http://a.example/f?x=1&y=2", "http://b.example/"]);
    }

    #[test]
    fn other_documents_are_refused() {
        assert!(read_opml(b"<html></html>").unwrap_err().to_string().contains("no OPML"));
        assert_eq!(read_opml(b"<opml><body/></opml>").unwrap(), Vec::<String>::new());
    }
}
