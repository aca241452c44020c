//! A stand-in for Reddit's API: `/reddit/{world}`, with the token endpoint at `/api/v1/access_token` of the same.
//!
//! The forms are those of recorded traffic (the cassettes of the Python library `praw`) and of
//! <https://www.reddit.com/dev/api> and <https://github.com/reddit-archive/reddit/wiki/OAuth2>.

mod access;
mod comment;
mod listing;
mod post;
mod thing;
mod tree;
mod words;
mod world;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use busta_core::clock::{Clock, SystemClock};
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::app::Call;
use crate::body::Content;
use crate::dataset::lock;
use crate::reply::{JSON, Reply};
use crate::scope::Scope;
use access::refuse_because;
pub use comment::RedditComment;
use comment::Thread;
pub use post::RedditPost;
use thing::{Listing, Thing};
use tree::{MAX_DEPTH, View};
pub use world::RedditWorld;

/// The client of an application installed on devices, which has no secret.
pub const REDDIT_INSTALLED_CLIENT: &str = "sandbox-installed";

const DEFAULT_COMMENTS: u64 = 200;
const MAX_COMMENTS: u64 = 500;
/// A search for a subreddit finds so many others.
const FOUND: usize = 3;
/// When so many windows of requests are known, they are forgotten.
const MAX_WINDOWS: usize = 1024;

/// What the worlds remember.
pub(crate) struct Reddit {
    /// How far all worlds were moved on.
    steps: AtomicU64,
    born: Mutex<Instant>,
    started: i64,
    /// The windows of requests, by the path of their world.
    windows: Mutex<HashMap<String, Arc<Scope>>>,
}

impl Default for Reddit {
    fn default() -> Self {
        let started = SystemClock.now().timestamp();
        Self {
            steps: AtomicU64::new(0),
            born: Mutex::new(Instant::now()),
            started,
            windows: Mutex::default(),
        }
    }
}

impl Reddit {
    pub(crate) fn advance(&self, steps: u64) {
        self.steps.fetch_add(steps, Ordering::AcqRel);
    }

    pub(crate) fn rewind(&self) {
        self.steps.store(0, Ordering::Release);
        *lock(&self.born) = Instant::now();
        lock(&self.windows).clear();
    }

    /// A world as a path names it.
    pub(crate) fn world(&self, text: &str) -> Result<RedditWorld, String> {
        let mut world: RedditWorld = text.parse()?;
        if world.live {
            world.start = self.started;
        }
        Ok(world)
    }

    /// How many steps a world has taken.
    pub(crate) fn steps(&self, world: &RedditWorld) -> u64 {
        let ticks =
            world.tick.map_or(0, |tick| lock(&self.born).elapsed().as_millis() / tick.as_millis().max(1));
        self.steps.load(Ordering::Acquire).saturating_add(ticks as u64)
    }

    fn window(&self, base: &str) -> Arc<Scope> {
        let mut windows = lock(&self.windows);
        if windows.len() >= MAX_WINDOWS && !windows.contains_key(base) {
            windows.clear();
        }
        Arc::clone(windows.entry(base.to_owned()).or_default())
    }
}

/// A request to a world.
struct Visit<'a> {
    call: &'a Call<'a>,
    world: RedditWorld,
    steps: u64,
    /// Whether texts are sent as they are.
    raw: bool,
}

/// Answers what lies under `/reddit/{world}`.
pub(crate) fn answer(call: &Call<'_>, text: &str, parts: &[&str]) -> Result<Reply, Reply> {
    let world = call.app.reddit.world(text).map_err(|problem| Reply::bad_request(&problem))?;
    access::check_agent(&world, call.headers)?;
    if parts == ["api", "v1", "access_token"] {
        return match *call.method {
            Method::POST => access::token(&world, call),
            _ => Err(access::refuse(StatusCode::METHOD_NOT_ALLOWED)),
        };
    }
    access::check_token(&world, call)?;
    let behind: usize = parts.iter().map(|part| part.len() + 1).sum();
    let base = &call.path[..call.path.trim_end_matches('/').len().saturating_sub(behind)];
    let quota = call.app.reddit.window(base).draw(world.limit, Instant::now());
    if !quota.granted {
        return Err(access::with_quota(access::refuse(StatusCode::TOO_MANY_REQUESTS), quota));
    }
    let steps = call.app.reddit.steps(&world);
    let visit = Visit { call, world, steps, raw: call.params.get("raw_json") == Some("1") };
    let reply = visit.answer(parts, base).unwrap_or_else(|refusal| refusal);
    Ok(access::with_quota(reply, quota))
}

