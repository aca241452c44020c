//! Which comment answers which, and which of them a page shows.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::comment::Thread;
use super::thing::{Listing, More, Replies, Thing};
use super::world::RedditWorld;
use crate::data::Dice;

/// A page shows so many comments, one below the other; what is below has a page of its own.
pub(super) const MAX_DEPTH: u32 = 10;
/// An answer of `/api/morechildren` has so many comments.
const MORE_COMMENTS: usize = 100;

/// The comments of a post by their numbers.
pub(super) struct Tree {
    parents: Vec<Option<u32>>,
    depths: Vec<u32>,
    scores: Vec<i64>,
    /// What answers each, the best first.
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
}

impl Tree {
    pub(super) fn new(world: &RedditWorld, place: usize, index: u64, count: u64) -> Self {
        let count = count as usize;
        let mut tree = Self {
            parents: Vec::with_capacity(count),
            depths: Vec::with_capacity(count),
            scores: Vec::with_capacity(count),
            children: vec![Vec::new(); count],
            roots: Vec::new(),
        };
        for number in 0..count as u32 {
            let dice = &mut Dice::of(&[world.seed, place as u64, index, u64::from(number), 7]);
            tree.scores.push(dice.pick(500) as i64 - 8);
            tree.grow(number, tree.choose(number, dice, world.nesting));
        }
        let scores = &tree.scores;
        for list in tree.children.iter_mut().chain([&mut tree.roots]) {
            list.sort_by_key(|number| (Reverse(scores[*number as usize]), *number));
        }
        tree
    }

    /// What a comment answers: one of the last ones, the very last more often, or the post.
    fn choose(&self, number: u32, dice: &mut Dice, nesting: u32) -> Option<u32> {
        if number == 0 || dice.chance(30, 100) {
            return None;
        }
        let back = if dice.chance(1, 2) { 1 } else { dice.pick(20) as u32 + 1 };
        let mut parent = Some(number.saturating_sub(back));
        while let Some(above) = parent.filter(|above| self.depth(*above) + 1 >= nesting) {
            parent = self.parent(above);
        }
        parent
    }

    fn grow(&mut self, number: u32, parent: Option<u32>) {
        self.depths.push(parent.map_or(0, |parent| self.depth(parent) + 1));
        self.parents.push(parent);
        match parent {
            Some(parent) => self.children[parent as usize].push(number),
            None => self.roots.push(number),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.parents.len() as u64
    }

    pub(super) fn parent(&self, number: u32) -> Option<u32> {
        self.parents[number as usize]
    }

    pub(super) fn depth(&self, number: u32) -> u32 {
        self.depths[number as usize]
    }

    pub(super) fn score(&self, number: u32) -> i64 {
        self.scores[number as usize]
    }

    fn children(&self, number: u32) -> &[u32] {
        &self.children[number as usize]
    }

    /// How many comments these are with all that is below them.
    fn total(&self, numbers: &[u32]) -> u64 {
        numbers.iter().map(|number| 1 + self.total(self.children(*number))).sum()
    }

    /// The first `limit` comments at and below these, by their depth, none of them `max_depth` or more below.
    fn reach(&self, from: &[u32], limit: usize, max_depth: u32) -> Vec<u32> {
        let mut found: Vec<(u32, u32)> = from.iter().take(limit).map(|number| (*number, 0)).collect();
        let mut next = 0;
        while let Some((number, depth)) = found.get(next).copied() {
            next += 1;
            if depth + 1 < max_depth {
                let free = limit - found.len();
                found.extend(self.children(number).iter().take(free).map(|child| (*child, depth + 1)));
            }
        }
        found.into_iter().map(|(number, _)| number).collect()
    }
}

/// A page of comments.
pub(super) struct View<'a> {
    thread: &'a Thread<'a>,
    shown: HashSet<u32>,
    raw: bool,
    /// How deep the first comment shown lies.
    top: u32,
    max_depth: u32,
}

impl<'a> View<'a> {
    /// The comments at and below `root`, or all: `limit` of them, nested up to `max_depth`.
    pub(super) fn page(
        thread: &'a Thread<'a>,
        root: Option<u32>,
        limit: usize,
        max_depth: u32,
        raw: bool,
    ) -> Listing {
        let tree = &thread.tree;
        let from = root.map_or_else(|| tree.roots.clone(), |root| vec![root]);
        let max_depth = max_depth.clamp(1, MAX_DEPTH);
        let shown = tree.reach(&from, limit, max_depth).into_iter().collect();
        let top = root.map_or(0, |root| tree.depth(root));
        let view = View { thread, shown, raw, top, max_depth };
        let above = root.map_or_else(|| thread.link_id(), |root| thread.parent(root));
        Listing::whole(view.things(&from, above, 0))
    }

