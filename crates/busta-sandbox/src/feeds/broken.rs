//! Feeds as they come in the wild: not well-formed, cut off, or in another charset than they say.

use std::str::FromStr;

use bytes::Bytes;

/// What is wrong with a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// `&` stands for itself.
    Ampersand,
    /// Titles hold raw HTML, with a tag that is never closed.
    HtmlTitle,
    /// It ends in the middle of an entry.
    Cut,
    /// It is in ISO-8859-1, and its declaration says so.
    Latin1,
    /// It is in ISO-8859-1, and nothing says so.
    Latin1Undeclared,
    /// It is in UTF-8 and says so; the Content-Type says ISO-8859-1.
    WrongCharset,
    /// Entries have no guid or id.
    NoGuid,
}

impl FromStr for Broken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "ampersand" => Self::Ampersand,
            "html_title" => Self::HtmlTitle,
            "cut" => Self::Cut,
            "latin1" => Self::Latin1,
            "latin1_undeclared" => Self::Latin1Undeclared,
            "wrong_charset" => Self::WrongCharset,
            "no_guid" => Self::NoGuid,
            _ => return Err(format!("`broken={text}` is no way in which feeds break here")),
        })
    }
}

impl Broken {
    /// Breaks a well-formed feed.
    pub(super) fn apply(self, feed: String) -> Bytes {
        match self {
            Self::Ampersand => feed.replace("&amp;", "&").into(),
            Self::HtmlTitle => feed
                .replace("<title>", "<title><b>New:</b><br> ")
                .replace("<title type=\"text\">", "<title><b>New:</b><br> ")
                .into(),
            Self::Cut => {
                let mut end = feed.len() * 2 / 3;
                while !feed.is_char_boundary(end) {
                    end -= 1;
                }
                Bytes::from(feed).slice(..end)
            }
            Self::Latin1 => latin1(&feed.replacen("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"", 1)),
            Self::Latin1Undeclared => latin1(&feed.replacen(" encoding=\"UTF-8\"", "", 1)),
            Self::WrongCharset | Self::NoGuid => feed.into(),
        }
    }

    /// The charset in the Content-Type.
    pub(super) fn charset(self) -> Option<&'static str> {
        match self {
            Self::Latin1 | Self::Latin1Undeclared => None,
            Self::WrongCharset => Some("iso-8859-1"),
            _ => Some("utf-8"),
        }
    }
}

/// ISO-8859-1, with character references for what it lacks.
fn latin1(text: &str) -> Bytes {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes()),
        }
    }
    out.into()
}