impl Visit<'_> {
    fn answer(&self, parts: &[&str], base: &str) -> Result<Reply, Reply> {
        let mut parts = parts.to_vec();
        if let Some(last) = parts.last_mut() {
            *last = last.strip_suffix(".json").unwrap_or(last);
        }
        match (parts.as_slice(), self.call.method == Method::POST) {
            (["api", "morechildren"], _) => self.more_children(),
            (_, true) => Err(access::refuse(StatusCode::METHOD_NOT_ALLOWED)),
            (["r", name, "about"], _) => Ok(json(&self.about(self.subreddit(name, base)?))),
            (["r", name, order], _) => listing::answer(self, self.subreddit(name, base)?, order),
            (
                ["comments", id]
                | ["comments", id, _]
                | ["r", _, "comments", id]
                | ["r", _, "comments", id, _],
                _,
            ) => self.comments(id, None),
            (["comments", id, _, comment] | ["r", _, "comments", id, _, comment], _) => {
                self.comments(id, Some(comment))
            }
            (["subreddits", "search"], _) => {
                let found = (0..self.world.subreddits.len().min(FOUND)).map(|place| self.about(place));
                Ok(json(&Listing::new(found.collect(), None, None)))
            }
            _ => Err(not_found()),
        }
    }

    /// The place of a subreddit, or why it cannot be seen.
    fn subreddit(&self, name: &str, base: &str) -> Result<usize, Reply> {
        if let Some(place) = self.world.place(name) {
            return Ok(place);
        }
        let kind = name.split_once('_').map_or("", |(kind, _)| kind).to_ascii_lowercase();
        Err(match kind.as_str() {
            "private" => refuse_because(StatusCode::FORBIDDEN, "private"),
            "banned" => refuse_because(StatusCode::NOT_FOUND, "banned"),
            "quarantined" => quarantined(),
            // What nobody has made is looked for.
            _ => Reply::ok(JSON, Content::whole("{}"))
                .status(StatusCode::FOUND)
                .header("location", format!("{base}/subreddits/search?q={name}")),
        })
    }

    fn about(&self, place: usize) -> Thing {
        let name = &self.world.subreddits[place];
        let subscribers = post::subscribers(&self.world, place);
        let active = subscribers / 900 + self.steps % 7;
        let fullname = post::subreddit_id(place);
        Thing::Subreddit(json!({
            "id": fullname.trim_start_matches("t5_"), "name": fullname,
            "display_name": name, "display_name_prefixed": format!("r/{name}"), "url": format!("/r/{name}/"),
            "title": format!("All about {name}"),
            "public_description": format!("Links and talk about {name}, by people who like it."),
            "description": format!("# r/{name}\n\n1. Be kind.\n2. No spam."),
            "subscribers": subscribers, "active_user_count": active, "accounts_active": active,
            "created_utc": 1_201_243_200.0 + place as f64 * 86_400.0, "subreddit_type": "public", "lang": "en",
            "over18": false, "quarantine": false,
        }))
    }

    /// The post and its comments: two listings.
    fn comments(&self, id: &str, comment: Option<&str>) -> Result<Reply, Reply> {
        let thread = Thread::new(&self.world, id, self.steps).ok_or_else(not_found)?;
        let root = match comment {
            Some(comment) => Some(thread.number(comment).ok_or_else(not_found)?),
            None => None,
        };
        let params = &self.call.params;
        let limit = params.number("limit")?.filter(|limit| *limit > 0).unwrap_or(DEFAULT_COMMENTS);
        let depth = params.number("depth")?.map_or(MAX_DEPTH, |depth| depth.min(64) as u32);
        let (place, index) = post::located(id).ok_or_else(not_found)?;
        let post = self.world.post(place, index, self.steps).ok_or_else(not_found)?;
        let comments = View::page(&thread, root, limit.min(MAX_COMMENTS) as usize, depth, self.raw);
        Ok(json(&[Listing::new(vec![self.shown(post)], None, None), comments]))
    }

    fn more_children(&self) -> Result<Reply, Reply> {
        #[derive(Serialize)]
        struct Data {
            things: Vec<Thing>,
        }
        let params = &self.call.params;
        let (Some(link), Some(children)) = (params.get("link_id"), params.get("children")) else {
            return Err(access::refuse(StatusCode::BAD_REQUEST));
        };
        let id = link.strip_prefix("t3_").unwrap_or(link);
        let thread = Thread::new(&self.world, id, self.steps).ok_or_else(not_found)?;
        let asked: Vec<&str> = children.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        let things = tree::expand(&thread, &asked, params.is_set("limit_children"), self.raw);
        let data = serde_json::to_value(Data { things }).unwrap_or_default();
        Ok(Reply::json(&json!({ "json": { "errors": [], "data": data } })))
    }
}

fn json(value: &impl Serialize) -> Reply {
    Reply::ok(
        "application/json; charset=UTF-8",
        Content::whole(serde_json::to_vec(value).unwrap_or_default()),
    )
}

fn not_found() -> Reply {
    access::refuse(StatusCode::NOT_FOUND)
}

fn quarantined() -> Reply {
    let text = "This community is quarantined.";
    let body = json!({
        "reason": "quarantined", "quarantine_message": text, "quarantine_message_html": format!("<p>{text}</p>"),
        "message": "Forbidden", "error": 403,
    });
    Reply::json(&body).status(StatusCode::FORBIDDEN)
}
