//! S3's answers in XML: `ListObjects`, `ListObjectsV2` and errors, as Amazon's API reference has them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;

use crate::body::Content;
use crate::params::Params;
use crate::reply::Reply;

use super::store::Store;
use super::tree::Entry;

const XML: &str = "application/xml";
/// A page has at most so many keys, whatever is asked for.
const MAX_KEYS: u64 = 1000;
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// An error document.
pub(super) fn error(status: StatusCode, code: &str, message: &str, resource: &str) -> Reply {
    let body = format!(
        "{DECLARATION}<Error><Code>{code}</Code><Message>{}</Message><Resource>{}</Resource>\
         <RequestId>0A49CE4060975EAC</RequestId></Error>",
        escaped(message),
        escaped(resource)
    );
    Reply::ok(XML, Content::whole(body)).status(status)
}

fn invalid(message: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, "InvalidArgument", message, "")
}

/// What is asked for.
struct Ask<'a> {
    v2: bool,
    prefix: &'a str,
    delimiter: &'a str,
    /// What comes behind this text, or behind all that begins with it if it is a folder's.
    after: Option<String>,
    max_keys: u64,
    encode: bool,
    params: &'a Params,
}

impl<'a> Ask<'a> {
    fn read(params: &'a Params) -> Result<Self, Reply> {
        let v2 = match params.get("list-type") {
            None => false,
            Some("2") => true,
            Some(_) => return Err(invalid("Invalid list type")),
        };
        let max_keys = match params.get("max-keys") {
            None => MAX_KEYS,
            Some(text) => text
                .parse()
                .map_err(|_| invalid("Provided max-keys not an integer or within integer range"))?,
        };
        let encode = match params.get("encoding-type") {
            None => false,
            Some("url") => true,
            Some(_) => return Err(invalid("Invalid Encoding Method specified in Request")),
        };
        let text = |name| params.get(name).filter(|text| !text.is_empty());
        let after = match (v2, params.get("continuation-token")) {
            (true, Some(token)) => {
                let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
                Some(key.ok_or_else(|| invalid("The continuation token provided is incorrect"))?)
            }
            (true, None) => text("start-after").map(str::to_owned),
            (false, _) => text("marker").map(str::to_owned),
        };
        let prefix = params.get("prefix").unwrap_or_default();
        let delimiter = params.get("delimiter").unwrap_or_default();
        Ok(Self { v2, prefix, delimiter, after, max_keys: max_keys.min(MAX_KEYS), encode, params })
    }

    /// A key or a part of one as it stands in the answer.
    fn shown(&self, key: &str) -> String {
        if self.encode { encoded(key) } else { escaped(key) }
    }

    /// The folder that a key is only a part of.
    fn folder<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(self.prefix)?;
        let at = rest.find(self.delimiter).filter(|_| !self.delimiter.is_empty())?;
        Some(&key[..self.prefix.len() + at + self.delimiter.len()])
    }
}

/// What a page holds, in its order.
enum Line<'a> {
    Key(&'a (String, Entry)),
    Folder(&'a str),
}

/// A page of keys.
pub(super) fn list(store: &Store<'_>, bucket: &str, params: &Params) -> Result<Reply, Reply> {
    let ask = Ask::read(params)?;
    let (lines, more) = page(store, &ask);
    let mut xml = format!(
        "{DECLARATION}<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name>",
        escaped(bucket)
    );
    head(&mut xml, &ask, &lines, more);
    for line in &lines {
        if let Line::Key((path, entry)) = line
            && let Some(listed) = store.listed(path, entry)
        {
            let time = DateTime::<Utc>::from(listed.modified).to_rfc3339_opts(SecondsFormat::Millis, true);
            let etag = listed.etag.map(|tag| format!("<ETag>&quot;{tag}&quot;</ETag>")).unwrap_or_default();
            let (key, size) = (ask.shown(listed.path), listed.size);
            // Writing into a string cannot fail.
            let _ = write!(
                xml,
                "<Contents><Key>{key}</Key><LastModified>{time}</LastModified>{etag}<Size>{size}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>"
            );
        }
    }
    for line in &lines {
        if let Line::Folder(folder) = line {
            let _ = write!(xml, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", ask.shown(folder));
        }
    }
    xml.push_str("</ListBucketResult>");
    Ok(Reply::ok(XML, Content::whole(xml)))
}

/// The keys and folders of a page, and whether there are more.
fn page<'a>(store: &'a Store<'_>, ask: &Ask<'_>) -> (Vec<Line<'a>>, bool) {
    let all = store.site.tree.under(ask.prefix);
    let mut at = match &ask.after {
        None => 0,
        // A folder stands for all that is in it.
        Some(after) if ask.folder(after) == Some(after) => {
            all.partition_point(|(key, _)| key < after || key.starts_with(after.as_str()))
        }
        Some(after) => all.partition_point(|(key, _)| key <= after),
    };
    let mut lines = Vec::new();
    while let Some(one) = all.get(at) {
        if lines.len() as u64 >= ask.max_keys {
            // Nothing was asked for, so nothing was left out.
            return (lines, ask.max_keys > 0);
        }
        match ask.folder(&one.0) {
            Some(folder) => {
                lines.push(Line::Folder(folder));
                at += all[at..].partition_point(|(key, _)| key.starts_with(folder));
            }
            None => {
                lines.push(Line::Key(one));
                at += 1;
            }
        }
    }
    (lines, false)
}

/// What stands before the keys.
fn head(xml: &mut String, ask: &Ask<'_>, lines: &[Line<'_>], more: bool) {
    let mut put = |name: &str, value: &str| {
        let _ = write!(xml, "<{name}>{value}</{name}>");
    };
    let last = lines.last().map(|line| match line {
        Line::Key((key, _)) => key.as_str(),
        Line::Folder(folder) => folder,
    });
    let next = last.filter(|_| more);
    put("Prefix", &ask.shown(ask.prefix));
    if ask.v2 {
        if let Some(start) = ask.params.get("start-after") {
            put("StartAfter", &ask.shown(start));
        }
        if let Some(token) = ask.params.get("continuation-token") {
            put("ContinuationToken", &escaped(token));
        }
        if let Some(next) = next {
            put("NextContinuationToken", &URL_SAFE_NO_PAD.encode(next));
        }
        put("KeyCount", &lines.len().to_string());
    } else {
        put("Marker", &ask.shown(ask.params.get("marker").unwrap_or_default()));
        // Without a delimiter the last key is the marker, and S3 does not repeat it.
        if let Some(next) = next.filter(|_| !ask.delimiter.is_empty()) {
            put("NextMarker", &ask.shown(next));
        }
    }
    put("MaxKeys", &ask.max_keys.to_string());
    if !ask.delimiter.is_empty() {
        put("Delimiter", &ask.shown(ask.delimiter));
    }
    if ask.encode {
        put("EncodingType", "url");
    }
    put("IsTruncated", if more { "true" } else { "false" });
}

/// Text in XML and HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A path as a URL has it.
pub(super) fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(byte as char)
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// A path out of a URL. What is not encoded right stays as it is.
pub(super) fn decoded(path: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &behind[2..];
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn paths_are_decoded_as_they_were_encoded(path in "\\PC{0,20}") {
            proptest::prop_assert_eq!(decoded(&encoded(&path)), path);
        }
    }

    #[test]
    fn what_is_not_encoded_right_stays() {
        assert_eq!(decoded("a%2Fb%zz%4"), "a/b%zz%4");
        assert_eq!(escaped("a<\"&\">"), "a&lt;&quot;&amp;&quot;&gt;");
    }
}
