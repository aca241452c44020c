//! Answers that are read piece by piece, since they are too large to be held.

use std::sync::Arc;
use std::time::Duration;

use busta_core::meter::{Meter, Request as Seen};
use busta_core::{Error, Result};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, RANGE};
use http::{Method, StatusCode};
use tokio::time::{Instant, timeout};
use url::Url;

use super::body::{self, Overflow};
use super::client::{Exchange, HttpClient, MAX_ERROR_BODY, Signed};
use super::file::FileBody;
use super::hints::hints;
use super::outcome;
use super::redirect::Redirects;
use super::request::Request;
use super::shown::shown_url;
use super::transport::{self, Coding};

/// An answer whose head has been read and whose body is still to come, as it is stored: no
/// `Content-Encoding` is taken off it.
pub struct Incoming {
    /// The status code: 2xx, 304 to a conditional request, or 416 to one for a range.
    pub status: u16,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// Where it comes from, after redirects. Show it with [`shown_url`].
    pub url: Url,
    /// Absent if the whole of a body that nobody wants has been read already.
    pub(super) body: Option<Body>,
    pub(super) meter: Arc<dyn Meter>,
    pub(super) stall: Duration,
}

/// Where the bytes of a body come from.
pub(super) enum Body {
    Web(reqwest::Response),
    Disk(FileBody),
}

impl Incoming {
    /// The next piece of the body, or `None` at its end. It is `Unavailable` if the body is cut off, or
    /// if no byte comes for as long as a request may take; how long all of it takes does not matter.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let chunk = match &mut self.body {
            None => return Ok(None),
            Some(Body::Disk(file)) => Ok(file.chunk().await),
            Some(Body::Web(body)) => {
                timeout(self.stall, async { body.chunk().await.map_err(transport::error) }).await
            }
        };
        let chunk = chunk
            .unwrap_or_else(|_| Err(Error::unavailable(format!("not a byte came for {:?}", self.stall))))
            .map_err(|error| error.at(shown_url(&self.url)))?;
        if let Some(chunk) = &chunk {
            self.meter.bytes(chunk.len() as u64);
        }
        Ok(chunk)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the body is, if its head says so.
    pub fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH.as_str())?.trim().parse().ok()
    }
}

impl HttpClient {
    /// Sends `request` and returns as soon as the head of the answer is there; the body is read with
    /// [`Incoming::chunk`], and its bytes are metered as they come. Redirects, credentials and errors
    /// are those of [`HttpClient::send`]; a 416 to a request for a range is Ok, since it tells how long
    /// the object is.
    pub async fn open(&self, request: Request) -> Result<Incoming> {
        let mut request = request;
        request.headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let token = match self.auth.tokens() {
            Some(tokens) if self.auth.is_home(&request.url) => Some(tokens.current(self).await?),
            _ => None,
        };
        let (answer, body) = self.follow_open(&request, token.as_deref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let (Some(tokens), Some(stale)) = (self.auth.tokens(), &token)
        {
            let fresh = tokens.renew(stale, self).await?;
            let (answer, body) = self.follow_open(&request, Some(&fresh)).await?;
            return self.incoming(&request, answer, body);
        }
        self.incoming(&request, answer, body)
    }

    fn incoming(
        &self,
        request: &Request,
        answer: Exchange,
        body: Option<reqwest::Response>,
    ) -> Result<Incoming> {
        let of_range =
            answer.status == StatusCode::RANGE_NOT_SATISFIABLE && request.headers.contains_key(RANGE);
        let (status, headers, url) = if of_range {
            (answer.status.as_u16(), answer.headers, answer.url)
        } else {
            let response = outcome::check(&Method::GET, answer)?;
            (response.status, response.headers, response.url)
        };
        let body = body.map(Body::Web);
        Ok(Incoming { status, headers, url, body, meter: self.meter.clone(), stall: self.timeout })
    }

    /// Sends `request`, and again wherever it is redirected to. The body is left open if it is wanted.
    async fn follow_open(
        &self,
        request: &Request,
        token: Option<&str>,
    ) -> Result<(Exchange, Option<reqwest::Response>)> {
        let mut hop = request.clone();
        let mut redirects = Redirects::default();
        loop {
            let (answer, body) = self.exchange_open(&hop, token).await?;
            match redirects.next(&hop, &answer)? {
                Some(next) => hop = next,
                None => return Ok((answer, body)),
            }
        }
    }

    /// Sends exactly one request, and reports it when its head has come.
    async fn exchange_open(
        &self,
        request: &Request,
        token: Option<&str>,
    ) -> Result<(Exchange, Option<reqwest::Response>)> {
        self.meter.permit().await?;
        self.meter.asking(request.url.as_str());
        let started = Instant::now();
        let begun = timeout(self.timeout, self.head(request, Signed::WithOwn(token), Coding::AsStored)).await;
        let begun = begun.unwrap_or_else(|_| {
            Err(Error::unavailable(format!("no answer within {:?}", self.timeout))
                .hint("raise `request_timeout` if the server is known to be slow"))
        });
        let latency = started.elapsed();
        let limits =
            begun.as_ref().map(|answer| hints(answer.headers(), self.clock.now())).unwrap_or_default();
        self.meter.request(&Seen {
            host: &self.host_key(&request.url),
            status: begun.as_ref().ok().map(|answer| answer.status().as_u16()),
            latency,
            bytes: 0,
            limits,
        });
        let place = || format!("{} {}", request.method, shown_url(&request.url));
        let mut answer = begun.map_err(|error| error.at(place()))?;
        let mut exchange = Exchange {
            status: answer.status(),
            headers: std::mem::take(answer.headers_mut()),
            body: Bytes::new(),
            url: request.url.clone(),
            latency,
            hints: limits,
        };
        if exchange.status.is_success() {
            return Ok((exchange, Some(answer)));
        }
        let mut seen = 0;
        let read = body::read(&mut answer, MAX_ERROR_BODY, Overflow::Cut, &mut seen);
        // What an error says is nice to have, no more.
        exchange.body = timeout(self.timeout, read).await.ok().and_then(Result::ok).unwrap_or_default();
        self.meter.bytes(seen);
        Ok((exchange, None))
    }
}
