//! What a view costs a writer, and how long its questions take while somebody writes.
//!
//! `cargo run --release --example sqlite_views -p busta-connectors [-- ROWS [FOLDER]]`
//!
//! Posts of 60 days in 14 groups, with texts of the frequencies that words have (the n-th most frequent of 50,000
//! words occurs in proportion to 1/n). The first tenth is written without the view and with it, to compare; the view is
//! then built of what is there, and the rest is written behind it.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement for people"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use busta_connectors::registry;
use busta_core::clock::{Clock, SystemClock};
use busta_core::connector::DestinationContext;
use busta_core::reading::view::{Hours, Label, RecentQuery, SentimentQuery, TrendingQuery};
use busta_core::{Chunk, Destination, Position, Records, Step, StreamSpec};
use serde_json::json;

/// How often each question is asked, by how many at a time.
const TIMES: usize = 200;
const ASKING: usize = 4;
/// Between two commits of the writer, and records in them.
const PAUSE: Duration = Duration::from_millis(500);
const COMMIT: usize = 1_000;
const DAYS: f64 = 60.0;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let rows: usize = args.next().map_or(1_000_000, |n| n.parse().unwrap());
    let place = tempfile::tempdir_in(args.next().unwrap_or_else(|| ".".to_owned())).unwrap();
    let mut posts = Posts::new();
    for view in [false, true] {
        let folder = place.path().join(if view { "with" } else { "without" });
        std::fs::create_dir(&folder).unwrap();
        let destination = open(&folder);
        prepare(&*destination, view).await;
        let began = Instant::now();
        fill(&*destination, &mut posts, rows / 10).await;
        let words = if view { "with a view" } else { "without a view" };
        println!(
            "{} posts {words}: {:.0} rows/s",
            rows / 10,
            (rows / 10) as f64 / began.elapsed().as_secs_f64()
        );
        if view {
            break;
        }
        let began = Instant::now();
        prepare(&*destination, true).await;
        println!("building the view of {} rows: {:?}", rows / 10, began.elapsed());
        drop(destination);
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let folder = place.path().join("with");
    let destination = open(&folder);
    prepare(&*destination, true).await;
    fill(&*destination, &mut posts, rows - rows / 10).await;
    let bytes = std::fs::metadata(folder.join("busta.db")).unwrap().len();
    println!("{rows} posts take {} MB with their view", bytes >> 20);
    questions(&destination, posts).await;
}

/// Asks while somebody writes.
async fn questions(destination: &Arc<dyn Destination>, mut posts: Posts) {
    let (writing, done) = (Arc::clone(destination), Arc::new(AtomicBool::new(false)));
    let ended = Arc::clone(&done);
    let writer = tokio::spawn(async move {
        let mut slowest = Duration::ZERO;
        while !ended.load(Ordering::Relaxed) {
            let began = Instant::now();
            fill(&*writing, &mut posts, COMMIT).await;
            slowest = slowest.max(began.elapsed());
            tokio::time::sleep(PAUSE).await;
        }
        slowest
    });
    println!("{:<44} {:>9} {:>9} {:>9}", format!("{ASKING} at a time"), "median", "p99", "longest");
    let group = Some("group3".to_owned());
    let recent =
        |query: RecentQuery| Question::Recent(RecentQuery { table: "posts".into(), limit: 50, ..query });
    let stats = |window: &str, bucket: &str, group| {
        Question::Sentiment(SentimentQuery { table: "posts".into(), group, hours: hours(window, bucket) })
    };
    let trending = |window: &str, group| {
        let now = SystemClock.now();
        Question::Trending(TrendingQuery {
            table: "posts".into(),
            group,
            hours: hours(window, "1h"),
            now,
            limit: 20,
        })
    };
    let negative = Some(Label::Negative);
    for (name, question) in [
        ("recent", recent(RecentQuery::default())),
        ("recent of a group", recent(RecentQuery { group: group.clone(), ..RecentQuery::default() })),
        ("recent, negative", recent(RecentQuery { label: negative, ..RecentQuery::default() })),
        (
            "recent with a rare text",
            recent(RecentQuery { text: Some("w49999x".into()), ..RecentQuery::default() }),
        ),
        ("sentiment/stats of 24 h", stats("24h", "1h", None)),
        ("sentiment/stats of 30 d by day", stats("30d", "1d", None)),
        ("sentiment/stats of 30 d by hour", stats("30d", "1h", None)),
        ("sentiment/stats of a group", stats("7d", "1h", group.clone())),
        ("trending of 24 h", trending("24h", None)),
        ("trending of 24 h in a group", trending("24h", group)),
        ("trending of 7 d", trending("7d", None)),
    ] {
        measure(destination, name, question).await;
    }
    done.store(true, Ordering::Relaxed);
    println!("meanwhile the slowest commit of {COMMIT} took {:?}", writer.await.unwrap());
}

