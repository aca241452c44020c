//! The listings of a subreddit: `new`, `hot`, `top` and `rising`.

use std::cmp::Reverse;

use super::Visit;
use super::post::RedditPost;
use super::thing::{Listing, Thing};
use crate::reply::Reply;

/// A listing shows so many posts, whatever is behind them.
const MOST: usize = 1000;
/// Of so many of the newest posts the best ones are chosen.
const CANDIDATES: u64 = 4000;
const DEFAULT_LIMIT: u64 = 25;
const MAX_LIMIT: u64 = 100;
/// So many posts are pinned before the first page of `hot`.
const PINNED: u64 = 2;
/// `rising` shows so many.
const RISING: usize = 25;

/// A listing of a subreddit in full, as far as the API shows it.
pub(super) fn posts(visit: &Visit<'_>, place: usize, order: &str) -> Option<Vec<RedditPost>> {
    let (world, steps) = (&visit.world, visit.steps);
    let count = world.post_count(steps);
    let most = if order == "new" { MOST as u64 } else { CANDIDATES };
    let newest = (count.saturating_sub(most)..count).rev();
    let mut all: Vec<RedditPost> = newest.filter_map(|index| world.post(place, index, steps)).collect();
    let now = world.now(steps);
    match order {
        "new" => {}
        "hot" => all.sort_by_key(|post| Reverse(heat(post))),
        "top" => {
            let span = span(visit.call.params.get("t"));
            all.retain(|post| now - post.created_utc <= span);
            all.sort_by_key(|post| Reverse(post.score));
        }
        "rising" => {
            all.retain(|post| now - post.created_utc <= 86_400);
            all.sort_by_key(|post| Reverse(post.score * 3600 / (now - post.created_utc).max(60)));
            all.truncate(RISING);
        }
        _ => return None,
    }
    all.truncate(MOST);
    Some(all)
}

/// Ten times the votes are worth half a day, as in the code that Reddit published.
fn heat(post: &RedditPost) -> i64 {
    let votes = (post.score.max(1) as f64).log10();
    (votes * 45_000.0) as i64 + post.created_utc
}

fn span(text: Option<&str>) -> i64 {
    match text.unwrap_or("day") {
        "hour" => 3600,
        "week" => 7 * 86_400,
        "month" => 30 * 86_400,
        "year" => 365 * 86_400,
        "all" => i64::MAX,
        _ => 86_400,
    }
}

/// Answers `/r/{subreddit}/{order}`.
pub(super) fn answer(visit: &Visit<'_>, place: usize, order: &str) -> Result<Reply, Reply> {
    let all = posts(visit, place, order).ok_or_else(super::not_found)?;
    let params = &visit.call.params;
    let limit = params.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    let limit = if limit == 0 { DEFAULT_LIMIT } else { limit.min(MAX_LIMIT) } as usize;
    let at = |name| all.iter().position(|post| post.name == name);
    let (from, until) = match (params.get("after"), params.get("before")) {
        (Some(after), _) => match at(after) {
            Some(place) => (place + 1, (place + 1 + limit).min(all.len())),
            // What is no longer in a listing has nothing behind it.
            None => (0, 0),
        },
        (None, Some(before)) => {
            let until = at(before).unwrap_or(0);
            (until.saturating_sub(limit), until)
        }
        (None, None) => (0, limit.min(all.len())),
    };
    let page = &all[from.min(until)..until];
    let after = page.last().filter(|_| until < all.len()).map(|post| post.name.clone());
    let counted = params.number("count")?.is_some_and(|count| count > 0);
    let before = page.first().filter(|_| from > 0 && counted).map(|post| post.name.clone());
    let mut shown = Vec::with_capacity(page.len() + 2);
    if order == "hot" && from == 0 && until > 0 {
        shown.extend(pinned(visit, place));
    }
    shown.extend(page.iter().cloned());
    Ok(super::json(&Listing::new(shown.into_iter().map(|post| visit.shown(post)).collect(), after, before)))
}

/// The oldest posts, which come once more on the first page of `hot`, above its limit.
fn pinned(visit: &Visit<'_>, place: usize) -> impl Iterator<Item = RedditPost> {
    let posts = (0..PINNED).filter_map(move |index| visit.world.post(place, index, visit.steps));
    posts.map(|mut post| {
        post.stickied = true;
        post
    })
}

impl Visit<'_> {
    /// A post as this request wants it.
    pub(super) fn shown(&self, mut post: RedditPost) -> Thing {
        if !self.raw {
            post.escape();
        }
        Thing::Post(Box::new(post))
    }
}
