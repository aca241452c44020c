//! The way of a request: prefixes, judge, limits, latency, faults, credentials, and then its route.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use crate::archive::{self, Archive};
use crate::auth::Scheme;
use crate::body::Body;
use crate::config::SandboxConfig;
use crate::dataset::{Dataset, lock};
use crate::feeds::Feeds;
use crate::market::{self, Market};
use crate::oauth::Tokens;
use crate::params::Params;
use crate::profile::Profile;
use crate::reddit::{self, Reddit};
use crate::replay::{self, Replay};
use crate::reply::Reply;
use crate::route::{self, Target};
use crate::scope::Scope;
use crate::socket::Line;
use crate::stac::{self, Stac};
use crate::stats::{Judge, Key, Visit};
use crate::{behave, control, feeds, gzip, objects, plain, rest};

/// The largest body of a request.
const MAX_REQUEST: usize = 1 << 20;
/// When so many scopes are known, they are forgotten, and their counts begin anew.
const MAX_SCOPES: usize = 4096;

/// All state of a sandbox.
pub(crate) struct App {
    pub(crate) judge: Arc<Judge>,
    pub(crate) dataset: Dataset,
    pub(crate) feeds: Feeds,
    pub(crate) tokens: Tokens,
    pub(crate) stac: Stac,
    pub(crate) archive: Arc<Archive>,
    pub(crate) reddit: Reddit,
    pub(crate) market: Market,
    pub(crate) replay: Replay,
    scopes: Mutex<HashMap<String, Arc<Scope>>>,
    base: Profile,
    profiles: RwLock<BTreeMap<String, Profile>>,
    groups: Vec<String>,
}

/// A request whose connection ends without an answer.
#[derive(Debug)]
pub(crate) struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for HungUp {}

/// A request that has passed limits, faults and credentials, on its way to a route.
pub(crate) struct Call<'a> {
    pub(crate) app: &'a App,
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) params: Params,
    pub(crate) body: &'a Bytes,
    pub(crate) profile: &'a Profile,
    /// The how-manieth request of this URL in its scope it is, from 1; 0 where nobody asks.
    pub(crate) attempt: u64,
    /// The whole path, prefixes and all.
    pub(crate) path: &'a str,
    /// The parts of the path behind the prefixes.
    pub(crate) parts: Vec<&'a str>,
}

impl Call<'_> {
    /// The URL that the client asked for, without its query.
    pub(crate) fn url(&self) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
        format!("http://{host}{}", self.path)
    }
}

impl App {
    pub(crate) fn new(config: SandboxConfig) -> Self {
        Self {
            judge: Arc::new(Judge::new()),
            dataset: Dataset::new(config.seed, config.records, config.streams, config.cache.0),
            feeds: Feeds::new(config.seed),
            tokens: Tokens::new(config.seed),
            stac: Stac::default(),
            archive: Arc::default(),
            reddit: Reddit::default(),
            market: Market::default(),
            replay: Replay::default(),
            scopes: Mutex::default(),
            base: config.profile,
            profiles: RwLock::new(config.routes),
            groups: config.groups,
        }
    }

    pub(crate) fn reset(&self) {
        self.judge.reset();
        self.dataset.rewind();
        self.feeds.rewind();
        self.tokens.clear();
        self.archive.rewind();
        self.reddit.rewind();
        self.market.rewind();
        self.replay.rewind();
        lock(&self.scopes).clear();
    }

    pub(crate) fn set_profile(&self, prefix: &str, profile: Profile) {
        self.profiles.write().unwrap_or_else(PoisonError::into_inner).insert(prefix.to_owned(), profile);
    }

    /// Answers one request. An error ends the connection.
    pub(crate) async fn answer(
        self: Arc<Self>,
        line: Arc<Line>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, HungUp> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        if path == "/_sandbox" || path.starts_with("/_sandbox/") {
            return Ok(control::answer(&self, &head));
        }
        let (target, wrong) = match Target::parse(path) {
            Ok(target) => (target, None),
            Err(message) => (Target::default(), Some(message)),
        };
        let visit = self.judge.begin(self.keys(&line, path, &target));
        let body = read_body(body).await;
        match wrong {
            Some(message) => {
                let place = self.scope("").enter();
                Ok(send(&head, Reply::bad_request(&message), visit, place))
            }
            None => self.behave(&line, &head, &body, target, visit).await,
        }
    }

    async fn behave(
        &self,
        line: &Line,
        head: &request::Parts,
        body: &Bytes,
        target: Target<'_>,
        mut visit: Visit,
    ) -> Result<Response<Body>, HungUp> {
        let (scope, profile) = self.rules(head.uri.path(), &target);
        let url = located(head, body);
        visit.locate(&url);
        let place = scope.enter();
        let quota = profile.rate.map(|limit| scope.draw(limit, Instant::now()));
        if let Some(refusal) = behave::refusal(&profile, &place, quota) {
            return Ok(send(head, refusal, visit, place));
        }
        let due = behave::due(&profile, &place);
        let attempt = if profile.counts_attempts() { scope.attempt(&url) } else { 0 };
        let fault = scope.fault(&profile, attempt);
        visit.fault = fault.map(|kind| kind.to_string());
        let reply = match fault.and_then(|kind| behave::instead(kind, head, &profile)) {
            Some(reply) => reply,
            None => {
                let routed = self.route(head, body, target, &profile, attempt).await;
                routed.unwrap_or_else(|refusal| refusal)
            }
        };
        let reply = gzip::encode(reply, &head.headers, profile.gzip).await;
        let reply = behave::with_quota(reply, quota);
        // To make an answer is a part of what a server takes for it.
        behave::wait(due).await;
        match fault {
            Some(kind) => {
                behave::damage(kind, reply, &profile, line).await.map(|reply| send(head, reply, visit, place))
            }
            None => Ok(send(head, reply, visit, place)),
        }
    }

