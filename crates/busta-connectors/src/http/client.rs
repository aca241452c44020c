//! Sending one request, with credentials and redirects, and saying how it went.

use std::sync::Arc;
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::connector::SourceContext;
use busta_core::meter::{Meter, RateHints, Request as Seen, Spare};
use busta_core::{Error, HostKey, Result};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::auth::Auth;
use super::body::{self, Overflow};
use super::freshness::freshness;
use super::hints::hints;
use super::host::host_key;
use super::outcome;
use super::redirect::Redirects;
use super::request::Request;
use super::response::Response;
use super::shown::shown_url;
use super::transport::{self, Coding};

/// How busta names itself, unless the source's headers say otherwise.
const AGENT: &str = if env!("CARGO_PKG_REPOSITORY").is_empty() {
    concat!("busta/", env!("CARGO_PKG_VERSION"))
} else {
    concat!("busta/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")")
};

/// Of an answer that is not wanted (an error, a redirect) no more than this is read.
pub(super) const MAX_ERROR_BODY: u64 = 64 << 10;

/// A source's way to the network. Cheap to clone; all clients of the process share connections.
#[derive(Clone)]
pub struct HttpClient {
    pub(super) meter: Arc<dyn Meter>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timeout: Duration,
    pub(super) auth: Arc<Auth>,
}

/// One request's answer, whatever its status.
pub(super) struct Exchange {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub url: Url,
    pub latency: Duration,
    pub hints: RateHints,
}

impl HttpClient {
    /// A client without credentials, which reports to the meter of `context` and keeps to its
    /// request timeout.
    pub fn new(context: &SourceContext) -> Self {
        Self {
            meter: context.meter.clone(),
            clock: context.clock.clone(),
            timeout: context.request_timeout,
            auth: Arc::new(Auth::none()),
        }
    }

    /// The same client with credentials. Clones share them, and with them any fetched token.
    #[must_use]
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = Arc::new(auth);
        self
    }

    /// Whose limits requests to `url` count against: see [`host_key`].
    pub fn host_key(&self, url: &Url) -> HostKey {
        host_key(url, self.auth.identity(url))
    }

    /// The time by its clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Room for one more request to `url`: see [`Meter::spare`].
    pub fn spare(&self, url: &Url) -> Option<Spare> {
        self.meter.spare(&self.host_key(url))
    }

    /// Tells the meter for how long `response`, of which records are made, stays as it is: as long as its
    /// headers say, and at least for the time that the document itself says. See [`Meter::fresh_for`].
    pub fn note_freshness(&self, response: &Response, said: Duration) {
        self.meter.fresh_for(freshness(&response.headers, self.clock.now()).max(said));
    }

    /// Another turn for a request to `url`: see [`Meter::turn`].
    pub fn turn(&self, url: &Url) -> bool {
        self.meter.turn(&self.host_key(url))
    }

    /// Leave to ask for the next page ahead, at `url`: see [`Meter::ahead`].
    pub(super) fn ahead(&self, url: &Url, bytes: usize) -> bool {
        self.meter.ahead(&self.host_key(url), bytes)
    }

    /// Sends `request` and reads the answer to its end.
    ///
    /// Follows at most ten redirects. Ok for 2xx, and for 304. Errors: `Unavailable` for connection
    /// errors, timeouts, cut-off bodies, 408, 425 and 5xx; `RateLimited` for 429, and 403 with a
    /// rate-limit hint; `Auth` for 401 (after one new token, where tokens are fetched) and 403;
    /// `NotFound` for 404 and 410; `Data` for other 4xx, redirects that lead nowhere, and answers
    /// larger than the request allows.
    pub async fn send(&self, request: Request) -> Result<Response> {
        let token = match self.auth.tokens() {
            Some(tokens) if self.auth.is_home(&request.url) => Some(tokens.current(self).await?),
            _ => None,
        };
        let mut answer = self.follow(&request, token.as_deref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let (Some(tokens), Some(stale)) = (self.auth.tokens(), &token)
        {
            let fresh = tokens.renew(stale, self).await?;
            answer = self.follow(&request, Some(&fresh)).await?;
        }
        outcome::check(&request.method, answer)
    }

    /// Sends `request`, and again wherever it is redirected to.
    async fn follow(&self, request: &Request, token: Option<&str>) -> Result<Exchange> {
        let mut hop = request.clone();
        let mut redirects = Redirects::default();
        loop {
            let answer = self.exchange(&hop, Signed::WithOwn(token)).await?;
            match redirects.next(&hop, &answer)? {
                Some(next) => hop = next,
                None => return Ok(answer),
            }
        }
    }

    /// Sends exactly one request, and reports it.
    pub(super) async fn exchange(&self, request: &Request, signed: Signed<'_>) -> Result<Exchange> {
        self.meter.permit().await?;
        self.meter.asking(request.url.as_str());
        let started = Instant::now();
        let mut tally = Tally::default();
        let result =
            match tokio::time::timeout(self.timeout, self.transfer(request, signed, &mut tally)).await {
                Ok(result) => result,
                Err(_) => Err(Error::unavailable(format!("no complete answer within {:?}", self.timeout))
                    .hint("raise `request_timeout` if the server is known to be slow")),
            };
        let latency = started.elapsed();
        self.meter.request(&Seen {
            host: &self.host_key(&request.url),
            status: tally.status,
            latency,
            bytes: tally.bytes,
            limits: tally.hints,
        });
        let (status, headers, body) =
            result.map_err(|e| e.at(format_args!("{} {}", request.method, shown_url(&request.url))))?;
        Ok(Exchange { status, headers, body, url: request.url.clone(), latency, hints: tally.hints })
    }

    async fn transfer(
        &self,
        request: &Request,
        signed: Signed<'_>,
        tally: &mut Tally,
    ) -> Result<(StatusCode, HeaderMap, Bytes)> {
        let mut answer = self.head(request, signed, Coding::Decoded).await?;
        tally.status = Some(answer.status().as_u16());
        tally.hints = hints(answer.headers(), self.clock.now());
        let (cap, overflow) = if answer.status().is_success() {
            (request.max_response_bytes, Overflow::Fail)
        } else {
            (MAX_ERROR_BODY.min(request.max_response_bytes), Overflow::Cut)
        };
        let body = body::read(&mut answer, cap, overflow, &mut tally.bytes).await?;
        Ok((answer.status(), std::mem::take(answer.headers_mut()), body))
    }

    /// Sends exactly one request and waits for the head of its answer.
    pub(super) async fn head(
        &self,
        request: &Request,
        signed: Signed<'_>,
        coding: Coding,
    ) -> Result<reqwest::Response> {
        let mut url = request.url.clone();
        let mut headers = request.headers.clone();
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        if let Signed::WithOwn(token) = signed {
            self.auth.apply(&mut url, &mut headers, token)?;
        }
        let client = transport::client(url.scheme(), coding).await?;
        let mut sending = client.request(request.method.clone(), url).headers(headers);
        if !request.body.is_empty() || request.method == Method::POST {
            sending = sending.body(request.body.clone());
        }
        sending.send().await.map_err(transport::error)
    }
}

/// Whose credentials a request carries.
#[derive(Clone, Copy)]
pub(super) enum Signed<'a> {
    /// The source's own, with the current token if they are tokens.
    WithOwn(Option<&'a str>),
    /// Those that it holds already: a request for a token.
    Itself,
}

/// What is known about a request so far, should it fail halfway.
#[derive(Default)]
struct Tally {
    status: Option<u16>,
    bytes: u64,
    hints: RateHints,
}
