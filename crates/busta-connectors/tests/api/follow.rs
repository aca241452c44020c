//! Answers that ask for further requests.

use std::collections::BTreeSet;

use busta_core::Checkpoint;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{build, read_both};
use crate::forum::{self, Boards, Forum, paginations};
use crate::journal::Journal;
use crate::scripted::{Answer, Script};

async fn forum_with(posts: usize, comments: usize) -> Forum {
    let boards = vec![("b".to_owned(), (0..posts as u64).collect())];
    Forum::start(Boards { boards, comments, pinned: false }).await
}

fn config(forum: &Forum) -> Value {
    forum::source(&forum.script.url, &["b".to_owned()], paginations(10)[0].clone(), 10)
}

#[tokio::test]
async fn the_rest_of_a_tree_is_asked_for() {
    let forum = forum_with(3, 40).await;
    let harvest = read_both(&*build(config(&forum)), &Checkpoint::default()).await;
    let comments = harvest.stream("comments");
    let ids: BTreeSet<&str> = comments.iter().map(|comment| comment["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), comments.len());
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), forum.comments());
    assert_eq!(comments[0], json!({ "id": "b-2.0", "text": "é", "post_id": "b-2" }));
    assert!(comments.iter().all(|comment| comment["post_id"].is_string()));
    assert!(harvest.failures.is_empty());
    assert!(harvest.splits.iter().any(|split| split.id.as_str().starts_with("comments/b-2?follow=")));
}

#[tokio::test]
async fn a_limit_holds_and_the_largest_go_first() {
    let forum = forum_with(1, 3 + 5 * 5 + 2).await;
    for limit in [1, 2, 3, 5] {
        let mut config = config(&forum);
        config["streams"][1]["follow"]["limit"] = json!(limit);
        let before = forum.script.asked().len();
        let harvest = read_both(&*build(config), &Checkpoint::default()).await;
        let asked = forum.script.asked().split_off(before);
        let followed = asked.iter().filter(|asked| asked.path() == "/more").count();
        // It is read twice: with readers kept, and opened anew.
        assert_eq!(followed, 2 * limit);
        assert!(asked.iter().all(|asked| !asked.body.contains("ids=28%2C29")), "the smallest is left out");
        assert_eq!(harvest.stream("comments").len(), 3 + 3 * limit);
    }
}

/// Two kinds of further requests, which lead to one another and share a limit.
#[tokio::test]
async fn answers_may_ask_in_several_ways() {
    let script = Script::start(|asked| {
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        Answer::json(match path {
            "/list" => json!([{ "id": 1, "more": [2, 3] }, { "id": 9, "deeper": 1, "level": 1 }]),
            "/more" if query == "n=2" => json!([{ "id": 20, "deeper": 7, "level": 3, "of": query }]),
            "/more" => json!([{ "id": 20, "level": 3, "of": query }]),
            "/deeper/1" => json!([{ "id": 100, "more": [5], "level": 1, "of": path }]),
            _ => json!([{ "id": 100, "level": 1, "of": path }]),
        })
    })
    .await;
    let config = json!({
        "base_url": script.url,
        "streams": [{
            "name": "s",
            "path": "/list",
            "map": "{id, of, level: ((.level // 0) + ($for[\"follow.level\"] // 0))}",
            "follow": [
                { "find": ".more[]? | {n: .}", "path": "/more", "params": { "n": "{follow.n}" }, "limit": 3 },
                { "find": "select(.deeper) | {of: .deeper, level}", "path": "/deeper/{follow.of}" },
            ],
        }],
    });
    let harvest = read_both(&*build(config.clone()), &Checkpoint::default()).await;
    let seen: BTreeSet<String> =
        harvest.stream("s").iter().map(|s| format!("{} {} {}", s["id"], s["of"], s["level"])).collect();
    for wanted in [
        "1 null 0",
        "9 null 1",
        "20 \"n=2\" 3",
        "20 \"n=3\" 3",
        "100 \"/deeper/1\" 2",
        "100 \"/deeper/7\" 4",
        "20 \"n=5\" 3",
    ] {
        assert!(seen.contains(wanted), "{wanted}: {seen:?}");
    }
    // What led to an answer does not lead on from it: the level is that of its own request.
    assert!(!seen.iter().any(|s| s.starts_with("20 \"n=5\" 4")));
    let mut few = config;
    few["streams"][0]["follow"][1]["limit"] = json!(3);
    let before = script.asked().len();
    read_both(&*build(few), &Checkpoint::default()).await;
    assert_eq!(script.asked().len() - before, 2 * (1 + 3));
}

#[tokio::test]
async fn what_is_found_wrong_is_a_failure() {
    let forum = forum_with(1, 12).await;
    let mut config = config(&forum);
    let follow = &mut config["streams"][1]["follow"];
    follow["find"] = json!(
        "recurse(.data.replies | objects | .data.children[]) | select(.kind == \"more\") | {ids: .data.rest}"
    );
    let harvest = read_both(&*build(config), &Checkpoint::default()).await;
    assert_eq!(harvest.stream("comments").len(), 3);
    let (_, failure) = &harvest.failures[0];
    assert!(failure.reason.contains("`follow.find` gives no text or number `ids`"), "{}", failure.reason);
    assert_eq!(failure.position.as_deref(), Some("page 1, item 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn cut_off_anywhere_every_comment_comes_once(posts in 1usize..4, comments in 0usize..30, cut in 1usize..9) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let forum = forum_with(posts, comments).await;
            let source = build(config(&forum));
            let mut journal = Journal::default();
            while !journal.collect(&*source, cut).await {}
            assert_eq!(journal.ids("comments", "id"), forum.comments());
            assert_eq!(journal.records["comments"].len(), forum.comments().len());
            assert_eq!(journal.ids("posts", "id"), forum.posts());
        });
    }
}
