//! `type: reddit`: recorded traffic and whole worlds, collected; what has landed is what was there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use busta_sandbox::{CLIENT_ID, CLIENT_SECRET, Recording, RedditWorld};
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};
use support::Desk;
use support::origin::Origin;
use support::praw::{self, Thread};

/// What clients name as they like, or differently from the one that was recorded.
const ITS_OWN: [&str; 6] = ["raw_json", "limit", "sort", "t", "count", "scope"];

/// A source of type `reddit` with these keys of its own.
fn reddit(base: &str, keys: &str) -> Desk {
    Desk::new(&format!(
        "sources:
  - name: reddit
    type: reddit
    base_url: {base}
    auth: {{ client_id: {CLIENT_ID}, client_secret: {CLIENT_SECRET} }}
    user_agent: {{ app: busta.tests, username: sandbox }}
    about: false
    {keys}
"
    ))
}

/// The rows of a table in these columns, by their `name`. A column that was never filled is not there.
fn rows(db: &Path, table: &str, columns: &[&str]) -> BTreeMap<String, Vec<Cell>> {
    let db = rusqlite::Connection::open(db).unwrap();
    let mut there = db.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
    let there: BTreeSet<String> =
        there.query_map([table], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let shown: Vec<&str> =
        columns.iter().map(|name| if there.contains(*name) { *name } else { "NULL" }).collect();
    let mut query = db.prepare(&format!("SELECT name, {} FROM {table}", shown.join(", "))).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let cells = (1..=columns.len()).map(|at| row.get(at)).collect::<Result<Vec<Cell>, _>>()?;
        Ok((row.get(0)?, cells))
    };
    let rows: Vec<(String, Vec<Cell>)> = query.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap();
    let count = rows.len();
    let rows: BTreeMap<String, Vec<Cell>> = rows.into_iter().collect();
    assert_eq!(rows.len(), count, "each came once");
    rows
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::String(text) => Cell::Text(text.clone()),
        Value::Number(number) if number.is_i64() => Cell::Integer(number.as_i64().unwrap()),
        Value::Number(number) => Cell::Real(number.as_f64().unwrap()),
        Value::Bool(yes) => Cell::Integer(i64::from(*yes)),
        _ => Cell::Null,
    }
}

/// All columns of posts but `listing` and `collected_at`, which say how and when they were found.
const POST: [&str; 24] = [
    "id",
    "name",
    "subreddit",
    "title",
    "selftext",
    "author",
    "created_utc",
    "score",
    "upvote_ratio",
    "num_comments",
    "url",
    "permalink",
    "domain",
    "flair",
    "over_18",
    "spoiler",
    "stickied",
    "locked",
    "is_self",
    "is_video",
    "edited",
    "deleted",
    "removed_by",
    "crosspost_parent",
];

/// All columns of comments but `collected_at`.
const COMMENT: [&str; 15] = [
    "id",
    "name",
    "post_id",
    "parent_id",
    "subreddit",
    "author",
    "body",
    "created_utc",
    "edited",
    "score",
    "depth",
    "deleted",
    "is_submitter",
    "stickied",
    "permalink",
];

fn is_gone(text: &Value) -> bool {
    text == "[deleted]" || text == "[removed]"
}

/// What the columns of a thing must be that do not stand in it as they are.
fn worked_out(thing: &Value) -> Value {
    let seconds = |value: &Value| value.as_f64().map_or(Value::Null, |time| json!(time as i64));
    let text = if thing.get("body").is_some() { &thing["body"] } else { &thing["selftext"] };
    json!({
        "created_utc": seconds(&thing["created_utc"]),
        "edited": seconds(&thing["edited"]),
        "flair": thing["link_flair_text"],
        "removed_by": thing["removed_by_category"],
        "post_id": thing["link_id"].as_str().map(|id| id.trim_start_matches("t3_")),
        "deleted": !thing["removed_by_category"].is_null() || thing["author"] == "[deleted]" || is_gone(text),
    })
}