#[derive(Clone)]
enum Question {
    Recent(RecentQuery),
    Sentiment(SentimentQuery),
    Trending(TrendingQuery),
}

async fn measure(destination: &Arc<dyn Destination>, name: &str, question: Question) {
    let asking = (0..ASKING).map(|_| {
        let (destination, question) = (Arc::clone(destination), question.clone());
        tokio::spawn(async move {
            let mut took = Vec::new();
            for _ in 0..TIMES / ASKING {
                let began = Instant::now();
                match &question {
                    Question::Recent(query) => drop(destination.readable().recent(query).await.unwrap()),
                    Question::Sentiment(query) => {
                        drop(destination.readable().sentiment(query).await.unwrap())
                    }
                    Question::Trending(query) => drop(destination.readable().trending(query).await.unwrap()),
                }
                took.push(began.elapsed());
            }
            took
        })
    });
    let mut took = Vec::new();
    for asking in asking.collect::<Vec<_>>() {
        took.extend(asking.await.unwrap());
    }
    took.sort();
    let ms = |took: Duration| format!("{:.1} ms", took.as_secs_f64() * 1e3);
    let (median, p99, longest) = (took[took.len() / 2], took[took.len() * 99 / 100], took[took.len() - 1]);
    println!("{name:<44} {:>9} {:>9} {:>9}", ms(median), ms(p99), ms(longest));
}

fn hours(window: &str, bucket: &str) -> Hours {
    let span = |text: &str| text.parse::<busta_core::units::Span>().unwrap().0;
    Hours::ending(SystemClock.now(), span(window), span(bucket)).unwrap()
}

fn open(folder: &Path) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    (registry::destination("sqlite").unwrap().build)(json!({}), context).unwrap()
}

async fn prepare(destination: &dyn Destination, view: bool) {
    let mut spec = StreamSpec::new("posts", vec!["id".into()]);
    let settings = json!({
        "time": "created_utc", "group_by": "group", "text": ["title", "selftext"], "score": "score",
        "sentiment": "sentiment"
    });
    spec.dataset.view = view.then(|| serde_json::from_value(settings).unwrap());
    destination.prepare(&"R".into(), &"forum".into(), &[spec]).await.unwrap();
}

async fn fill(destination: &dyn Destination, posts: &mut Posts, rows: usize) {
    for _ in 0..rows / COMMIT {
        let records: Records = posts.batch().iter().map(String::as_str).collect();
        let (run, source, stream) = ("R".into(), "forum".into(), "posts".into());
        let chunk = Chunk {
            staged: Some(destination.stage(&run, &source, &stream, &records)),
            run,
            source,
            stream,
            step: Some(Step {
                split: posts.made.to_string().into(),
                from: Position::Start,
                to: Position::Done,
            }),
            failures: vec![],
            high: None,
            found: vec![],
            starts: vec![],
        };
        destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
    }
}

/// Makes posts.
struct Posts {
    random: fastrand::Rng,
    made: usize,
    now: i64,
}

/// The least frequent word.
const WORDS: f64 = 50_000.0;

impl Posts {
    fn new() -> Self {
        Self { random: fastrand::Rng::with_seed(7), made: 0, now: SystemClock.now().timestamp() }
    }

    fn batch(&mut self) -> Vec<String> {
        (0..COMMIT).map(|_| self.post()).collect()
    }

    fn words(&mut self, count: usize) -> String {
        // Uniform in the logarithm of the rank is proportional to 1/rank.
        let mut word = || format!("w{}x", WORDS.powf(self.random.f64()) as u32);
        (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
    }

    fn post(&mut self) -> String {
        self.made += 1;
        let body = if self.random.u8(..10) < 4 { self.random.usize(10..50) } else { 0 };
        let (title, selftext) = (self.words(8), self.words(body));
        let compound = f64::from(self.random.i16(-10_000..=10_000)) / 1e4;
        let label = if compound >= 0.05 {
            "positive"
        } else if compound <= -0.05 {
            "negative"
        } else {
            "neutral"
        };
        let age = self.random.f64() * DAYS * 86_400.0;
        // A few have very many points.
        let score = 1.0 / (self.random.f64() + 1e-4);
        json!({
            "id": format!("p{}", self.made), "group": format!("group{}", self.random.u8(..14)),
            "title": title, "selftext": selftext, "author": format!("someone{}", self.random.u32(..100_000)),
            "created_utc": self.now - age as i64, "score": score as i64, "num_comments": self.random.u16(..500),
            "url": format!("https://forum.example/posts/{}", self.made),
            "sentiment_compound": compound, "sentiment_label": label,
        })
        .to_string()
    }
}
