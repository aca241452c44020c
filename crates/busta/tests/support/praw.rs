//! Recorded conversations with Reddit (`scripts/judges/install praw`), and what a plain walk through them finds.
//!
//! A listing is served exactly as it was recorded. `/api/morechildren` was recorded for the lists of comments that
//! another client asked for, and no client asks for the same ones; so its answers are put together of what was
//! recorded: each comment asked for that there is, and those below it.

use std::collections::{BTreeMap, BTreeSet};

use busta_sandbox::{Answered, Asked, Recording};
use busta_testkit::judges;
use serde_json::{Value, json};

/// An answer of `/api/morechildren` has so many comments; for the others there is `more`.
const AT_ONCE: usize = 100;

/// The recording of this name; none where it cannot be had.
pub fn recording(name: &str) -> Option<Recording> {
    let text = std::fs::read(judges::praw()?.join(format!("{name}.json"))).unwrap();
    Some(Recording::cassette(&text).unwrap())
}

fn answers(recording: &Recording) -> impl Iterator<Item = (&Asked, Value)> {
    let answers = recording.exchanges().iter();
    answers.filter_map(|(asked, answered)| Some((asked, serde_json::from_slice(&answered.body).ok()?)))
}

/// The things of a listing in full: page by page, as `after` leads.
pub fn listing(recording: &Recording, path: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = answers(recording)
            .find(|(asked, _)| asked.path == path && asked.params.get("after") == after.as_ref())
            .unwrap_or_else(|| panic!("no page after {after:?}"))
            .1;
        all.extend(page["data"]["children"].as_array().unwrap().clone());
        match page["data"]["after"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return all,
        }
    }
}

/// A page with nothing on it, for what is behind the last recorded one.
pub fn nothing(asked: &Asked) -> Option<Answered> {
    let page =
        json!({ "kind": "Listing", "data": { "after": null, "before": null, "dist": 0, "children": [] } });
    asked.params.contains_key("after").then(|| Answered::json(&page))
}

/// The recording of a post's comments with a listing before it that shows this post alone, and the post itself.
pub fn posted(recording: Recording, post: &str) -> (Recording, Value) {
    let path = format!("/comments/{post}");
    let first = answers(&recording).find(|(asked, _)| asked.path == path).unwrap().1;
    let page = first[0].clone();
    let post = page["data"]["children"][0].clone();
    let path = format!("/r/{}/new", post["data"]["subreddit"].as_str().unwrap());
    let asked = Asked { method: "GET".to_owned(), path, params: BTreeMap::new() };
    (recording.with(asked, Answered::json(&page)), post)
}

/// The comments of a post, as far as they were recorded.
#[derive(Clone)]
pub struct Thread {
    /// All of them, by their fullnames, as deep as they lie below the post, if that was recorded.
    pub comments: BTreeMap<String, Value>,
    /// The ids of what lies directly below a comment, but for where a page of its own shows that.
    children: BTreeMap<String, Vec<String>>,
    /// What the first page shows.
    shown: BTreeSet<String>,
    /// The ids that it says can be asked for.
    told: Vec<String>,
    /// The comments whose own pages show what is below them, and the fullnames that these show.
    beyond: BTreeMap<String, Vec<String>>,
}

impl Thread {
    pub fn new(recording: &Recording, post: &str) -> Self {
        let mut found = Found::default();
        let (path, link) = (format!("/comments/{post}"), format!("t3_{post}"));
        let first = answers(recording).find(|(asked, _)| asked.path == path).unwrap().1;
        found.walk(&first[1]["data"]["children"]);
        let (shown, told) = (found.comments.keys().cloned().collect(), std::mem::take(&mut found.told));
        for (_, answer) in answers(recording).filter(|(asked, _)| asked.params.get("link_id") == Some(&link))
        {
            found.walk(&answer["json"]["data"]["things"]);
        }
        let mut children: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for comment in found.comments.values() {
            let (parent, id) = (comment["parent_id"].as_str().unwrap(), comment["id"].as_str().unwrap());
            children.entry(parent.to_owned()).or_default().push(id.to_owned());
        }
        let mut thread = Self { comments: found.comments, children, shown, told, beyond: BTreeMap::new() };
        for parent in found.beyond {
            let path = format!("/comments/{post}/_/{}", parent.trim_start_matches("t1_"));
            let page = answers(recording).find(|(asked, _)| asked.path == path).map(|(_, page)| page);
            thread.goes_on(parent, &page.unwrap_or_else(|| panic!("{path} was recorded")));
        }
        thread
    }