    async fn route(
        &self,
        head: &request::Parts,
        body: &Bytes,
        target: Target<'_>,
        profile: &Profile,
        attempt: u64,
    ) -> Result<Reply, Reply> {
        let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let query = head.uri.query().unwrap_or_default();
        let params = Params::read(query, media_type.unwrap_or_default(), body);
        let params = match target.kind() {
            "/stac" => params.map_err(|_| stac::bad_request("the body is not a JSON object"))?,
            _ => params?,
        };
        for scheme in &target.schemes {
            Scheme::check(*scheme, &head.headers, &params, &self.tokens)?;
        }
        let call = Call {
            app: self,
            method: &head.method,
            headers: &head.headers,
            params,
            body,
            profile,
            attempt,
            path: head.uri.path(),
            parts: target.parts(),
        };
        match call.parts.as_slice() {
            ["rest", rest @ ..] => rest::answer(&call, rest),
            ["feeds", format, name] => feeds::answer(&call, format, name),
            ["opml"] => feeds::opml(&call),
            ["stac", world, parts @ ..] => stac::answer(&call, world, parts),
            ["stac-static", world, path @ ..] => stac::answer_static(&call, world, path),
            ["objects", name @ ..] if !name.is_empty() => objects::answer(&call, name),
            ["reddit", world, parts @ ..] => reddit::answer(&call, world, parts),
            ["ebay", world, parts @ ..] => market::answer_ebay(&call, world, parts),
            ["amazon", world, parts @ ..] => market::answer_amazon(&call, world, parts),
            ["replay", name, parts @ ..] => replay::answer(&call, name, parts),
            ["archive", world, ..] => archive::answer(&call, world).await,
            ["oauth", "token"] if call.method == Method::POST => {
                Ok(self.tokens.answer(call.headers, &call.params))
            }
            ["oauth", "token"] => {
                Err(Reply::error(StatusCode::METHOD_NOT_ALLOWED, "use POST").header("allow", "POST"))
            }
            ["status", code] => plain::status(code),
            ["echo", ..] => Ok(plain::echo(&call, body)),
            _ => Err(Reply::not_found("page")),
        }
    }

    /// What counts this request.
    fn keys(&self, line: &Line, path: &str, target: &Target<'_>) -> Vec<Key> {
        let mut keys = vec![Key::Total, Key::Route(route::route(path)), Key::Group(line.host.to_string())];
        if target.kind().len() > 1 {
            keys.push(Key::Group(target.kind().to_owned()));
        }
        if target.kind() == "/archive" {
            keys.push(Key::Group(archive::group(&target.parts(), path.ends_with('/')).to_owned()));
        }
        keys.extend(target.names.iter().map(|name| Key::Group((*name).to_owned())));
        let under = |prefix: &&String| path.starts_with(prefix.as_str()) && prefix.as_str() != target.kind();
        keys.extend(self.groups.iter().filter(under).map(|prefix| Key::Group(prefix.clone())));
        keys
    }

    /// Who shares limits with this request, and how it is treated.
    fn rules(&self, path: &str, target: &Target<'_>) -> (Arc<Scope>, Profile) {
        let profiles = self.profiles.read().unwrap_or_else(PoisonError::into_inner);
        let longest = profiles.iter().rfind(|(prefix, _)| path.starts_with(prefix.as_str()));
        let (key, below) = match longest {
            Some((prefix, profile)) => (prefix.as_str(), self.base.overlay(profile)),
            None => ("", self.base.clone()),
        };
        match &target.profile {
            Some(over) => (self.scope(target.prefix), below.overlay(over)),
            None => (self.scope(key), below),
        }
    }

    fn scope(&self, key: &str) -> Arc<Scope> {
        let mut scopes = lock(&self.scopes);
        if let Some(scope) = scopes.get(key) {
            return Arc::clone(scope);
        }
        if scopes.len() >= MAX_SCOPES {
            scopes.clear();
        }
        Arc::clone(scopes.entry(key.to_owned()).or_default())
    }
}

async fn read_body(body: Incoming) -> Bytes {
    use hyper::body::Body as _;
    if body.is_end_stream() {
        return Bytes::new();
    }
    match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(whole) => whole.to_bytes(),
        // Broken off or too large: the route will say what it misses.
        Err(_) => Bytes::new(),
    }
}

/// What the judge and the faults know a request by: `GET /path?query`, and the body of a POST.
fn located(head: &request::Parts, body: &Bytes) -> String {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    match body.is_empty() {
        true => format!("{} {target}", head.method),
        false => {
            let text = String::from_utf8_lossy(&body[..body.len().min(512)]);
            format!("{} {target} {text}", head.method)
        }
    }
}

/// Hands a reply over to the connection, with the request's place in the counts.
fn send(head: &request::Parts, reply: Reply, mut visit: Visit, place: crate::scope::Place) -> Response<Body> {
    visit.status = Some(reply.status.as_u16());
    let silent = head.method == Method::HEAD;
    let mut response = Response::new(Body::new(reply.content, visit, place, silent));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
