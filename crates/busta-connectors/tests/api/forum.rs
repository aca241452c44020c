//! A forum: boards whose posts come newest first, in pages, and comment trees of which an answer gives only the
//! beginning.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::scripted::{Answer, Asked, Script};

/// So many comments an answer gives; for the rest it says what to ask for.
const COMMENTS_AT_ONCE: usize = 3;

/// So many comments each object that stands for the rest names.
const REST: usize = 5;

/// What a forum has.
#[derive(Default)]
pub struct Boards {
    /// Its boards and, from the oldest on, the time of each of their posts.
    pub boards: Vec<(String, Vec<u64>)>,
    /// Each post has so many comments.
    pub comments: usize,
    /// The oldest post of each board stands before all others.
    pub pinned: bool,
}

/// A running forum.
pub struct Forum {
    pub script: Script,
    pub has: Arc<Mutex<Boards>>,
}

impl Forum {
    pub async fn start(boards: Boards) -> Self {
        let has = Arc::new(Mutex::new(boards));
        let answers = has.clone();
        let script = Script::start(move |asked| answers.lock().unwrap().answer(asked)).await;
        Self { script, has }
    }

    /// Adds posts to the board at `index`, each a bit newer than the one before.
    pub fn post(&self, index: usize, count: usize, apart: u64) {
        let posts = &mut self.has.lock().unwrap().boards[index].1;
        for _ in 0..count {
            posts.push(posts.last().map_or(1000, |last| last + apart));
        }
    }

    /// The ids of all posts, in order.
    pub fn posts(&self) -> Vec<String> {
        let has = self.has.lock().unwrap();
        let ids = has
            .boards
            .iter()
            .flat_map(|(board, posts)| (0..posts.len()).map(move |n| format!("{board}-{n}")));
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    }

    /// The ids of all comments, in order.
    pub fn comments(&self) -> Vec<String> {
        let comments = self.has.lock().unwrap().comments;
        let mut ids: Vec<String> =
            self.posts().iter().flat_map(|post| (0..comments).map(move |n| format!("{post}.{n}"))).collect();
        ids.sort();
        ids
    }
}

impl Boards {
    fn answer(&self, asked: &Asked) -> Answer {
        let parts: Vec<&str> = asked.path().trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["r", board, _] => self.listing(board, asked),
            ["comments", post] => {
                let all: Vec<usize> = (0..self.comments).collect();
                let answer =
                    json!([{ "data": { "children": [] } }, { "data": { "children": tree(post, &all) } }]);
                Answer::json(answer)
            }
            ["more"] => {
                let field = |name: &str| {
                    url::form_urlencoded::parse(asked.body.as_bytes())
                        .find_map(|(known, value)| (known == name).then(|| value.into_owned()))
                        .unwrap()
                };
                let wanted: Vec<usize> = field("ids").split(',').map(|n| n.parse().unwrap()).collect();
                Answer::json(json!({ "json": { "things": tree(&field("post"), &wanted) } }))
            }
            _ => Answer::new(404, &[], "{}"),
        }
    }

    fn listing(&self, board: &str, asked: &Asked) -> Answer {
        let Some((_, posts)) = self.boards.iter().find(|(name, _)| name == board) else {
            return Answer::new(403, &[], r#"{"reason":"private"}"#);
        };
        let mut order: Vec<usize> = (0..posts.len()).rev().collect();
        if self.pinned && !order.is_empty() {
            order.pop();
            order.insert(0, 0);
        }
        let param = |name: &str| {
            let query = asked.target.split_once('?').map_or("", |(_, query)| query);
            let found = url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned())
        };
        let limit: usize = param("limit").unwrap().parse().unwrap();
        let from = match (param("after"), param("page")) {
            (Some(after), _) => {
                let after: usize = after.rsplit('-').next().unwrap().parse().unwrap();
                order.iter().position(|n| *n == after).unwrap() + 1
            }
            (None, Some(page)) => (page.parse::<usize>().unwrap() - 1) * limit,
            (None, None) => 0,
        };
        let page: Vec<usize> = order.iter().skip(from).take(limit).copied().collect();
        let more = from + page.len() < order.len();
        let after = page.last().filter(|_| more).map(|n| format!("{board}-{n}"));
        let post = |n: &usize| {
            let data =
                json!({ "id": format!("{board}-{n}"), "created": posts[*n], "title": format!("post {n}") });
            json!({ "kind": "post", "data": data })
        };
        let children: Vec<Value> = page.iter().map(post).collect();
        Answer::json(json!({ "data": { "children": children, "after": after, "total": order.len() } }))
    }
}

/// The first of `wanted` as a tree in which each answers the one before, and what stands for the rest.
fn tree(post: &str, wanted: &[usize]) -> Vec<Value> {
    let (now, later) = wanted.split_at(wanted.len().min(COMMENTS_AT_ONCE));
    let mut below: Vec<Value> = later
        .chunks(REST)
        .map(|rest| json!({ "kind": "more", "data": { "rest": rest, "post": post } }))
        .collect();
    for n in now.iter().rev() {
        let replies = if below.is_empty() { json!("") } else { json!({ "data": { "children": below } }) };
        let data = json!({ "id": format!("{post}.{n}"), "text": "é", "replies": replies });
        below = vec![json!({ "kind": "comment", "data": data })];
    }
    below
}

/// A source of posts, as the boards' own order gives them, and of their comments.
pub fn source(url: &str, boards: &[String], pagination: Value, size: usize) -> Value {
    let mut config = posts(url, boards, pagination, size);
    let walk = "recurse(.data.replies | objects | .data.children[])";
    let comments = json!({
        "name": "comments",
        "path": "/comments/{posts.id}",
        "records": "$[1].data.children",
        "primary_key": "id",
        "map": format!("{walk} | select(.kind == \"comment\") | .data | {{id, text}}"),
        "include": { "post_id": "posts.id" },
        "follow": {
            "find": format!("{walk} | select(.kind == \"more\") | .data | {{ids: (.rest | map(tostring) | join(\",\")), post, count: (.rest | length)}}"),
            "path": "/more",
            "method": "POST",
            "form": { "ids": "{follow.ids}", "post": "{follow.post}" },
            "records": "$.json.things",
            "largest": ".count",
            "limit": 100,
        },
    });
    config["streams"].as_array_mut().unwrap().push(comments);
    config
}

/// The posts alone.
pub fn posts(url: &str, boards: &[String], pagination: Value, size: usize) -> Value {
    json!({
        "base_url": url,
        "streams": [{
            "name": "posts",
            "for_each": { "board": boards, "listing": ["new"] },
            "path": "/r/{board}/{listing}",
            "params": { "limit": size },
            "records": "$.data.children",
            "map": ".data | {id, created, board: $for.board}",
            "primary_key": "id",
            "cursor": { "field": "created", "order": "newest_first" },
            "pagination": pagination,
        }],
    })
}

/// The two ways in which a forum's pages are asked for.
pub fn paginations(size: usize) -> [Value; 2] {
    [
        json!({ "type": "cursor", "path": "$.data.after", "param": "after" }),
        json!({ "type": "page", "per_page": size, "per_page_param": "limit", "total_path": "$.data.total" }),
    ]
}
