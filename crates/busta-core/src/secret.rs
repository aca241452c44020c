//! Secrets that cannot be printed, and the net under everything that is.
//!
//! A [`Secret`] shows itself as `***` wherever it is formatted or serialized. Because a server may
//! echo a token in an error body or a URL, every secret also registers its text, and [`redact`]
//! replaces any registered text in what is about to be logged, stored as a reason or reported.

use std::borrow::Cow;
use std::fmt;
use std::sync::RwLock;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Texts shorter than this are not searched for: they would blot out ordinary words.
const MIN_SEARCHED: usize = 4;

static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// A text that must not be shown: a token, a password, an API key.
#[derive(Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Secret(String);

impl Secret {
    /// Takes a text and makes [`redact`] know it.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        register(&text);
        Self(text)
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// Makes [`redact`] know a text and the forms it takes in a URL, a form and JSON. Whoever derives another form (the
/// base64 of a Basic header, a fetched token) registers that too.
pub fn register(text: &str) {
    if text.len() < MIN_SEARCHED {
        return;
    }
    let url: String = text.bytes().map(percent).collect();
    let form = url.replace("%20", "+");
    // What a server echoes in a JSON body, and what that looks like in JSON once more (our own logs).
    let json = json_inside(text);
    let twice = json_inside(&json);
    if let Ok(mut known) = KNOWN.write() {
        for form in [text.to_owned(), url, form, json, twice] {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // Longest first, so that a secret that contains another is masked whole.
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }
}

/// The text as it stands between the quotes of a JSON string.
fn json_inside(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// `text` with every known secret replaced by [`MASK`].
pub fn redact(text: &str) -> Cow<'_, str> {
    let Ok(known) = KNOWN.read() else { return Cow::Borrowed(MASK) };
    let mut shown = Cow::Borrowed(text);
    for secret in known.iter() {
        if shown.contains(secret.as_str()) {
            shown = Cow::Owned(shown.replace(secret.as_str(), MASK));
        }
    }
    shown
}

/// Parts of a parameter's name that mark its value as a secret, compared in lower case.
const SECRET_NAMES: &[&str] =
    &["token", "secret", "password", "passwd", "apikey", "api_key", "api-key", "signature", "credential"];

/// Names that mark their value as a secret only when they stand alone.
const SECRET_WHOLE_NAMES: &[&str] = &["key", "sig", "auth", "pwd", "pass", "code", "appid", "access_key"];

/// `url` without user info and fragment, and with [`MASK`] for the values of parameters whose names
/// sound secret and for every registered secret. A path of a file comes out as it is, redacted.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return redact(url).into_owned() };
    let rest = rest.split('#').next().unwrap_or_default();
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
    let mut shown = format!("{scheme}://");
    match authority.rsplit_once('@') {
        Some((_, host)) => shown.extend([MASK, "@", host]),
        None => shown.push_str(authority),
    }
    shown.push_str(path);
    if let Some(query) = query {
        shown.push('?');
        shown.push_str(&shown_query(query));
    }
    match redact(&shown) {
        Cow::Borrowed(_) => shown,
        Cow::Owned(redacted) => redacted,
    }
}

/// The query as it stands, letter for letter, except for secret values.
fn shown_query(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if sounds_secret(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// Whether a parameter of this name is likely to carry a secret.
pub fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // A page token is a place, not a secret, and the one thing wanted when a chain goes wrong.
    let is_place = ["page", "next", "continuation"].iter().any(|word| name.contains(word));
    SECRET_WHOLE_NAMES.contains(&name.as_str())
        || (!is_place && SECRET_NAMES.iter().any(|part| name.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_show_no_secrets_and_keep_the_rest() {
        for (url, shown) in [
            ("https://me:pw@x.example/a?b=1#f", "https://***@x.example/a?b=1"),
            ("https://x.example?sig=1", "https://x.example?sig=***"),
            ("https://x.example/a@b", "https://x.example/a@b"),
            (
                "https://x.example/a?api_key=12&X-Amz-Signature=ab&page=3&access_token=z",
                "https://x.example/a?api_key=***&X-Amz-Signature=***&page=3&access_token=***",
            ),
            ("https://x.example/?page_token=abc", "https://x.example/?page_token=abc"),
            ("/data/a#1.json", "/data/a#1.json"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
        register("hunter2-in-path");
        assert_eq!(shown_url("https://x.example/hunter2-in-path/a"), "https://x.example/***/a");
    }

    #[test]
    fn secrets_never_show() {
        let secret: Secret = serde_json::from_str("\"s3cr+t/value\"").unwrap();
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(redact("got s3cr+t/value from ?key=s3cr%2Bt%2Fvalue"), "got *** from ?key=***");
    }

    #[test]
    fn secrets_do_not_show_in_other_clothes() {
        let _ = Secret::new("se\"cr\\et word");
        for shown in [r#"{"token": "se\"cr\\et word"}"#, "a=se%22cr%5Cet+word", r#"se"cr\et word"#] {
            assert!(redact(shown).contains(MASK) && !redact(shown).contains("word"), "{}", redact(shown));
        }
    }

    #[test]
    fn short_texts_are_left_alone() {
        let _ = Secret::new("abc");
        assert_eq!(redact("abcdef"), "abcdef");
    }
}
