//! Posts, computed from the world, their subreddit, their number and the time.

use serde::Serialize;

use super::thing::{false_or_seconds, seconds};
use super::words;
use super::world::{MAX_SUBREDDITS, RedditWorld};
use crate::data::{Dice, base36};

/// The numbers of posts begin here, so that their ids have as many letters as real ones.
const FIRST_ID: u64 = 2_500_000_000;
/// Scores come to two thirds of what they will be in so many seconds.
const RISE: f64 = 6.0 * 3600.0;

/// A post as the API sends it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RedditPost {
    /// Its id without a prefix.
    pub id: String,
    /// Its fullname: `t3_` and the id.
    pub name: String,
    /// The subreddit's name.
    pub subreddit: String,
    /// The subreddit's fullname.
    pub subreddit_id: String,
    /// `r/` and the name.
    pub subreddit_name_prefixed: String,
    /// The title.
    pub title: String,
    /// The text of a self post in Markdown, else empty; `[deleted]` or `[removed]` if it is gone.
    pub selftext: String,
    /// The text as HTML.
    pub selftext_html: Option<String>,
    /// Who wrote it; `[deleted]` if they took it back.
    pub author: String,
    /// The author's fullname.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author_fullname: Option<String>,
    /// When it was written, in seconds.
    #[serde(serialize_with = "seconds")]
    pub created_utc: i64,
    /// The same.
    #[serde(serialize_with = "seconds")]
    pub created: i64,
    /// When its text was changed; `false` on the wire if it was not.
    #[serde(serialize_with = "false_or_seconds")]
    pub edited: Option<i64>,
    /// Votes for less votes against.
    pub score: i64,
    /// The same.
    pub ups: i64,
    /// Always 0, as it is there.
    pub downs: i64,
    /// The share of votes for it.
    pub upvote_ratio: f64,
    /// How many comments it has, all of them.
    pub num_comments: u64,
    /// What it links to; a self post links to itself.
    pub url: String,
    /// The path of its page.
    pub permalink: String,
    /// The host it links to; `self.` and the subreddit for a self post.
    pub domain: String,
    /// Its flair.
    pub link_flair_text: Option<&'static str>,
    /// Whether it is for adults.
    pub over_18: bool,
    /// Whether it tells how something ends.
    pub spoiler: bool,
    /// Whether it is pinned.
    pub stickied: bool,
    /// Whether there may be no more comments.
    pub locked: bool,
    /// Whether it is a text.
    pub is_self: bool,
    /// Whether it is a video of Reddit's own.
    pub is_video: bool,
    /// Who took it away: `deleted` (its author) or `moderator`.
    pub removed_by_category: Option<&'static str>,
    /// The fullname of what it repeats in another subreddit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crosspost_parent: Option<String>,
    /// That post itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crosspost_parent_list: Option<Vec<RedditPost>>,
    num_crossposts: u64,
    subreddit_type: &'static str,
    subreddit_subscribers: u64,
    thumbnail: &'static str,
    gilded: u64,
    archived: bool,
    quarantine: bool,
    hidden: bool,
    saved: bool,
    likes: Option<bool>,
    distinguished: Option<&'static str>,
    approved_by: Option<&'static str>,
    banned_by: Option<&'static str>,
    all_awardings: [u8; 0],
    mod_reports: [u8; 0],
}

/// The id of a post: its number, and the place of its subreddit.
pub(super) fn id(place: usize, index: u64) -> String {
    base36(FIRST_ID + index * MAX_SUBREDDITS as u64 + place as u64)
}

/// The place and the number that an id stands for.
pub(super) fn located(id: &str) -> Option<(usize, u64)> {
    let number = u64::from_str_radix(id, 36).ok()?.checked_sub(FIRST_ID)?;
    Some(((number % MAX_SUBREDDITS as u64) as usize, number / MAX_SUBREDDITS as u64))
}

pub(super) fn subreddit_id(place: usize) -> String {
    format!("t5_{}", base36(100_000_000 + place as u64))
}

pub(super) fn subscribers(world: &RedditWorld, place: usize) -> u64 {
    1000 + Dice::of(&[world.seed, 5, place as u64]).pick(3_000_000) as u64
}

