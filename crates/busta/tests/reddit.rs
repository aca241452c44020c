//! Reddit: recorded traffic and whole worlds, collected; what has landed is what was there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use busta_sandbox::{CLIENT_ID, CLIENT_SECRET, Recording, RedditComment, RedditWorld};
use rusqlite::types::Value as Cell;
use serde_json::Value;
use support::Desk;
use support::origin::Origin;
use support::praw::{self, Thread};

/// What clients name as they like, or differently from the one that was recorded.
const ITS_OWN: [&str; 6] = ["raw_json", "limit", "sort", "t", "count", "scope"];

/// Flattens trees; what stands for others is left out.
const COMMENTS: &str = r#"def all: select(.kind == "t1") | .data
          | del(.replies), (.replies | objects | .data.children[] | all);
        all | {name, id, parent_id, author, body, score, created_utc: (.created_utc | floor)}"#;

/// What can be asked for, a hundred at once.
const MORE: &str = r#"def all: if .kind == "more" then .data | select(.count > 0) | .children
            | range(0; length; 100) as $at | {children: (.[$at:$at + 100] | join(",")), count: length}
          else .data.replies | objects | .data.children[] | all end;
        all"#;

fn auth(base: &str) -> String {
    format!(
        "    base_url: {base}
    auth:
      type: oauth2
      token_url: {base}/api/v1/access_token
      grant: client_credentials
      client_id: {CLIENT_ID}
      client_secret: {CLIENT_SECRET}
    headers: {{ User-Agent: 'linux:busta-tests:0.1 (by /u/sandbox)' }}
"
    )
}

/// A stream of comments, with everything that can be asked for; `head` is its name, its path, and what it is read for.
fn comments(head: &str, link: &str, limit: u64) -> String {
    let line = |program: &str| program.split_whitespace().collect::<Vec<_>>().join(" ");
    let (map, find) = (line(COMMENTS), line(MORE));
    format!(
        "      - {head}
        params: {{ raw_json: 1, sort: confidence, limit: {limit} }}
        records: $[1].data.children
        primary_key: name
        map: '{map}'
        follow:
          find: '{find}'
          limit: 100000
          largest: .count
          method: POST
          path: /api/morechildren
          params: {{ raw_json: 1 }}
          form: {{ api_type: json, link_id: '{link}', children: '{{follow.children}}', sort: confidence }}
          records: $.json.data.things
"
    )
}

/// The rows of a table as far as these columns go, by the first of them.
fn rows(db: &Path, table: &str, columns: &[&str]) -> BTreeMap<String, Vec<Cell>> {
    let db = rusqlite::Connection::open(db).unwrap();
    let mut query = db.prepare(&format!("SELECT {} FROM {table}", columns.join(", "))).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let cells = (1..columns.len()).map(|at| row.get(at)).collect::<Result<Vec<Cell>, _>>()?;
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

/// Columns of comments, of posts, and of both.
const COMMENT: [&str; 7] = ["name", "id", "parent_id", "author", "body", "score", "created_utc"];
const POST: [&str; 9] =
    ["name", "id", "title", "selftext", "author", "score", "num_comments", "permalink", "created_utc"];
const THING: [&str; 5] = ["name", "id", "author", "score", "created_utc"];

/// What the row of a thing must be in all columns but its name.
fn row_of(thing: &Value, columns: &[&str]) -> Vec<Cell> {
    let value = |name: &&str| match *name {
        "created_utc" => Cell::Integer(thing["created_utc"].as_f64().unwrap() as i64),
        name => cell(&thing[name]),
    };
    columns[1..].iter().map(value).collect()
}

/// What the rows of things with their kinds must be.
fn rows_of(things: &[Value], columns: &[&str]) -> BTreeMap<String, Vec<Cell>> {
    let data = things.iter().map(|thing| &thing["data"]);
    data.map(|data| (data["name"].as_str().unwrap().to_owned(), row_of(data, columns))).collect()
}

#[test]
fn a_recorded_listing_is_read_to_its_end() {
    let Some(recording) = praw::recording("TestListingGenerator.test_exhaust_items") else { return };
    let truth = praw::listing(&recording, "/user/spez");
    let origin = Origin::default();
    origin.sandbox().replay("spez", recording.ignoring(&ITS_OWN));
    let base = format!("{}/replay/spez", origin.url());
    let desk = Desk::new(&format!(
        "sources:\n  - name: spez\n    type: api\n{}    streams:
      - name: things
        path: /user/spez
        params: {{ raw_json: 1, t: all, sort: top, limit: 100 }}
        records: $.data.children
        primary_key: name
        map: '.data | {{name, id, author, score, created_utc: (.created_utc | floor)}}'
        pagination: {{ type: cursor, path: $.data.after, param: after }}
",
        auth(&base)
    ));
    desk.collect_well(&[]);
    assert!(truth.len() > 1000, "{}", truth.len());
    assert_eq!(rows(&desk.file("busta.db"), "things", &THING), rows_of(&truth, &THING));
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
        let desk = Desk::new(&format!(
            "sources:\n  - name: reddit\n    type: api\n{}    streams:
      - name: posts
        path: {path}
        params: {{ raw_json: 1, limit: 100 }}
        records: $.data.children
        primary_key: name
        map: '.data | {{name, {}, created_utc: (.created_utc | floor)}}'
        pagination: {{ type: cursor, path: $.data.after, param: after }}
",
            auth(&format!("{}/replay/{order}", origin.url())),
            POST[1..8].join(", ")
        ));
        desk.collect_well(&[]);
        let wanted = rows_of(page["data"]["children"].as_array().unwrap(), &POST);
        assert_eq!(wanted.len(), count);
        assert_eq!(rows(&desk.file("busta.db"), "posts", &POST), wanted);
    }
}

