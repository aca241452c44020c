//! The further requests that an answer asks for.

use busta_core::{Error, Result};
use serde_json::Value;

use super::found::{Found, Way};
use super::items::Items;
use super::page::{Page, Reading};
use super::programs::{Variables, scalar};
use super::stream::Follow;
use super::template::{FOLLOW, Fields};

/// Adds to `page` the requests that its items ask for, as far as the split's share of them reaches.
///
/// What is left of the share is divided among them for what their own answers ask for. All of this follows from
/// the page and the split alone, so a resumed run finds the same.
pub fn find(reading: &Reading<'_>, items: &Items, variables: &Variables, page: &mut Page) {
    let limits = reading.stream.follow.iter().map(|follow| follow.limit);
    let Some(share) = reading.part.share.or(limits.max()).filter(|share| *share > 0) else { return };
    let mut wanted: Vec<Wanted> = Vec::new();
    for (kind, follow) in reading.stream.follow.iter().enumerate() {
        let Some(program) = follow.find.as_ref().filter(|_| follow.limit > 0) else { continue };
        for (index, item) in items.iter().enumerate() {
            let found = program.values(item, variables.pure()).map_err(|error| error.at("`follow.find`"));
            let read = found.and_then(|found| {
                let read = |object| Wanted::read(kind, follow, object, variables);
                found.iter().map(read).collect::<Result<Vec<_>>>()
            });
            match read {
                Ok(found) => wanted.extend(found),
                Err(error) => page.failures.push(reading.failed_item(index, &error, item.as_bytes())),
            }
        }
    }
    // Of equally large ones, the first goes first.
    wanted.sort_by(|a, b| b.size.total_cmp(&a.size));
    let mut chosen: Vec<(usize, Fields)> = Vec::new();
    for Wanted { kind, fields, .. } in wanted {
        let one = (kind, fields);
        if chosen.len() < share as usize && !chosen.contains(&one) {
            chosen.push(one);
        }
    }
    for (share, (kind, found)) in shares(share, chosen.len()).zip(chosen) {
        let mut fields = reading.part.fields.clone();
        // What led here is not what is asked for now.
        fields.retain(|key, _| key.strip_prefix(FOLLOW).is_none_or(|rest| !rest.starts_with('.')));
        fields.extend(found);
        page.found.push(Found { stream: reading.index, fields, way: Way::Followed { kind, share } });
    }
}

/// A further request.
struct Wanted {
    kind: usize,
    fields: Fields,
    size: f64,
}

impl Wanted {
    fn read(kind: usize, follow: &Follow, object: &Value, variables: &Variables) -> Result<Self> {
        let mut fields = Fields::new();
        for (field, needed) in &follow.fields {
            let name = &field.field;
            match object.get(name) {
                Some(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => {
                    fields.insert(format!("{FOLLOW}.{name}"), value.clone());
                }
                None | Some(Value::Null) if !needed => {}
                _ => {
                    let wrong = format!("`follow.find` gives no text or number `{name}`: {object}");
                    return Err(Error::data(crate::http::excerpt(wrong.as_bytes())));
                }
            }
        }
        let size = match &follow.largest {
            Some(program) => scalar(program, &object.to_string(), variables)
                .map_err(|error| error.at("`follow.largest`"))?
                .and_then(|size| size.as_f64())
                .ok_or_else(|| Error::data("`follow.largest` gives no number"))?,
            None => 0.0,
        };
        Ok(Self { kind, fields, size })
    }
}

/// What remains of `share` for each of `count` requests once they are made, the first getting what is over.
fn shares(share: u32, count: usize) -> impl Iterator<Item = u32> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let rest = share.saturating_sub(count);
    let (each, over) = (rest / count.max(1), rest % count.max(1));
    (0..count).map(move |index| each + u32::from(index < over))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many requests come of a share, if every answer asks for `fan` more.
    fn requests(share: u32, fan: usize) -> u32 {
        let count = fan.min(share as usize);
        count as u32 + shares(share, count).map(|share| requests(share, fan)).sum::<u32>()
    }

    #[test]
    fn what_is_left_is_divided() {
        assert_eq!(shares(32, 3).collect::<Vec<_>>(), [10, 10, 9]);
        assert_eq!(shares(3, 3).collect::<Vec<_>>(), [0, 0, 0]);
        assert_eq!(shares(5, 0).count(), 0);
    }

    proptest! {
        #[test]
        fn a_share_is_never_exceeded_and_always_used(share in 0u32..200, fan in 1usize..20) {
            prop_assert_eq!(requests(share, fan), share);
        }
    }
}