    /// Takes in the page of a comment, on which it has the depth 0 itself.
    fn goes_on(&mut self, parent: String, page: &Value) {
        let mut found = Found::default();
        found.walk(&page[1]["data"]["children"]);
        assert!(found.told.is_empty() && found.beyond.is_empty(), "the page of {parent} shows all");
        found.comments.remove(&parent);
        let above = self.comments[&parent]["depth"].as_u64();
        self.beyond.insert(parent, found.comments.keys().cloned().collect());
        for (name, mut comment) in found.comments {
            if let (Some(above), Some(depth)) = (above, comment["depth"].as_u64()) {
                comment["depth"] = (above + depth).into();
            }
            self.comments.entry(name).or_insert(comment);
        }
    }

    /// The fullnames of all comments that can be had from the first page on.
    pub fn reachable(&self) -> BTreeSet<String> {
        let (mut reached, mut open) = (self.shown.clone(), self.told.clone());
        while let Some(id) = open.pop() {
            let name = format!("t1_{id}");
            if self.comments.contains_key(&name) && reached.insert(name.clone()) {
                open.extend(self.below(&name).iter().cloned());
            }
        }
        let beyond = self.beyond.iter().filter(|(parent, _)| reached.contains(*parent));
        let beyond: Vec<String> = beyond.flat_map(|(_, names)| names.clone()).collect();
        reached.extend(beyond);
        reached
    }

    /// How many of them only the pages of single comments show.
    pub fn deeper(&self) -> usize {
        self.beyond.values().map(Vec::len).sum()
    }

    fn below(&self, name: &str) -> &[String] {
        self.children.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// What `/api/morechildren` answers.
    pub fn more(&self, asked: &Asked) -> Option<Answered> {
        let ids = asked.params.get("children").filter(|_| asked.path == "/api/morechildren")?;
        let mut open: Vec<String> = ids.split(',').map(str::to_owned).collect();
        let (mut things, mut next) = (Vec::new(), 0);
        let mut ended = Vec::new();
        while let Some(id) = open.get(next).cloned().filter(|_| things.len() < AT_ONCE) {
            next += 1;
            let name = format!("t1_{id}");
            if let Some(comment) = self.comments.get(&name) {
                things.push(json!({ "kind": "t1", "data": comment }));
                open.extend(self.below(&name).iter().cloned());
                ended.extend(self.beyond.contains_key(&name).then_some((name, comment["depth"].as_u64())));
            }
        }
        let left = open[next..].iter().filter(|id| self.comments.contains_key(&format!("t1_{id}")));
        let left: Vec<&String> = left.collect();
        if let Some(first) = left.first() {
            things.push(json!({ "kind": "more", "data": {
                "id": first, "name": format!("t1_{first}"), "parent_id": asked.params["link_id"],
                "count": left.len(), "children": left,
            }}));
        }
        things.extend(ended.into_iter().map(|(parent, depth)| {
            json!({ "kind": "more", "data": {
                "id": "_", "name": "t1__", "parent_id": parent, "count": 0, "children": [],
                "depth": depth.map(|depth| depth + 1),
            }})
        }));
        Some(Answered::json(&json!({ "json": { "errors": [], "data": { "things": things } } })))
    }
}

#[derive(Default)]
struct Found {
    comments: BTreeMap<String, Value>,
    told: Vec<String>,
    /// The comments below which a thread goes on elsewhere.
    beyond: BTreeSet<String>,
}

impl Found {
    fn walk(&mut self, things: &Value) {
        for thing in things.as_array().unwrap() {
            let mut data = thing["data"].clone();
            if thing["kind"] == "more" {
                let ids = data["children"].as_array().unwrap();
                self.told.extend(ids.iter().map(|id| id.as_str().unwrap().to_owned()));
                if ids.is_empty() {
                    self.beyond.insert(data["parent_id"].as_str().unwrap().to_owned());
                }
                continue;
            }
            if data["replies"].is_object() {
                self.walk(&data["replies"]["data"]["children"]);
            }
            data["replies"] = "".into();
            // As it was seen first.
            self.comments.entry(data["name"].as_str().unwrap().to_owned()).or_insert(data);
        }
    }
}
