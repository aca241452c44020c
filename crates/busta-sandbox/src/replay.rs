//! Recorded conversations, served again: `/replay/{name}/...`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::app::Call;
use crate::body::Content;
use crate::dataset::lock;
use crate::reply::Reply;

/// Headers that say something to a client; the others are about the connection it came by.
const HEADERS: [&str; 8] = [
    "content-type",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
    "cache-control",
];

/// A request as recordings are searched for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path, without a slash at its end.
    pub path: String,
    /// The parameters of the query and of a form. Where a name comes twice, the last counts.
    pub params: BTreeMap<String, String>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers that clients look at.
    pub headers: Vec<(String, String)>,
    /// The body, decoded.
    pub body: Bytes,
}

/// Makes up an answer for a request that was not recorded.
type Otherwise = dyn Fn(&Asked) -> Option<Answered> + Send + Sync;

/// A recorded conversation: requests and what was answered to them.
#[derive(Clone, Default)]
pub struct Recording {
    exchanges: Vec<(Asked, Answered)>,
    ignored: Vec<String>,
    otherwise: Option<Arc<Otherwise>>,
}

impl Answered {
    /// 200 with a JSON value.
    pub fn json(value: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=UTF-8".to_owned())];
        Self { status: 200, headers, body: value.to_string().into() }
    }
}

impl Asked {
    fn new(method: &str, path: &str, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let path = format!("/{}", path.trim_matches('/'));
        Self { method: method.to_ascii_uppercase(), path, params: pairs.into_iter().collect() }
    }

    fn without(&self, ignored: &[String]) -> Self {
        let mut left = self.clone();
        left.params.retain(|name, _| !ignored.contains(name));
        left
    }
}

impl Recording {
    /// Reads a cassette of the Python libraries `betamax` and `vcr` as the former writes it: an object with
    /// `http_interactions` or `interactions`. The error says what is missing.
    pub fn cassette(text: &[u8]) -> Result<Self, String> {
        let cassette: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let list = [&cassette["interactions"], &cassette["http_interactions"]];
        let list = list.iter().find_map(|list| list.as_array()).ok_or("there are no interactions")?;
        let exchanges: Option<Vec<_>> = list.iter().map(exchange).collect();
        Ok(Self {
            exchanges: exchanges.ok_or("an interaction lacks its request or response")?,
            ..Self::default()
        })
    }

    /// The requests and what was answered, in their order.
    pub fn exchanges(&self) -> &[(Asked, Answered)] {
        &self.exchanges
    }

    /// Adds a request and what to answer to it.
    #[must_use]
    pub fn with(mut self, asked: Asked, answered: Answered) -> Self {
        self.exchanges.push((asked, answered));
        self
    }

    /// Leaves these parameters out of account: requests need not have them, or not these values.
    #[must_use]
    pub fn ignoring(mut self, params: &[&str]) -> Self {
        self.ignored.extend(params.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Serves what was recorded for a path under another one too.
    #[must_use]
    pub fn under(mut self, recorded: &str, path: &str) -> Self {
        for (asked, _) in &mut self.exchanges {
            if asked.path == recorded {
                path.clone_into(&mut asked.path);
            }
        }
        self
    }

    /// What to answer to requests that were not recorded as they are.
    #[must_use]
    pub fn otherwise(mut self, answer: impl Fn(&Asked) -> Option<Answered> + Send + Sync + 'static) -> Self {
        self.otherwise = Some(Arc::new(answer));
        self
    }
}

/// One `{"request": {...}, "response": {...}}`.
fn exchange(value: &Value) -> Option<(Asked, Answered)> {
    let (request, response) = (&value["request"], &value["response"]);
    let url = Url::parse(request["uri"].as_str()?).ok()?;
    let body = text_of(&request["body"]).unwrap_or_default();
    let form = form_urlencoded::parse(&body).into_owned();
    let asked =
        Asked::new(request["method"].as_str()?, url.path(), url.query_pairs().into_owned().chain(form));
    let status = response["status"]["code"].as_u64().and_then(|code| u16::try_from(code).ok())?;
    let headers = response["headers"].as_object().into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let value = value.as_str().or_else(|| value[0].as_str())?.to_owned();
        let kept = HEADERS.contains(&name.as_str()) || name.starts_with("x-ratelimit-");
        kept.then_some((name, value))
    });
    let headers = headers.collect();
    Some((asked, Answered { status, headers, body: text_of(&response["body"]).unwrap_or_default().into() }))
}

/// A body: a text, `{"string": ...}` or `{"base64_string": ...}`.
fn text_of(body: &Value) -> Option<Vec<u8>> {
    if let Some(encoded) = body["base64_string"].as_str() {
        return STANDARD.decode(encoded).ok();
    }
    body.as_str().or_else(|| body["string"].as_str()).map(|text| text.as_bytes().to_vec())
}