/// When a post was written. They are evenly spread, all at different times.
pub(super) fn created(world: &RedditWorld, place: usize, index: u64) -> i64 {
    let gap = (world.step / world.new.max(1) as i64).max(2);
    let behind = index as i64 - world.posts as i64 + 1;
    let drawn = Dice::of(&[world.seed, place as u64, index, 3]).pick(gap as u64 / 2);
    // Where a step has more posts than seconds, none is from the future nevertheless.
    (world.start + behind * gap - gap / 2 + drawn as i64).min(world.now(world.born(index)) - 1)
}

impl RedditWorld {
    /// The post of a subreddit with this number, from 0, as it is after so many steps; none if it was not
    /// written yet.
    pub(super) fn post(&self, place: usize, index: u64, steps: u64) -> Option<RedditPost> {
        let there = place < self.subreddits.len() && index < self.post_count(steps);
        there.then(|| draw(self, place, index, steps, true))
    }

    /// All posts of a subreddit after so many steps, the newest first.
    pub fn posts_of(&self, subreddit: &str, steps: u64) -> Vec<RedditPost> {
        let Some(place) = self.place(subreddit) else { return Vec::new() };
        (0..self.post_count(steps)).rev().filter_map(|index| self.post(place, index, steps)).collect()
    }
}

/// The score of something that will have `most` one day.
pub(super) fn risen(most: u64, age: i64) -> i64 {
    (most as f64 * (1.0 - (-(age.max(0) as f64) / RISE).exp())) as i64
}

fn draw(world: &RedditWorld, place: usize, index: u64, steps: u64, whole: bool) -> RedditPost {
    let dice = &mut Dice::of(&[world.seed, place as u64, index]);
    let (id, now) = (id(place, index), world.now(steps));
    let created = created(world, place, index);
    let title = words::title(dice, world.seed, created / 86_400);
    let author = words::author(dice);
    let subreddit = world.subreddits[place].clone();
    let permalink = format!("/r/{subreddit}/comments/{id}/{}/", words::slug(&title));
    let most = [20, 200, 2000, 40_000][dice.pick(4)];
    let score = risen(dice.pick(most) as u64, now - created) + 1;
    let mut post = RedditPost {
        name: format!("t3_{id}"),
        subreddit_id: subreddit_id(place),
        subreddit_name_prefixed: format!("r/{subreddit}"),
        selftext: String::new(),
        selftext_html: None,
        author_fullname: Some(format!("t2_{}", base36(crate::data::hash(author.as_bytes()) >> 30))),
        created_utc: created,
        created,
        edited: None,
        score,
        ups: score,
        downs: 0,
        upvote_ratio: (50 + dice.pick(51)) as f64 / 100.0,
        num_comments: world.comment_count(index, steps),
        url: format!("https://www.reddit.com{permalink}"),
        permalink,
        domain: format!("self.{subreddit}"),
        link_flair_text: words::flair(dice),
        over_18: dice.chance(1, 40),
        spoiler: dice.chance(1, 40),
        stickied: false,
        locked: dice.chance(1, 30),
        is_self: false,
        is_video: false,
        removed_by_category: None,
        crosspost_parent: None,
        crosspost_parent_list: None,
        num_crossposts: 0,
        subreddit_type: "public",
        subreddit_subscribers: subscribers(world, place),
        thumbnail: "self",
        gilded: 0,
        archived: false,
        quarantine: false,
        hidden: false,
        saved: false,
        likes: None,
        distinguished: None,
        approved_by: None,
        banned_by: None,
        all_awardings: [],
        mod_reports: [],
        id,
        subreddit,
        title,
        author,
    };
    match dice.pick(12) {
        0..=5 => write_text(&mut post, world, dice, now),
        6 if whole && place > 0 => repeat(&mut post, draw(world, place - 1, index, steps, false)),
        _ => link(&mut post, dice),
    }
    post
}

