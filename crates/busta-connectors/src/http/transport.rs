//! The connections that all sources of the process share.
//!
//! There are two pools of each kind. The one for plain HTTP knows no certificates and is made at once;
//! the one for TLS loads the system's certificates, which takes tens of milliseconds, and is made when
//! the first `https` URL is met. Pages come decompressed; downloads come as they are stored, since
//! checksums and byte ranges count stored bytes.

use std::sync::{Once, OnceLock};
use std::time::Duration;

use busta_core::secret::redact;
use busta_core::{Error, Result};
use reqwest::{Client, ClientBuilder};
use tokio::sync::OnceCell;

/// A host that does not even accept a connection within this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

static PLAIN: [OnceLock<Client>; 2] = [const { OnceLock::new() }; 2];
static TLS: [OnceCell<Client>; 2] = [const { OnceCell::const_new() }; 2];

/// How the bytes of an answer come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Decompressed.
    Decoded,
    /// As the server sent them, whatever `Content-Encoding` says.
    AsStored,
}

/// The pool for URLs of that scheme.
pub(super) async fn client(scheme: &str, coding: Coding) -> Result<Client> {
    match scheme {
        "http" => plain(coding),
        "https" => TLS[coding as usize].get_or_try_init(|| tls(coding)).await.cloned(),
        other => Err(Error::config(format!("`{other}` is not a scheme that can be collected from"))
            .hint("use http or https")),
    }
}

fn plain(coding: Coding) -> Result<Client> {
    let pool = &PLAIN[coding as usize];
    if let Some(client) = pool.get() {
        return Ok(client.clone());
    }
    // An empty list of certificates keeps the client from loading the system's.
    let client = common(coding).tls_certs_only([]).build().map_err(unbuildable)?;
    Ok(pool.get_or_init(|| client).clone())
}

async fn tls(coding: Coding) -> Result<Client> {
    tokio::task::spawn_blocking(move || common(coding).build().map_err(unbuildable))
        .await
        .map_err(|e| Error::bug(format!("loading the system's certificates: {e}")))?
}

fn common(coding: Coding) -> ClientBuilder {
    install_crypto();
    let builder = match coding {
        Coding::Decoded => Client::builder(),
        Coding::AsStored => Client::builder().no_gzip().no_zstd(),
    };
    builder
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
}

/// Makes ring the process's provider of cryptography, unless there is one already. Without one,
/// rustls panics when several are compiled in.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that the binary has installed one before us, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn unbuildable(error: reqwest::Error) -> Error {
    Error::unavailable("the HTTP client cannot be set up").caused_by(error.without_url())
}

/// A request that got no complete answer. The text names every cause down to the system's own, since
/// the outermost says only "error sending request".
pub(super) fn error(error: reqwest::Error) -> Error {
    let what = if error.is_connect() {
        "cannot connect"
    } else if error.is_body() || error.is_decode() {
        "the answer was cut off"
    } else {
        "the request failed"
    };
    let error = error.without_url();
    let mut text = format!("{what}: {}", root_cause(&error));
    if let std::borrow::Cow::Owned(redacted) = redact(&text) {
        text = redacted;
    }
    Error::unavailable(text).caused_by(error)
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use busta_core::ErrorKind;

    use super::*;

    #[tokio::test]
    async fn plain_http_loads_no_certificates() {
        client("http", Coding::Decoded).await.unwrap();
        assert!(!TLS[0].initialized());
        // On a machine without certificates this is an error, and never a panic for want of a provider.
        match client("https", Coding::Decoded).await {
            Ok(_) => assert!(TLS[0].initialized()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
        assert_eq!(client("ftp", Coding::Decoded).await.unwrap_err().kind(), ErrorKind::Config);
    }
}
