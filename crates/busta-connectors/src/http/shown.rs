//! URLs as they may be shown.

use busta_core::secret::{MASK, redact};
use url::Url;

/// Parts of a parameter's name that mark its value as a secret, compared in lower case.
const SECRET_NAMES: &[&str] =
    &["token", "secret", "password", "passwd", "apikey", "api_key", "api-key", "signature", "credential"];

/// Names that mark their value as a secret only when they stand alone.
const SECRET_WHOLE_NAMES: &[&str] = &["key", "sig", "auth", "pwd", "pass", "code", "appid", "access_key"];

/// `url` without user info and fragment, and with [`MASK`] for the values of parameters whose names
/// sound secret and for every registered secret.
pub fn shown_url(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_fragment(None);
    if !url.username().is_empty() || url.password().is_some() {
        // Both setters fail only for URLs that cannot have user info, which then have none to hide.
        let _ = shown.set_username(MASK);
        let _ = shown.set_password(None);
    }
    if let Some(query) = url.query() {
        shown.set_query(Some(&shown_query(query)));
    }
    redact(shown.as_str()).into_owned()
}

/// The query as it stands, letter for letter, except for secret values.
fn shown_query(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn is_secret(name: &str) -> bool {
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
    fn secrets_are_masked_and_the_rest_stays() {
        let show = |url: &str| shown_url(&Url::parse(url).unwrap());
        assert_eq!(show("https://me:pw@x.example/a?b=1#f"), "https://***@x.example/a?b=1");
        assert_eq!(
            show("https://x.example/a?api_key=12&X-Amz-Signature=ab&page=3&access_token=z"),
            "https://x.example/a?api_key=***&X-Amz-Signature=***&page=3&access_token=***"
        );
        assert_eq!(show("https://x.example/?page_token=abc"), "https://x.example/?page_token=abc");
    }

    #[test]
    fn registered_secrets_are_masked_anywhere() {
        busta_core::secret::register("hunter2-in-path");
        let url = Url::parse("https://x.example/hunter2-in-path/a").unwrap();
        assert_eq!(shown_url(&url), "https://x.example/***/a");
    }
}