/// Makes it a text, which may have been changed or taken away by `now`.
fn write_text(post: &mut RedditPost, world: &RedditWorld, dice: &mut Dice, now: i64) {
    post.is_self = true;
    post.selftext = words::text(dice, 6);
    let edited = post.created_utc + 60 + dice.pick(4 * world.step.unsigned_abs()) as i64;
    if dice.chance(1, 5) && edited <= now {
        post.edited = Some(edited);
        post.selftext += &format!("\n\nEDIT: {}", words::text(dice, 2));
    }
    let gone = post.created_utc + world.step + dice.pick(world.step.unsigned_abs()) as i64;
    match dice.pick(20) {
        0 if gone <= now => {
            "[deleted]".clone_into(&mut post.selftext);
            "[deleted]".clone_into(&mut post.author);
            (post.author_fullname, post.removed_by_category) = (None, Some("deleted"));
        }
        1 if gone <= now => {
            "[removed]".clone_into(&mut post.selftext);
            post.removed_by_category = Some("moderator");
        }
        _ => {}
    }
    post.selftext_html = Some(words::html(&post.selftext));
}

fn repeat(post: &mut RedditPost, of: RedditPost) {
    post.title.clone_from(&of.title);
    post.domain.clone_from(&of.domain);
    post.url.clone_from(&of.permalink);
    post.thumbnail = "default";
    post.crosspost_parent = Some(of.name.clone());
    post.crosspost_parent_list = Some(vec![of]);
}

fn link(post: &mut RedditPost, dice: &mut Dice) {
    let (domain, url, is_video) = match dice.pick(4) {
        0 => ("i.redd.it", format!("https://i.redd.it/{}.jpg", post.id), false),
        1 => ("v.redd.it", format!("https://v.redd.it/{}", post.id), true),
        _ => ("news.example", format!("https://news.example/{}?a=1&b={}", post.id, dice.pick(90)), false),
    };
    (post.url, post.is_video, post.thumbnail) = (url, is_video, "default");
    domain.clone_into(&mut post.domain);
}

impl RedditPost {
    /// The same without `raw_json`.
    pub(super) fn escape(&mut self) {
        for text in [&mut self.title, &mut self.selftext, &mut self.url] {
            *text = words::escaped(text);
        }
        self.selftext_html = self.selftext_html.take().map(|html| words::escaped(&html));
        self.crosspost_parent_list.iter_mut().flatten().for_each(Self::escape);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_their_posts() {
        for (place, index) in [(0, 0), (13, 49), (1023, 10_000_000)] {
            assert_eq!(located(&id(place, index)), Some((place, index)));
        }
        assert_eq!((located("!"), located("a")), (None, None));
    }

    #[test]
    fn posts_are_in_the_order_of_time_and_none_is_from_the_future() {
        for text in ["posts=200", "posts=50,new=40", "posts=0,new=7,step=1m", "posts=30,new=0"] {
            let world: RedditWorld = text.parse().unwrap();
            for steps in [0, 1, 5] {
                let posts = world.posts_of("rust", steps);
                assert_eq!(posts.len() as u64, world.post_count(steps));
                assert!(posts.windows(2).all(|pair| pair[0].created_utc > pair[1].created_utc), "{text}");
                assert!(posts.iter().all(|post| post.created_utc < world.now(steps)), "{text}");
            }
        }
    }

    #[test]
    fn time_changes_scores_texts_and_nothing_else() {
        let world: RedditWorld = "posts=400,new=40".parse().unwrap();
        let (before, after) = (world.posts_of("books", 0), world.posts_of("books", 3));
        let after = &after[3 * world.new as usize..];
        let count = |has: fn(&RedditPost) -> bool| before.iter().filter(|post| has(post)).count();
        assert!(count(|post| post.edited.is_some()) > 5 && count(|post| post.crosspost_parent.is_some()) > 5);
        assert!(count(|post| post.removed_by_category.is_some()) > 5);
        let changed = before.iter().zip(after).filter(|(old, new)| old.edited != new.edited).count();
        assert!(changed > 0, "some are edited later");
        for (old, new) in before.iter().zip(after) {
            assert_eq!((&old.id, &old.title, old.created_utc), (&new.id, &new.title, new.created_utc));
            assert!(old.score <= new.score && old.num_comments <= new.num_comments);
        }
    }
}