    /// Comments below one parent, and what stands for those that are not shown.
    fn things(&self, numbers: &[u32], parent: String, depth: u32) -> Vec<Thing> {
        if depth >= self.max_depth && !numbers.is_empty() {
            return vec![Thing::More(More::elsewhere(parent, depth))];
        }
        let (shown, hidden): (Vec<u32>, Vec<u32>) = numbers.iter().partition(|n| self.shown.contains(n));
        let mut things: Vec<Thing> = shown.into_iter().map(|number| self.comment(number, depth)).collect();
        if !hidden.is_empty() {
            things.push(Thing::More(more(self.thread, &hidden, parent, depth)));
        }
        things
    }

    fn comment(&self, number: u32, depth: u32) -> Thing {
        let mut comment = self.thread.comment(number);
        comment.depth -= self.top;
        let below = self.things(self.thread.tree.children(number), comment.name.clone(), depth + 1);
        if !below.is_empty() {
            comment.replies = Replies(Some(Box::new(Listing::whole(below))));
        }
        if !self.raw {
            comment.escape();
        }
        Thing::Comment(Box::new(comment))
    }
}

fn more(thread: &Thread<'_>, hidden: &[u32], parent: String, depth: u32) -> More {
    let ids = hidden.iter().map(|number| thread.id(*number)).collect();
    More::of(parent, depth, thread.tree.total(hidden), ids)
}

/// What `/api/morechildren` answers: the comments asked for and those below them, one behind another, as far as
/// there is room, and what stands for the others. Comments of other posts are left out.
pub(super) fn expand(thread: &Thread<'_>, asked: &[&str], only: bool, raw: bool) -> Vec<Thing> {
    let tree = &thread.tree;
    let mut numbers: Vec<u32> = asked.iter().filter_map(|id| thread.number(id)).collect();
    let mut seen = HashSet::new();
    numbers.retain(|number| seen.insert(*number));
    let found = expandable(tree, &numbers, only);
    let shown: HashSet<u32> = found.iter().copied().collect();
    let mut things = Vec::with_capacity(found.len());
    for number in &found {
        let mut comment = thread.comment(*number);
        if !raw {
            comment.escape();
        }
        things.push(Thing::Comment(Box::new(comment)));
    }
    let left: Vec<u32> = numbers.into_iter().filter(|number| !shown.contains(number)).collect();
    for group in left.chunk_by(|a, b| tree.parent(*a) == tree.parent(*b)) {
        let Some(first) = group.first() else { continue };
        things.push(Thing::More(more(thread, group, thread.parent(*first), tree.depth(*first))));
    }
    for number in found {
        let below: Vec<u32> = tree.children(number).iter().copied().filter(|n| !shown.contains(n)).collect();
        let (parent, depth) = (format!("t1_{}", thread.id(number)), tree.depth(number) + 1);
        match below.is_empty() {
            true => {}
            false if depth >= MAX_DEPTH => things.push(Thing::More(More::elsewhere(parent, depth))),
            false => things.push(Thing::More(more(thread, &below, parent, depth))),
        }
    }
    things
}

fn expandable(tree: &Tree, asked: &[u32], only: bool) -> Vec<u32> {
    let most = if only { 1 } else { MAX_DEPTH };
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for number in asked {
        let free = MORE_COMMENTS.saturating_sub(found.len());
        let depth = most.min(MAX_DEPTH.saturating_sub(tree.depth(*number)).max(1));
        found.extend(tree.reach(&[*number], free, depth).into_iter().filter(|number| seen.insert(*number)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(world: &str) -> (RedditWorld, String) {
        let world: RedditWorld = world.parse().unwrap();
        let id = world.posts_of("rust", 0)[0].id.clone();
        (world, id)
    }

    #[test]
    fn pages_reach_breadth_first_and_keep_parents() {
        let (world, id) = all("comments=300");
        let thread = Thread::new(&world, &id, 0).unwrap();
        let tree = &thread.tree;
        assert_eq!(tree.total(&tree.roots), 300);
        let shown = tree.reach(&tree.roots, 120, MAX_DEPTH);
        assert_eq!(shown.len(), 120);
        let set: HashSet<u32> = shown.iter().copied().collect();
        assert_eq!(set.len(), 120);
        assert!(shown.iter().all(|n| tree.parent(*n).is_none_or(|parent| set.contains(&parent))));
        assert!(tree.reach(&tree.roots, 1000, 2).iter().all(|n| tree.depth(*n) < 2));
    }

    #[test]
    fn everything_asked_for_comes_or_is_told() {
        let (world, id) = all("comments=900");
        let thread = Thread::new(&world, &id, 0).unwrap();
        let roots: Vec<String> = thread.tree.roots.iter().map(|number| thread.id(*number)).collect();
        let mut open = vec![roots];
        let mut found = HashSet::new();
        while let Some(asked) = open.pop() {
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            for thing in expand(&thread, &asked, false, true) {
                match thing {
                    Thing::Comment(comment) => assert!(found.insert(comment.id)),
                    Thing::More(more) => open.push(more.children),
                    other => panic!("{other:?} among comments"),
                }
            }
        }
        assert_eq!(found.len(), 900);
    }
}
