//! The recipes of Reddit and of the marketplace, as they stand in the project, over the sandbox.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use busta_sandbox::{CLIENT_ID, CLIENT_SECRET, MarketWorld, RedditWorld};
use support::origin::Origin;
use support::{COLLECT, Desk, landed};

const MARKET: &str = "products=12,listings=10,sellers=60";

/// A market's desk: every command knows where the sandbox is.
struct Market {
    desk: Desk,
    origin: Origin,
}

impl Market {
    fn new() -> Self {
        Self { desk: Desk::new(include_str!("../../../recipes/marketplace.yaml")), origin: Origin::default() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.desk.command(args);
        command
            .env("AMAZON_URL", format!("{}/with/latency=20ms/amazon/{MARKET}", self.origin.url()))
            .env("AMAZON_API_KEY", "sandbox-key")
            .env("EBAY_URL", format!("{}/with/latency=20ms/ebay/{MARKET}", self.origin.url()))
            .env("EBAY_ID", CLIENT_ID)
            .env("EBAY_SECRET", CLIENT_SECRET);
        command
    }

    fn collect(&self) {
        let output = self.command(&[&COLLECT[..], &["--resume"]].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The keys of what has landed, by table; each only once.
    fn keys(&self) -> Vec<(&'static str, BTreeSet<String>)> {
        let db = rusqlite::Connection::open(self.desk.file("marketplace.db")).unwrap();
        let tables = [("products", "asin"), ("listings", "item_id"), ("sellers", "seller_key")];
        let keys = tables.map(|(table, key)| {
            let mut query = db.prepare(&format!("SELECT {key} FROM {table}")).unwrap();
            let keys: Vec<String> =
                query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            let count = keys.len();
            let keys: BTreeSet<String> = keys.into_iter().collect();
            assert_eq!(keys.len(), count, "{table}: each came once");
            (table, keys)
        });
        keys.into()
    }

    /// The searches at eBay that were answered, each with how often.
    fn searches(&self) -> BTreeMap<String, u64> {
        let searches = self.origin.stats().urls.into_iter().filter(|(url, _)| url.contains("item_summary"));
        searches.map(|(url, fetches)| (url, fetches.served)).filter(|(_, served)| *served > 0).collect()
    }

    /// The sellers that the market itself finds by these searches, by the key that all their spellings share.
    fn sellers_of<'a>(searches: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
        let world: MarketWorld = MARKET.parse().unwrap();
        let found = searches.flat_map(|search| {
            let url =
                reqwest::Url::parse(&format!("http://ebay{}", search.trim_start_matches("GET "))).unwrap();
            let query: Vec<_> = url.query_pairs().collect();
            let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (&**name, &**value)).collect();
            world.search("EBAY_US", &query, 0)
        });
        found.map(|listing| world.seller_key(listing.seller_number)).collect()
    }

    fn number(&self, sql: &str) -> i64 {
        let db = rusqlite::Connection::open(self.desk.file("marketplace.db")).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the moment of death must not depend on what the process does")]
fn a_chain_that_is_killed_finds_every_seller_once() {
    let calm = Market::new();
    let began = Instant::now();
    calm.collect();
    let took = began.elapsed();
    let wanted = calm.keys();
    assert!(wanted.iter().all(|(_, keys)| keys.len() > 10), "{wanted:?}");
    assert_eq!(
        calm.number("SELECT count(*) FROM sellers WHERE product_id IS NULL OR discovered_at IS NULL"),
        0
    );
    let searches = calm.searches();
    assert!(searches.values().all(|served| *served == 1), "each is searched once: {searches:?}");
    assert_eq!(
        searches.len() as i64,
        calm.number("SELECT count(*) FROM products WHERE price IS NOT NULL"),
        "every product is searched"
    );
    assert_eq!(wanted[2].1, Market::sellers_of(searches.keys()), "what the market knows");

    let killed = Market::new();
    let mut chance = fastrand::Rng::with_seed(6);
    let (mut kills, mut ended) = (0, false);
    for _ in 0..4 {
        let mut child = killed
            .command(&[&COLLECT[..], &["--resume"]].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(took.mul_f64(chance.f64() * 0.7).max(Duration::from_millis(50)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        // Killed after its last word: with nothing left to resume, another run would begin.
        ended = killed.desk.busta(&["runs", "list"]).stdout.contains("completed");
        if ended {
            break;
        }
    }
    if !ended {
        killed.collect();
    }
    assert_eq!(killed.keys(), wanted);
    // A search that was under way, or read ahead, when its run was killed is asked again; no other is.
    let again = killed.searches();
    assert!(again.keys().eq(searches.keys()), "{again:?}");
    assert!(again.values().all(|served| *served <= 1 + 2 * kills), "after {kills} kills: {again:?}");
    assert!(again.values().filter(|served| **served > 1).count() as u64 <= 10 * kills, "{again:?}");
    landed::check_logs(&killed.desk.file("marketplace.db"), &["sellers"]);
    // The last snapshot holds the sellers there are.
    let snapshot = "SELECT count FROM _busta_episodes WHERE table_name = 'sellers' ORDER BY seq DESC LIMIT 1";
    assert_eq!(killed.number(snapshot), killed.number("SELECT count(*) FROM sellers"));
}

#[test]
fn a_cycle_of_reddit_lands_whole_and_a_second_one_doubles_nothing() {
    const WORLD: &str = "subreddits=technology+programming+science+worldnews+personalfinance+movies+books+gardening\
                         +askhistorians+homeautomation+cycling+cooking+dataisbeautiful+rust,posts=4,comments=30,new=1";
    let origin = Origin::default();
    let desk = Desk::new(include_str!("../../../recipes/reddit.yaml"));
    let world: RedditWorld = WORLD.parse().unwrap();
    for steps in 0..2 {
        let output = desk
            .command(&COLLECT)
            .env("REDDIT_URL", format!("{}/reddit/{WORLD}", origin.url()))
            .env("REDDIT_RATE", "1000/s")
            .env("REDDIT_ID", CLIENT_ID)
            .env("REDDIT_SECRET", CLIENT_SECRET)
            .env("REDDIT_USER", "sandbox")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let db = rusqlite::Connection::open(desk.file("reddit.db")).unwrap();
        let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
        let posts: Vec<_> = world.subreddits.iter().flat_map(|name| world.posts_of(name, steps)).collect();
        assert_eq!(number("SELECT count(*) FROM posts"), posts.len());
        assert_eq!(number("SELECT count(DISTINCT name) FROM posts"), posts.len());
        assert!(number("SELECT count(*) FROM comments") > posts.len());
        assert_eq!(number("SELECT count(*) FROM posts WHERE sentiment_label IS NULL AND title <> ''"), 0);
        origin.sandbox().advance_reddit(1);
    }
}
