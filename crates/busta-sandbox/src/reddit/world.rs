//! Worlds: how much there is, when it was written, and what its server insists on, as a path says.

use std::str::FromStr;
use std::time::Duration;

use chrono::DateTime;

use crate::options::{Given, options};
use crate::profile::RateLimit;

/// 2024-06-01T12:00:00Z: what the time is in a world that does not say.
const DEFAULT_START: i64 = 1_717_243_200;
/// Ids hold the number of the subreddit in so many places.
pub(super) const MAX_SUBREDDITS: usize = 1024;
/// A subreddit has so many posts at the start at most.
const MAX_POSTS: u64 = 10_000_000;
/// A post has so many comments at most; all of them are looked at for each request.
const MAX_COMMENTS: u64 = 100_000;

/// The first subreddits; those behind them have numbers.
const NAMES: [&str; 14] = [
    "technology",
    "programming",
    "science",
    "worldnews",
    "personalfinance",
    "movies",
    "books",
    "gardening",
    "askhistorians",
    "homeautomation",
    "cycling",
    "cooking",
    "dataisbeautiful",
    "rust",
];

/// A world of Reddit as a path names it: `subreddits=14,posts=50,comments=300`, or `default`.
///
/// It has a clock of its own, which stands at `start` and goes on by `step` with
/// [`Sandbox::advance_reddit`](crate::Sandbox::advance_reddit). Posts, comments, scores and edits are computed
/// from the seed, their number and that clock. The crate's documentation lists all options.
#[derive(Clone, Debug, PartialEq)]
pub struct RedditWorld {
    /// What everything is drawn from.
    pub seed: u64,
    /// The names of its subreddits.
    pub subreddits: Vec<String>,
    /// How many posts a subreddit has at the start.
    pub posts: u64,
    /// How many comments a post has when it is first seen.
    pub comments: u64,
    /// How many posts a subreddit gets in a step.
    pub new: u64,
    /// How many more comments a post gets in each of the four steps behind its own.
    pub later: u64,
    /// How deep comments lie in one another.
    pub nesting: u32,
    /// What the time is at the start, in seconds of Unix time.
    pub start: i64,
    /// How much later it is after a step, in seconds.
    pub step: i64,
    /// The time at the start is that of the machine.
    pub(super) live: bool,
    /// A step happens by itself after so much real time.
    pub(super) tick: Option<Duration>,
    /// How many requests are answered in a window.
    pub(super) limit: RateLimit,
    /// How long a token lives, in seconds.
    pub(super) expires: u64,
    /// Whether requests need a User-Agent that describes their sender.
    pub(super) agents: bool,
    /// Whether requests need a token.
    pub(super) auth: bool,
}

impl Default for RedditWorld {
    fn default() -> Self {
        Self {
            seed: 42,
            subreddits: names(NAMES.len()),
            posts: 50,
            comments: 20,
            new: 5,
            later: 2,
            nesting: 8,
            start: DEFAULT_START,
            step: 1800,
            live: false,
            tick: None,
            limit: RateLimit { requests: 100_000, window: Duration::from_secs(600) },
            expires: 86_400,
            agents: true,
            auth: true,
        }
    }
}

impl FromStr for RedditWorld {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut world = Self::default();
        for option in options(text, "a world of Reddit", None) {
            world.set(option)?;
        }
        if world.posts > MAX_POSTS || world.comments > MAX_COMMENTS {
            return Err(format!(
                "a subreddit starts with {MAX_POSTS} posts at most, and a post with {MAX_COMMENTS} comments"
            ));
        }
        Ok(world)
    }
}

impl RedditWorld {
    fn set(&mut self, option: Given<'_>) -> Result<(), String> {
        let value = option.value;
        match option.key {
            "seed" => self.seed = option.number()?,
            "subreddits" => self.subreddits = subreddits(value).ok_or_else(|| option.wrong())?,
            "posts" => self.posts = option.number()?,
            "comments" => self.comments = option.number()?,
            "new" => self.new = option.number()?,
            "later" => self.later = option.number()?,
            "nesting" => self.nesting = option.number()?.clamp(1, 64) as u32,
            "start" if value == "now" => self.live = true,
            "start" => self.start = time(value).ok_or_else(|| option.wrong())?,
            "step" => self.step = (option.span()?.as_secs() as i64).max(1),
            "tick" => self.tick = Some(option.span()?).filter(|tick| !tick.is_zero()),
            "limit" => self.limit = value.parse()?,
            "expires" => self.expires = option.number()?,
            "agents" => self.agents = option.switch()?,
            "auth" => self.auth = option.switch()?,
            _ => return Err(option.wrong()),
        }
        Ok(())
    }

    /// What the time is after so many steps, in seconds of Unix time.
    pub fn now(&self, steps: u64) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(steps as i64))
    }

    /// The place of a subreddit among all; case does not matter.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.subreddits.iter().position(|known| known.eq_ignore_ascii_case(name))
    }

    /// How many posts a subreddit has after so many steps.
    pub(super) fn post_count(&self, steps: u64) -> u64 {
        self.posts.saturating_add(self.new.saturating_mul(steps))
    }

    /// The step in which a post came, which is 0 for those that were there.
    pub(super) fn born(&self, index: u64) -> u64 {
        match index.checked_sub(self.posts) {
            Some(behind) => behind / self.new.max(1) + 1,
            None => 0,
        }
    }

    /// How many comments a post has after so many steps.
    pub(super) fn comment_count(&self, index: u64, steps: u64) -> u64 {
        self.comments + self.later * steps.saturating_sub(self.born(index)).min(4)
    }
}

fn names(count: usize) -> Vec<String> {
    let known = NAMES.iter().map(|name| (*name).to_owned());
    known.chain((NAMES.len() + 1..).map(|n| format!("community{n}"))).take(count).collect()
}

/// A number of subreddits, or their names with `+` between them.
fn subreddits(text: &str) -> Option<Vec<String>> {
    let all = match text.parse() {
        Ok(count) => names(count),
        Err(_) => text.split('+').map(str::to_owned).collect(),
    };
    let fits = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    (all.len() <= MAX_SUBREDDITS && all.iter().all(fits)).then_some(all)
}

/// RFC 3339 or seconds of Unix time.
fn time(text: &str) -> Option<i64> {
    let seconds = text.parse().ok();
    seconds.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_named() {
        let world: RedditWorld =
            "subreddits=rust+Python,posts=3,limit=100:1m,start=2024-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(world.subreddits, ["rust", "Python"]);
        assert_eq!((world.place("PYTHON"), world.place("go")), (Some(1), None));
        assert_eq!((world.start, world.now(2)), (1_704_067_200, 1_704_070_800));
        let many: RedditWorld = "subreddits=20".parse().unwrap();
        assert_eq!(many.subreddits.last().unwrap(), "community20");
        for wrong in ["colour=red", "posts=many", "subreddits=a/b", "agents=maybe", "limit=5", "start=soon"] {
            assert!(wrong.parse::<RedditWorld>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn posts_come_step_by_step() {
        let world: RedditWorld = "posts=10,new=3,comments=7,later=2".parse().unwrap();
        assert_eq!((world.post_count(0), world.post_count(2)), (10, 16));
        assert_eq!([9, 10, 12, 13].map(|index| world.born(index)), [0, 1, 1, 2]);
        assert_eq!([0, 1, 9].map(|steps| world.comment_count(10, steps)), [7, 7, 15]);
    }
}
