//! The one polite HTTP client: every request is reported, answers are bounded, secrets stay hidden.
//!
//! A source makes one [`HttpClient`] from its context and sends [`Request`]s with it. A request goes
//! out once: the client never sleeps and never tries again (the engine does both), except that a 401
//! to a renewable credential is answered once with a fresh one. What comes back is either a
//! [`Response`] (2xx, or 304 to a conditional request) or an error of the kind that says what to do;
//! the table stands in `outcome.rs`. A reader of a chain may have one request under way while its last
//! page is taken apart ([`UnderWay`]).
//!
//! ```ignore
//! let client = HttpClient::new(&context);
//! let response = client.send(Request::get(url).conditional(etag, last_modified)).await?;
//! if response.not_modified { /* nothing new */ }
//! ```

mod auth;
mod body;
mod client;
mod file;
mod freshness;
mod grant;
mod hints;
mod host;
mod incoming;
mod oauth;
mod outcome;
mod query;
mod redirect;
mod request;
mod response;
mod shown;
mod transport;
mod under_way;

pub use auth::{Auth, AuthSettings, ClientAuth, KeyPlace, Oauth2};
pub use client::HttpClient;
pub use grant::Grant;
pub use host::{host_key, same_origin};
pub use incoming::Incoming;
pub use outcome::excerpt;
pub use query::without_param;
pub use request::Request;
pub use response::Response;
pub use shown::shown_url;
pub use transport::install_crypto;
pub use under_way::UnderWay;