/// A recording that is served.
struct Player {
    recording: Recording,
    /// Where each request stands, without what is ignored; and how often it came.
    places: HashMap<Asked, (Vec<usize>, usize)>,
}

/// All recordings that are served.
#[derive(Default)]
pub(crate) struct Replay {
    players: Mutex<HashMap<String, Player>>,
}

impl Replay {
    pub(crate) fn put(&self, name: &str, recording: Recording) {
        let mut places: HashMap<Asked, (Vec<usize>, usize)> = HashMap::new();
        for (place, (asked, _)) in recording.exchanges.iter().enumerate() {
            places.entry(asked.without(&recording.ignored)).or_default().0.push(place);
        }
        lock(&self.players).insert(name.to_owned(), Player { recording, places });
    }

    /// Begins all recordings anew.
    pub(crate) fn rewind(&self) {
        for player in lock(&self.players).values_mut() {
            player.places.values_mut().for_each(|(_, count)| *count = 0);
        }
    }

    /// What was answered to a request when it came for the how-manieth time; the last answer is repeated.
    fn find(&self, name: &str, asked: &Asked) -> Option<Answered> {
        let mut players = lock(&self.players);
        let player = players.get_mut(name)?;
        if let Some((places, count)) = player.places.get_mut(&asked.without(&player.recording.ignored)) {
            let place = places.get(*count).or(places.last())?;
            *count += 1;
            return player.recording.exchanges.get(*place).map(|(_, answered)| answered.clone());
        }
        let otherwise = player.recording.otherwise.clone();
        drop(players);
        otherwise.and_then(|answer| answer(asked))
    }
}

/// Answers `/replay/{name}/...`.
pub(crate) fn answer(call: &Call<'_>, name: &str, parts: &[&str]) -> Result<Reply, Reply> {
    let pairs = call.params.all().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let asked = Asked::new(call.method.as_str(), &parts.join("/"), pairs);
    let Some(answered) = call.app.replay.find(name, &asked) else {
        let body = json!({
            "error": "not recorded", "method": asked.method, "path": asked.path, "params": asked.params,
        });
        return Err(Reply::json(&body).status(StatusCode::NOT_FOUND));
    };
    let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = Reply::ok("application/octet-stream", Content::whole(answered.body)).status(status);
    for (name, value) in answered.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            reply.headers.insert(name, value);
        }
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASSETTE: &str = r#"{"interactions": [
        {"request": {"method": "GET", "uri": "https://api.example/list/?limit=5&raw=1", "body": null},
         "response": {"status": {"code": 200}, "headers": {"X-Ratelimit-Used": ["2"], "Server": ["x"]},
                      "body": {"string": "first"}}},
        {"request": {"method": "GET", "uri": "https://api.example/list?raw=1&limit=5", "body": ""},
         "response": {"status": {"code": 200}, "headers": {}, "body": {"base64_string": "c2Vjb25k"}}},
        {"request": {"method": "POST", "uri": "https://api.example/form", "body": "a=1&b=x%2Cy"},
         "response": {"status": {"code": 403}, "headers": {}, "body": "no"}}]}"#;

    fn asked(method: &str, path: &str, params: &[(&str, &str)]) -> Asked {
        let pairs = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Asked::new(method, path, pairs)
    }

    #[test]
    fn requests_are_found_again_whatever_the_order_of_their_parameters() {
        let recording = Recording::cassette(CASSETTE.as_bytes()).unwrap().ignoring(&["raw"]);
        let (_, first) = &recording.exchanges()[0];
        assert_eq!(first.headers, [("x-ratelimit-used".to_owned(), "2".to_owned())]);
        let replay = Replay::default();
        replay.put(
            "x",
            recording.otherwise(|asked| (asked.path == "/made").then(|| Answered::json(&json!(1)))),
        );
        let body = |asked: &Asked| replay.find("x", asked).map(|found| found.body);
        let list = asked("get", "list/", &[("limit", "5")]);
        let bodies: Vec<_> = (0..3).map(|_| body(&list).unwrap()).collect();
        assert_eq!(bodies, ["first", "second", "second"]);
        replay.rewind();
        assert_eq!(body(&list).unwrap(), "first");
        assert_eq!(body(&asked("POST", "/form", &[("b", "x,y"), ("a", "1")])).unwrap(), "no");
        assert_eq!(body(&asked("GET", "/made", &[])).unwrap(), "1");
        assert_eq!(body(&asked("GET", "/list", &[("limit", "6")])), None);
        assert!(replay.find("y", &list).is_none());
        assert!(Recording::cassette(b"{}").is_err());
    }
}
