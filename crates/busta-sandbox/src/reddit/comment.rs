//! Comments, computed from the world, their post and their number.

use serde::Serialize;

use super::post;
use super::thing::{Replies, false_or_seconds, seconds};
use super::tree::Tree;
use super::words;
use super::world::RedditWorld;
use crate::data::{Dice, base36, hash};

/// Comments of a post are numbered in so many bits of their ids.
const BITS: u32 = 20;

/// A comment as the API sends it, without what was said to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RedditComment {
    /// Its id without a prefix.
    pub id: String,
    /// Its fullname: `t1_` and the id.
    pub name: String,
    /// The fullname of what it answers: a comment, or the post.
    pub parent_id: String,
    /// The fullname of the post.
    pub link_id: String,
    /// The subreddit's name.
    pub subreddit: String,
    /// The subreddit's fullname.
    pub subreddit_id: String,
    /// `r/` and the name.
    pub subreddit_name_prefixed: String,
    /// Who wrote it; `[deleted]` if it is gone.
    pub author: String,
    /// The author's fullname.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author_fullname: Option<String>,
    /// The text in Markdown; `[deleted]` or `[removed]` if it is gone.
    pub body: String,
    /// The text as HTML.
    pub body_html: String,
    /// When it was written, in seconds.
    #[serde(serialize_with = "seconds")]
    pub created_utc: i64,
    /// The same.
    #[serde(serialize_with = "seconds")]
    pub created: i64,
    /// When it was changed; `false` on the wire if it was not.
    #[serde(serialize_with = "false_or_seconds")]
    pub edited: Option<i64>,
    /// Votes for less votes against.
    pub score: i64,
    /// The same.
    pub ups: i64,
    /// Always 0, as it is there.
    pub downs: i64,
    /// How many comments lie above it; counted from the first one shown where a page shows a part of a thread.
    pub depth: u32,
    /// Whether it is by the author of the post.
    pub is_submitter: bool,
    /// Whether it is pinned.
    pub stickied: bool,
    /// The path of its page.
    pub permalink: String,
    locked: bool,
    archived: bool,
    collapsed: bool,
    score_hidden: bool,
    saved: bool,
    gilded: u64,
    controversiality: u8,
    likes: Option<bool>,
    distinguished: Option<&'static str>,
    pub(super) replies: Replies,
}

/// The number of a post, as ids of its comments hold it, and what all of them share.
pub(super) struct Thread<'a> {
    pub(super) world: &'a RedditWorld,
    place: usize,
    index: u64,
    created: i64,
    author: String,
    path: String,
    pub(super) tree: Tree,
}

impl<'a> Thread<'a> {
    /// The comments of the post with this id after so many steps, if there is one.
    pub(super) fn new(world: &'a RedditWorld, id: &str, steps: u64) -> Option<Self> {
        let (place, index) = post::located(id)?;
        let post = world.post(place, index, steps)?;
        let tree = Tree::new(world, place, index, world.comment_count(index, steps));
        Some(Self {
            world,
            place,
            index,
            created: post.created_utc,
            author: post.author,
            path: post.permalink,
            tree,
        })
    }

    pub(super) fn link_id(&self) -> String {
        format!("t3_{}", post::id(self.place, self.index))
    }

    pub(super) fn id(&self, number: u32) -> String {
        let Ok(post) = u64::from_str_radix(&post::id(self.place, self.index), 36) else {
            return String::new();
        };
        base36((post << BITS) + u64::from(number))
    }

    /// The number of the comment with this id, if it is one of this post.
    pub(super) fn number(&self, id: &str) -> Option<u32> {
        let number = u64::from_str_radix(id, 36).ok()? & ((1 << BITS) - 1);
        let number = u32::try_from(number).ok()?;
        (u64::from(number) < self.tree.len() && self.id(number) == id).then_some(number)
    }

    /// The fullname of what a comment answers.
    pub(super) fn parent(&self, number: u32) -> String {
        match self.tree.parent(number) {
            Some(parent) => format!("t1_{}", self.id(parent)),
            None => self.link_id(),
        }
    }

    /// The comment with this number, which there is.
    pub(super) fn comment(&self, number: u32) -> RedditComment {
        let seed = self.world.seed;
        let dice = &mut Dice::of(&[seed, self.place as u64, self.index, u64::from(number), 11]);
        let (id, score) = (self.id(number), self.tree.score(number));
        let created = self.created + i64::from(number) + 1;
        let (mut author, mut body) = (words::author(dice), words::text(dice, 4));
        let is_submitter = dice.chance(1, 10);
        if is_submitter {
            author.clone_from(&self.author);
        }
        let edited = dice.chance(1, 15).then(|| created + 60 + dice.pick(600) as i64);
        if let Some(gone) = [Some("[deleted]"), Some("[removed]")].get(dice.pick(40)).copied().flatten() {
            (author, body) = ("[deleted]".to_owned(), gone.to_owned());
        }
        let is_gone = author == "[deleted]";
        RedditComment {
            name: format!("t1_{id}"),
            parent_id: self.parent(number),
            link_id: self.link_id(),
            subreddit: self.world.subreddits[self.place].clone(),
            subreddit_id: post::subreddit_id(self.place),
            subreddit_name_prefixed: format!("r/{}", self.world.subreddits[self.place]),
            author_fullname: (!is_gone).then(|| format!("t2_{}", base36(hash(author.as_bytes()) >> 30))),
            body_html: words::html(&body),
            created_utc: created,
            created,
            edited: edited.filter(|_| !is_gone),
            score,
            ups: score,
            downs: 0,
            depth: self.tree.depth(number),
            is_submitter: is_submitter && !is_gone,
            stickied: false,
            permalink: format!("{}{id}/", self.path),
            locked: false,
            archived: false,
            collapsed: score < -4,
            score_hidden: false,
            saved: false,
            gilded: 0,
            controversiality: 0,
            likes: None,
            distinguished: None,
            replies: Replies::default(),
            id,
            author,
            body,
        }
    }
}

impl RedditComment {
    /// The same without `raw_json`.
    pub(super) fn escape(&mut self) {
        self.body = words::escaped(&self.body);
        self.body_html = words::escaped(&self.body_html);
    }
}

impl RedditWorld {
    /// All comments of the post with this id after so many steps, in the order of their numbers: each behind
    /// what it answers.
    pub fn comments_of(&self, post_id: &str, steps: u64) -> Vec<RedditComment> {
        let Some(thread) = Thread::new(self, post_id, steps) else { return Vec::new() };
        (0..thread.tree.len() as u32).map(|number| thread.comment(number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_known_by_their_ids() {
        let world: RedditWorld = "comments=300".parse().unwrap();
        let post = &world.posts_of("rust", 0)[3];
        let thread = Thread::new(&world, &post.id, 0).unwrap();
        let comments = world.comments_of(&post.id, 0);
        assert_eq!(comments.len() as u64, post.num_comments);
        for (number, comment) in (0..).zip(&comments) {
            assert_eq!(thread.number(&comment.id), Some(number));
            assert!(
                comments[..number as usize].iter().any(|known| known.name == comment.parent_id)
                    || comment.parent_id == post.name
            );
        }
        let other = Thread::new(&world, &world.posts_of("rust", 0)[4].id, 0).unwrap();
        assert_eq!(other.number(&comments[0].id), None);
        assert!(comments.iter().any(|comment| comment.body == "[removed]"));
        assert!(comments.iter().any(|comment| comment.edited.is_some()));
        assert!(comments.iter().any(|comment| comment.depth == 7));
    }
}
