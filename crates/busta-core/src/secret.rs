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

#[cfg(test)]
mod tests {
    use super::*;

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
