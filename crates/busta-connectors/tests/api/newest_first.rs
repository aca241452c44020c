//! Streams that are read from the newest record on, once for each combination.

use proptest::prelude::*;
use serde_json::json;

use crate::common::build;
use crate::forum::{self, Boards, Forum, paginations};
use crate::journal::Journal;

const ALL: usize = usize::MAX;

fn boards(counts: &[usize]) -> Vec<(String, Vec<u64>)> {
    let posts = |count: &usize| (0..*count as u64).map(|n| 1000 + 10 * n).collect();
    counts.iter().enumerate().map(|(n, count)| (format!("b{n}"), posts(count))).collect()
}

fn names(forum: &Forum) -> Vec<String> {
    forum.has.lock().unwrap().boards.iter().map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn a_run_ends_where_the_last_one_did() {
    let forum = Forum::start(Boards { boards: boards(&[25, 7]), pinned: true, ..Boards::default() }).await;
    for pagination in paginations(10) {
        let source = build(forum::posts(&forum.script.url, &names(&forum), pagination, 10));
        let mut journal = Journal::default();
        assert!(journal.collect(&*source, ALL).await);
        assert_eq!(journal.ids("posts", "id"), forum.posts());
        let starts = journal.starts();
        let newest = |board: usize| forum.has.lock().unwrap().boards[board].1.last().unwrap().to_string();
        assert_eq!(starts["posts/b0/new"], newest(0));
        assert_eq!(starts["posts/b1/new"], newest(1));
        assert_eq!(starts.len(), 2);

        let asked = forum.script.asked().len();
        forum.post(0, 12, 10);
        assert!(journal.collect(&*source, ALL).await);
        assert_eq!(journal.ids("posts", "id"), forum.posts());
        // Two pages of the one, where the second reaches what is known; one of the other.
        assert_eq!(forum.script.asked().len() - asked, 3);
        assert_eq!(journal.starts()["posts/b0/new"], newest(0));
    }
}

#[tokio::test]
async fn a_first_run_that_is_cut_off_ends_at_the_old_start() {
    let forum = Forum::start(Boards { boards: boards(&[50]), ..Boards::default() }).await;
    let [chain, _] = paginations(5);
    let source = build(forum::posts(&forum.script.url, &names(&forum), chain, 5));
    let mut journal = Journal::default();
    assert!(!journal.collect(&*source, 4).await);
    assert!(journal.starts().is_empty());
    forum.post(0, 8, 10);
    assert!(journal.collect(&*source, ALL).await);
    // What came meanwhile is newer than what the first page of this run had.
    assert_eq!(journal.ids("posts", "id").len(), 50);
    assert_eq!(journal.starts()["posts/b0/new"], "1490");
    assert!(journal.collect(&*source, ALL).await);
    assert_eq!(journal.ids("posts", "id"), forum.posts());
}

#[tokio::test]
async fn without_combinations_the_stream_has_the_start() {
    let forum = Forum::start(Boards { boards: boards(&[30]), ..Boards::default() }).await;
    let [chain, _] = paginations(10);
    let mut config = forum::posts(&forum.script.url, &[], chain, 10);
    config["streams"][0]["for_each"] = json!({});
    config["streams"][0]["path"] = json!("/r/b0/new");
    config["streams"][0]["map"] = json!(".data");
    let source = build(config);
    let mut journal = Journal::default();
    assert!(!journal.collect(&*source, 2).await);
    assert!(journal.collect(&*source, ALL).await);
    assert_eq!(journal.starts()["posts"], "1290");
    forum.post(0, 1, 10);
    let asked = forum.script.asked().len();
    assert!(journal.collect(&*source, ALL).await);
    assert_eq!(forum.script.asked().len() - asked, 1);
    assert_eq!(journal.ids("posts", "id"), forum.posts());
}

#[tokio::test]
async fn the_start_and_lookback_of_the_configuration_hold() {
    let forum = Forum::start(Boards { boards: boards(&[40]), ..Boards::default() }).await;
    let [chain, _] = paginations(5);
    let mut config = forum::posts(&forum.script.url, &names(&forum), chain, 5);
    config["streams"][0]["cursor"]["start"] = json!("1970-01-01T00:20:50Z");
    config["streams"][0]["cursor"]["lookback"] = json!("100s");
    let source = build(config);
    let mut journal = Journal::default();
    assert!(journal.collect(&*source, ALL).await);
    // From 1390 down to 1250, in pages of five.
    assert_eq!(journal.records["posts"].len(), 20);
    assert!(journal.collect(&*source, ALL).await);
    assert_eq!(journal.records["posts"].len(), 20 + 15);
}

#[tokio::test]
async fn a_split_ends_after_so_many_records() {
    let forum = Forum::start(Boards { boards: boards(&[40, 3]), ..Boards::default() }).await;
    for mapped in [true, false] {
        for pagination in paginations(5) {
            let mut config = forum::posts(&forum.script.url, &names(&forum), pagination, 5);
            let stream = &mut config["streams"][0];
            stream["max_records"] = json!(12);
            if !mapped {
                stream["map"] = json!(null);
                stream["cursor"] = json!(null);
                stream["records"] = json!("$.data.children[*].data");
            }
            let source = build(config);
            for cut in [1, 2, ALL] {
                let asked = forum.script.asked().len();
                let mut journal = Journal::default();
                while !journal.collect(&*source, cut).await {}
                assert_eq!(journal.records["posts"].len(), 12 + 3, "{mapped} {cut}");
                assert!(journal.ids("posts", "id").contains(&"b0-28".to_owned()));
                if cut == ALL {
                    assert_eq!(forum.script.asked().len() - asked, 3 + 1);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the pages, the boards and the moment at which a run is cut off, whatever comes meanwhile and
    /// however many come at the same moment: the run after it has every post.
    #[test]
    fn nothing_is_lost(
        counts in prop::collection::vec(0usize..25, 1..4),
        size in 2usize..12,
        kind in 0usize..2,
        cut in 0usize..12,
        meanwhile in 0usize..10,
        after in 0usize..10,
        apart in 0u64..2,
        pinned in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let forum = Forum::start(Boards { boards: boards(&counts), pinned, ..Boards::default() }).await;
            let pagination = paginations(size)[kind].clone();
            let source = build(forum::posts(&forum.script.url, &names(&forum), pagination, size));
            let mut journal = Journal::default();
            journal.collect(&*source, cut).await;
            forum.post(0, meanwhile, apart);
            while !journal.collect(&*source, cut + 1).await {}
            forum.post(0, after, apart);
            journal.collect(&*source, ALL).await;
            assert_eq!(journal.ids("posts", "id"), forum.posts());
            assert_eq!(journal.failures, 0);
        });
    }
}