/// The newest posts of subreddits with their comments, by so many at once.
fn reddit(base: &str, subreddits: &[&str], limits: (u64, u64)) -> Desk {
    Desk::new(&format!(
        "sources:\n  - name: reddit\n    type: api\n{}    streams:
      - name: posts
        for_each: {{ subreddit: [{}] }}
        path: /r/{{subreddit}}/new
        params: {{ raw_json: 1, limit: {} }}
        records: $.data.children
        primary_key: name
        map: '.data | {{name, {}, created_utc: (.created_utc | floor)}}'
        pagination: {{ type: cursor, path: $.data.after, param: after }}
{}",
        auth(base),
        subreddits.join(", "),
        limits.0,
        POST[1..8].join(", "),
        comments("name: comments\n        path: /comments/{posts.id}", "t3_{posts.id}", limits.1)
    ))
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
    let desk = reddit(&base, &[post["data"]["subreddit"].as_str().unwrap()], (100, 500));
    desk.collect_well(&[]);
    let db = desk.file("busta.db");
    assert_eq!(rows(&db, "posts", &POST), rows_of(&[post], &POST));
    let landed = rows(&db, "comments", &COMMENT);
    assert!(wanted.len() >= at_least, "{}", wanted.len());
    let names: BTreeSet<String> = landed.keys().cloned().collect();
    let wrong: Vec<&String> = wanted.symmetric_difference(&names).collect();
    assert!(wrong.is_empty(), "missing or too many: {wrong:?}");
    for (name, row) in landed {
        assert_eq!(row, row_of(&thread.comments[&name], &COMMENT), "{name}");
    }
}

#[test]
fn recorded_trees_are_read_with_everything_more_stands_for() {
    recorded_tree("test_replace__all_large", "n49rw", 1000);
    recorded_tree("test_replace__all_with_comment_limit", "3hahrw", 300);
}

const WORLD: &str = "subreddits=rust+books,posts=15,comments=60,new=3";

#[test]
fn a_world_is_collected_whole_and_then_what_is_new() {
    let origin = Origin::default();
    let world: RedditWorld = WORLD.parse().unwrap();
    let desk = reddit(&format!("{}/reddit/{WORLD}", origin.url()), &["rust", "books"], (10, 20));
    for steps in 0..2 {
        desk.collect_well(&[]);
        let posts: Vec<_> =
            world.subreddits.iter().flat_map(|subreddit| world.posts_of(subreddit, steps)).collect();
        let wanted = posts.iter().map(|post| {
            let value = serde_json::to_value(post).unwrap();
            (post.name.clone(), row_of(&value, &POST))
        });
        assert_eq!(rows(&desk.file("busta.db"), "posts", &POST), wanted.collect());
        let comments: Vec<RedditComment> =
            posts.iter().flat_map(|post| world.comments_of(&post.id, steps)).collect();
        assert_eq!(comments.len(), posts.iter().map(|post| post.num_comments as usize).sum::<usize>());
        let wanted = comments.into_iter().map(|comment| {
            let value = serde_json::to_value(&comment).unwrap();
            (comment.name, row_of(&value, &COMMENT))
        });
        assert_eq!(rows(&desk.file("busta.db"), "comments", &COMMENT), wanted.collect());
        origin.sandbox().advance_reddit(1);
    }
}
