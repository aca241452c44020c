//! Keeping only what some paths lead to.

use busta_core::Result;

use super::{Body, Node, Path, Segment};

/// The paths to keep.
#[derive(Clone, Debug)]
pub struct Selection(Vec<Path>);

impl Selection {
    /// Keeps what any of `paths` leads to.
    pub fn new(paths: Vec<Path>) -> Self {
        Self(paths)
    }

    /// Removes all the rest. Objects and lists in which nothing is selected go too.
    pub fn apply(&self, record: &mut Node<'_>) -> Result<()> {
        let paths: Vec<&[Segment]> = self.0.iter().map(Path::segments).collect();
        keep(record, &paths)?;
        Ok(())
    }
}

/// Keeps what `paths` lead to below `node`, and says whether anything is left.
fn keep(node: &mut Node<'_>, paths: &[&[Segment]]) -> Result<bool> {
    if paths.iter().any(|path| path.is_empty()) {
        return Ok(true);
    }
    node.open()?;
    let before = node.len();
    match &mut node.body {
        Body::Closed => return Ok(false),
        Body::Object(fields) => retain(fields, |_, field| {
            let below = below(paths, |step| match step {
                Segment::Name(name) => field.is(name),
                Segment::Any => true,
                Segment::Index(_) => false,
            });
            Ok(!below.is_empty() && keep(&mut field.value, &below)?)
        })?,
        Body::Array(items) => retain(items, |index, item: &mut Node<'_>| {
            let below = below(paths, |step| match step {
                Segment::Index(wanted) => index == *wanted,
                Segment::Any => true,
                Segment::Name(_) => false,
            });
            Ok(!below.is_empty() && keep(item, &below)?)
        })?,
    }
    node.changed |= node.len() != before;
    Ok(node.len() > 0)
}

/// What is left of the paths whose first step matches.
fn below<'p>(paths: &[&'p [Segment]], matches: impl Fn(&Segment) -> bool) -> Vec<&'p [Segment]> {
    let step =
        |path: &&'p [Segment]| path.split_first().filter(|(first, _)| matches(first)).map(|(_, rest)| rest);
    paths.iter().filter_map(step).collect()
}

/// `Vec::retain_mut` with the index, and with errors.
fn retain<T>(list: &mut Vec<T>, mut wanted: impl FnMut(usize, &mut T) -> Result<bool>) -> Result<()> {
    let (mut index, mut outcome) = (0, Ok(()));
    list.retain_mut(|member| {
        let kept = wanted(index, member);
        index += 1;
        kept.unwrap_or_else(|error| {
            outcome = Err(error);
            true
        })
    });
    outcome
}
