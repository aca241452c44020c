//! The entries of feeds, computable from seed, feed and number alone.

use chrono::{DateTime, Utc};

use crate::data::{self, EPOCH};

const SUBJECTS: [&str; 12] = [
    "Harbour ferries",
    "Żubry w Białowieży",
    "Solar kilns",
    "Rust & rail",
    "The 雪 festival",
    "Café culture",
    "Tide tables",
    "Öresund bridge",
    "Night trains",
    "Seed banks",
    "Glass <windows>",
    "Letterpress",
];
const EVENTS: [&str; 10] = [
    "return after a long winter",
    "draw record crowds",
    "go electric",
    "under new management",
    "survive the storm",
    "get a second life — and a third",
    "lose their last critic",
    "win a prize in Zürich",
    "start over",
    "keep time",
];
const AUTHORS: [&str; 6] =
    ["Zoë Müller", "Łukasz Nowak", "Aiko Tanaka", "Noor Okafor", "Tomás García", "Ingrid Rossi"];
const CATEGORIES: [&str; 7] = ["travel", "culture", "science", "économie", "weather", "sport", "local"];

/// One entry of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// Its number in the feed, from 1; newer entries have higher ones.
    pub number: u64,
    /// Its identity (RSS 2.0, RDF, Atom, JSON Feed; the older formats have none).
    pub guid: String,
    /// Its title, as plain text.
    pub title: String,
    /// Its page; every entry has its own.
    pub link: String,
    /// Who wrote it.
    pub author: String,
    /// One or two categories.
    pub categories: Vec<String>,
    /// A sentence of plain text.
    pub summary: String,
    /// The text as HTML.
    pub content: String,
    /// When it was published.
    pub published: DateTime<Utc>,
    /// The URL and the size of an audio file, for every fourth entry.
    pub enclosure: Option<(String, u64)>,
}

impl FeedEntry {
    pub(crate) fn new(seed: u64, feed: &str, number: u64) -> Self {
        let drawn = data::mix(seed ^ data::hash(feed.as_bytes()) ^ data::mix(number));
        let pick = |shift: u32, of: usize| (drawn >> shift) as usize % of;
        let (subject, event) = (SUBJECTS[pick(0, 12)], EVENTS[pick(8, 10)]);
        let mut categories = vec![CATEGORIES[pick(16, 7)].to_owned()];
        if pick(24, 2) == 1 {
            categories.push(CATEGORIES[(pick(16, 7) + 1) % 7].to_owned());
        }
        let summary = format!("{subject} {event}: what changed, who paid & what comes next (no. {number}).");
        Self {
            number,
            guid: format!("tag:sandbox.example,2024:{feed}/{number}"),
            title: format!("{subject} {event}"),
            link: format!("https://{feed}.example/articles/{number}"),
            author: AUTHORS[pick(32, 6)].to_owned(),
            categories,
            content: format!(
                "<p>{}</p><p>It took {} days &amp; €{} to get there.</p>",
                escape(&summary),
                pick(40, 300),
                pick(44, 90_000)
            ),
            summary,
            published: published(number),
            enclosure: number.is_multiple_of(4).then(|| {
                (format!("https://{feed}.example/audio/{number}.mp3"), 1_000_000 + pick(48, 9_000_000) as u64)
            }),
        }
    }
}

/// Entries are an hour apart.
pub(super) fn published(number: u64) -> DateTime<Utc> {
    let seconds = EPOCH.saturating_add_unsigned(number.saturating_mul(3600));
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// Text as it stands in XML, between tags or in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