/// What the rows of things must be.
fn rows_of<'a>(things: impl IntoIterator<Item = &'a Value>, columns: &[&str]) -> BTreeMap<String, Vec<Cell>> {
    let row = |thing: &Value| {
        let own = worked_out(thing);
        let value = |name: &&str| cell(own.get(*name).unwrap_or(&thing[*name]));
        (thing["name"].as_str().unwrap().to_owned(), columns.iter().map(value).collect())
    };
    things.into_iter().map(row).collect()
}

fn data(things: &[Value]) -> impl Iterator<Item = &Value> {
    things.iter().map(|thing| &thing["data"])
}

/// The rows that are not what they must be.
fn assert_rows(landed: &BTreeMap<String, Vec<Cell>>, wanted: &BTreeMap<String, Vec<Cell>>) {
    let names = |rows: &BTreeMap<String, Vec<Cell>>| rows.keys().cloned().collect::<BTreeSet<_>>();
    let (there, expected) = (names(landed), names(wanted));
    let wrong: Vec<&String> = expected.symmetric_difference(&there).collect();
    assert!(wrong.is_empty(), "missing or too many: {wrong:?}");
    for (name, row) in landed {
        assert_eq!(row, &wanted[name], "{name}");
    }
}

/// A user's things, comments and posts, as if they were a listing of a subreddit: 1,001 on 11 pages.
#[test]
fn a_recorded_listing_is_read_to_its_end() {
    let Some(recording) = praw::recording("TestListingGenerator.test_exhaust_items") else { return };
    let things = praw::listing(&recording, "/user/spez");
    assert_eq!(things.len(), 1001);
    let posts: Vec<Value> = things.into_iter().filter(|thing| thing["kind"] == "t3").collect();
    let origin = Origin::default();
    origin.sandbox().replay("spez", recording.ignoring(&ITS_OWN).under("/user/spez", "/r/spez/top"));
    let base = format!("{}/replay/spez", origin.url());
    let desk = reddit(&base, "subreddits: [spez]\n    listings: [top]\n    t: all");
    let (_, report) = desk.collect(&[]);
    assert_eq!(report["status"], "completed");
    assert!(!posts.is_empty());
    assert_rows(&rows(&desk.file("busta.db"), "posts", &POST), &rows_of(data(&posts), &POST));
    // All pages, and a token.
    assert!(report["requests"].as_u64().unwrap() >= 11, "{report}");
}

#[test]
fn recorded_listings_of_a_subreddit_are_read_whole() {
    let origin = Origin::default();
    for (order, count) in [("hot", 102), ("new", 100), ("rising", 100), ("top", 100)] {
        let Some(recording) = praw::recording(&format!("TestSubredditListings.test_{order}")) else { return };
        let path = format!("/r/askreddit/{order}");
        let page = recording.exchanges().iter().find(|(asked, _)| asked.path == path).unwrap();
        let page: Value = serde_json::from_slice(&page.1.body).unwrap();
        origin.sandbox().replay(order, recording.ignoring(&ITS_OWN).otherwise(praw::nothing));
        let keys = format!("subreddits: [askreddit]\n    listings: [{order}]");
        let desk = reddit(&format!("{}/replay/{order}", origin.url()), &keys);
        desk.collect_well(&[]);
        let wanted = rows_of(data(page["data"]["children"].as_array().unwrap()), &POST);
        assert_eq!(wanted.len(), count);
        assert_rows(&rows(&desk.file("busta.db"), "posts", &POST), &wanted);
    }
}

