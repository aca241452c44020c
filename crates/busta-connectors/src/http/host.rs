//! What a limit is kept for.

use busta_core::HostKey;
use url::Url;

use crate::digest;

/// The key of the limits that requests to `url` count against: the host, the port where it is not
/// the scheme's own, and, since servers count by account, `#` and eight digits of the SHA-256 of the
/// credential. So a key without its `#` part is what `hosts:` in the configuration is looked up by.
pub fn host_key(url: &Url, credential: Option<&str>) -> HostKey {
    let mut key = url.host_str().unwrap_or("").to_owned();
    if let Some(port) = url.port() {
        key.push_str(&format!(":{port}"));
    }
    if let Some(credential) = credential {
        key.push('#');
        key.push_str(&digest::first(4, credential));
    }
    key.into()
}

/// Whether credentials meant for `home` may be sent to `other`: the same scheme, host and port, or
/// the same host and its own ports with plain HTTP turned into HTTPS.
pub fn same_origin(home: &Url, other: &Url) -> bool {
    let upgraded = home.scheme() == "http" && other.scheme() == "https";
    let ports = (home.port(), other.port());
    home.host_str() == other.host_str()
        && ((home.scheme() == other.scheme() && ports.0 == ports.1) || (upgraded && ports == (None, None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn keys_name_host_and_account() {
        assert_eq!(host_key(&url("https://API.example:443/a"), None).as_str(), "api.example");
        assert_eq!(host_key(&url("http://127.0.0.1:81/a"), None).as_str(), "127.0.0.1:81");
        let one = host_key(&url("https://api.example/a"), Some("one"));
        assert_eq!(one.as_str(), "api.example#7692c3ad");
        assert_ne!(one, host_key(&url("https://api.example/a"), Some("two")));
    }

    #[test]
    fn credentials_stay_home() {
        let home = url("http://a.example/");
        assert!(same_origin(&home, &url("http://a.example/b")));
        assert!(same_origin(&home, &url("https://a.example/b")));
        for other in ["http://b.example/", "http://a.example:81/", "https://a.example:8443/"] {
            assert!(!same_origin(&home, &url(other)), "{other}");
        }
        assert!(!same_origin(&url("https://a.example/"), &home));
    }
}