/// Collects a post and its comments from a recording, and holds them against what was recorded.
fn recorded_tree(name: &str, post: &str, at_least: usize) {
    let Some(recording) = praw::recording(&format!("TestCommentForest.{name}")) else { return };
    let thread = Thread::new(&recording, post);
    let (wanted, more) = (thread.reachable(), thread.clone());
    let (recording, post) = praw::posted(recording, post);
    let recording: Recording = recording.ignoring(&ITS_OWN).otherwise(move |asked| more.more(asked));
    let origin = Origin::default();
    origin.sandbox().replay("tree", recording);
    let base = format!("{}/replay/tree", origin.url());
    let subreddit = post["data"]["subreddit"].as_str().unwrap();
    let keys = format!("subreddits: [{subreddit}]\n    comments: true\n    more: 100000");
    let desk = reddit(&base, &keys);
    desk.collect_well(&[]);
    let db = desk.file("busta.db");
    assert_rows(&rows(&db, "posts", &POST), &rows_of(data(&[post]), &POST));
    assert!(wanted.len() >= at_least && thread.deeper() > 0, "{} {}", wanted.len(), thread.deeper());
    let wanted = rows_of(wanted.iter().map(|name| &thread.comments[name]), &COMMENT);
    assert_rows(&rows(&db, "comments", &COMMENT), &wanted);
}

#[test]
fn recorded_trees_are_read_with_everything_more_stands_for() {
    recorded_tree("test_replace__all_large", "n49rw", 1000);
    recorded_tree("test_replace__all_with_comment_limit", "3hahrw", 300);
}

/// Threads go deeper than a page shows, and on from there.
const WORLD: &str = "subreddits=rust+books,posts=12,comments=90,new=3,nesting=25";

#[test]
fn a_world_is_collected_whole_and_then_what_is_new() {
    let origin = Origin::default();
    let world: RedditWorld = WORLD.parse().unwrap();
    let base = format!("{}/reddit/{WORLD}", origin.url());
    let keys = "subreddits: [rust, books, Rust]
    comments: true
    max_posts: 100
    max_comments: 20
    more: 1000
    refresh: 1000d";
    let desk = reddit(&base, keys);
    for steps in 0..2 {
        desk.collect_well(&[]);
        let posts: Vec<_> =
            world.subreddits.iter().flat_map(|subreddit| world.posts_of(subreddit, steps)).collect();
        let wanted: Vec<Value> = posts.iter().map(|post| serde_json::to_value(post).unwrap()).collect();
        assert_rows(&rows(&desk.file("busta.db"), "posts", &POST), &rows_of(&wanted, &POST));
        let comments = posts.iter().flat_map(|post| world.comments_of(&post.id, steps));
        let wanted: Vec<Value> = comments.map(|comment| serde_json::to_value(&comment).unwrap()).collect();
        assert_eq!(wanted.len(), posts.iter().map(|post| post.num_comments as usize).sum::<usize>());
        assert!(wanted.iter().any(|comment| comment["depth"].as_u64() > Some(10)));
        assert_rows(&rows(&desk.file("busta.db"), "comments", &COMMENT), &rows_of(&wanted, &COMMENT));
        origin.sandbox().advance_reddit(1);
    }
}

#[test]
fn what_may_not_be_read_is_passed_over_where_that_is_said() {
    let origin = Origin::default();
    let base = format!("{}/reddit/{WORLD}", origin.url());
    let closed = "subreddits: [rust, private_club, banned_club, quarantined_club]\n    max_posts: 10";
    let desk = reddit(&base, closed);
    let (_, report) = desk.collect(&[]);
    assert_eq!((&report["status"], &report["failures"]), (&json!("partial"), &json!(3)), "{report}");
    let desk = reddit(&base, &format!("{closed}\n    skip_refused: true"));
    let (ended, report) = desk.collect(&[]);
    assert_eq!((ended.code, &report["status"], &report["failures"]), (0, &json!("completed"), &json!(0)));
    let skipped = &report["sources"][0]["skipped"];
    assert_eq!(skipped["splits"], 3, "{report}");
    let reasons = skipped["reasons"].to_string();
    for said in ["private_club", "403", "private", "banned_club", "404", "quarantined"] {
        assert!(reasons.contains(said), "{said}: {reasons}");
    }
    assert_eq!(rows(&desk.file("busta.db"), "posts", &["id"]).len(), 10);
    let table = desk.busta(&["sources", "collect"]);
    assert!(table.stdout.contains("passed over"), "{}", table.stdout);
}
