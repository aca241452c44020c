//! Which stream is read for the records of which, and what travels down from parents to children.

mod member;
mod parents;

use std::collections::BTreeSet;

use super::problems::Problems;
use super::stream::{Child, Means, Stream};
use super::template::{FieldRef, WITH};
use member::{Meaning, meaning};
use parents::parents;

pub use member::{Member, Use};

/// The parents of streams, by their places.
pub struct Family {
    members: Vec<Member>,
    parents: Vec<Option<usize>>,
    /// What each stream's splits must carry for itself.
    needs: Vec<BTreeSet<FieldRef>>,
}

impl Family {
    /// Finds each stream's parent: of the streams that it names, the one that comes from all the others.
    pub fn of(members: Vec<Member>, problems: &mut Problems) -> Self {
        let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut named: Vec<BTreeSet<usize>> = Vec::new();
        for (index, member) in members.iter().enumerate() {
            problems.within("streams", Some(index), |problems| {
                for used in member.uses.iter().chain(&member.mentioned) {
                    member.check(used, index, &names, problems);
                }
                let said = said_parent(member, index, &names, problems);
                let others = member.named(&names).map(|(other, _)| other).chain(said);
                named.push(others.filter(|other| *other != index).collect());
            });
        }
        let (parents, left) = parents(&named);
        let mut family = Self { parents, needs: vec![BTreeSet::new(); members.len()], members };
        for index in left {
            let message = "its placeholders name streams that wait for each other, or of which neither is the other's parent";
            family.at(index, problems, |member, problems| {
                let used = member.named(&names).find(|(other, _)| *other != index).map(|(_, used)| used);
                match (used, &member.parent) {
                    (Some(used), _) => problems.add_below(&used.place, message),
                    (None, parent) => problems.add(parent.as_ref().map_or("path", |(key, _)| key), message),
                }
            });
        }
        (0..family.members.len()).for_each(|index| family.check(index, &names, problems));
        family.settle_needs(&names);
        family
    }

    fn at(&self, index: usize, problems: &mut Problems, look: impl FnOnce(&Member, &mut Problems)) {
        problems.within("streams", Some(index), |problems| look(&self.members[index], problems));
    }

    /// What can only be said once the parents are known.
    fn check(&self, index: usize, names: &[&str], problems: &mut Problems) {
        let parent = self.parents[index];
        self.at(index, problems, |member, problems| {
            match parent {
                Some(parent) => self.check_child(member, parent, names, problems),
                None if !member.has_with.is_empty() && member.parent.is_none() => {
                    problems.add("with", "needs a parent, whose records its values are made of: say `parent`");
                }
                None => {}
            }
            let root = self.ancestors(index).last().copied().unwrap_or(index);
            for used in member.uses.iter().chain(&member.mentioned) {
                let field = &used.field;
                match meaning(field, names) {
                    Meaning::Each if !self.members[root].each.contains(&field.field) => {
                        let what = "must name a field of a stream, such as orders.id, or a value of `for_each`";
                        problems.add_below(&used.place, format!("`{}` {what}", field.field));
                    }
                    Meaning::Field(other) if self.is_blurred(index, other) => {
                        let stream = &field.stream;
                        let what = "records travel together to the stream that is made `from` them: copy what is needed with its `map`";
                        problems.add_below(&used.place, format!("the `{stream}` {what}"));
                    }
                    _ => {}
                }
            }
        });
    }

    fn check_child(&self, member: &Member, parent: usize, names: &[&str], problems: &mut Problems) {
        if let Some((key, said)) = &member.parent
            && *said != names[parent]
            && names.contains(&said.as_str())
        {
            let message = format!(
                "it also names `{}`, which comes from `{said}`: that one is its parent",
                names[parent]
            );
            problems.add(key, message);
        }
        if !member.each.is_empty() {
            let message = format!(
                "is for streams without a parent; this one is read for the records of `{}`",
                names[parent]
            );
            problems.add("for_each", message);
        }
        if member.newest_first {
            let message = "newest_first is for streams without a parent: only those know where they ended";
            problems.within("cursor", None, |problems| problems.add("order", message));
        }
        for used in &member.mentioned {
            if meaning(&used.field, names) == Meaning::Field(parent) {
                problems.add_below(&used.place, format!("the `{}` record is `.` here", names[parent]));
            }
        }
        let nothing = !member.made && member.has_with.is_empty() && member.named(names).next().is_none();
        if nothing {
            let message =
                format!("nothing of `{}` is used: name it in a placeholder, or in `with`", names[parent]);
            problems.add("parent", message);
        }
    }

    /// Whether between the stream at `index` and its ancestor at `other` stands one that is made from the
    /// records of `other`: then it is not known which record.
    fn is_blurred(&self, index: usize, other: usize) -> bool {
        let line = std::iter::once(index).chain(self.ancestors(index));
        line.into_iter().any(|stream| self.members[stream].made && self.parents[stream] == Some(other))
    }

    fn settle_needs(&mut self, names: &[&str]) {
        let carried = |used: &&Use| matches!(meaning(&used.field, names), Meaning::Each | Meaning::Field(_));
        for (index, member) in self.members.iter().enumerate() {
            self.needs[index].extend(member.uses.iter().filter(carried).map(|used| used.field.clone()));
            // Its `with` runs on the parent's records, and sees what the parent's split is read for.
            if let Some(parent) = self.parents[index] {
                let mentioned = member.mentioned.iter().filter(carried).map(|used| used.field.clone());
                self.needs[parent].extend(mentioned);
            }
        }
    }

    /// Tells the streams about their children, parents and what their records lack.
    pub fn join(mut self, streams: &mut [Stream]) {
        let names: Vec<_> = streams.iter().map(|stream| stream.spec.name.clone()).collect();
        for (index, stream) in
            streams.iter_mut().enumerate().filter(|(index, _)| self.parents[*index].is_some())
        {
            fill_key(stream, &self.needs[index]);
        }
        for index in 0..streams.len() {
            if let Some(parent) = self.parents[index] {
                streams[index].spec.parent = Some(names[parent].clone());
                let fields = self.carried(index, &names.iter().map(|n| n.as_str()).collect::<Vec<_>>());
                let member = &mut self.members[index];
                let means = match member.made {
                    true => Means::Made(member.map.take()),
                    false => Means::Read(std::mem::take(&mut member.with)),
                };
                streams[index].idle = self.idle(index, &fields, streams, parent);
                streams[parent].children.push(Child { stream: index, fields, means });
            }
            let family =
                (0..streams.len()).filter(|other| *other == index || self.ancestors(*other).contains(&index));
            streams[index].family = family.map(|other| names[other].as_str().to_owned()).collect();
        }
    }

    /// What a split of `stream` carries: what it and the streams below it need from above.
    fn carried(&self, stream: usize, names: &[&str]) -> Vec<FieldRef> {
        let above: Vec<&str> = self.ancestors(stream).into_iter().map(|n| names[n]).collect();
        let below = (0..names.len()).filter(|n| *n == stream || self.ancestors(*n).contains(&stream));
        let fields: BTreeSet<&FieldRef> = below
            .flat_map(|n| &self.needs[n])
            .filter(|field| field.stream.is_empty() || above.contains(&field.stream.as_str()))
            .collect();
        fields.into_iter().cloned().collect()
    }

    /// What of `carried` tells no request of `stream` from another: what goes into records by `include` only, and is
    /// neither of their key nor of the key of the parent's record. Of it the first one found counts, so that a
    /// record that comes twice, such as a product in two categories, is asked about once.
    /// Records without a key are no repetitions of one another.
    fn idle(&self, stream: usize, carried: &[FieldRef], streams: &[Stream], parent: usize) -> Vec<String> {
        if streams[stream].spec.primary_key.is_empty() {
            return Vec::new();
        }
        let below = (0..streams.len()).filter(|n| *n == stream || self.ancestors(*n).contains(&stream));
        let mut telling: BTreeSet<FieldRef> = BTreeSet::new();
        for at in below {
            let (member, one) = (&self.members[at], &streams[at]);
            let asked =
                member.uses.iter().filter(|used| used.place.first().is_none_or(|key| key != "include"));
            telling.extend(asked.chain(&member.mentioned).map(|used| used.field.clone()));
            let in_key = one.include.iter().filter(|(name, _)| one.spec.primary_key.contains(name));
            telling.extend(in_key.map(|(_, field)| field.clone()));
        }
        let spec = &streams[parent].spec;
        let is_key =
            |field: &FieldRef| field.stream == spec.name.as_str() && spec.primary_key.contains(&field.field);
        let given = |name: &String| FieldRef { stream: WITH.to_owned(), field: name.clone() };
        let all = carried.iter().cloned().chain(self.members[stream].has_with.iter().map(given));
        let idle = all.filter(|field| !telling.contains(field) && !is_key(field));
        idle.map(|field| field.key()).collect()
    }

    fn ancestors(&self, stream: usize) -> Vec<usize> {
        std::iter::successors(self.parents[stream], |above| self.parents[*above]).collect()
    }
}

/// The place of the stream that `parent` or `from` names.
fn said_parent(member: &Member, index: usize, names: &[&str], problems: &mut Problems) -> Option<usize> {
    let (key, said) = member.parent.as_ref()?;
    match names.iter().position(|name| name == said) {
        Some(parent) if parent == index => problems.add(key, "a stream cannot be its own parent"),
        Some(parent) => return Some(parent),
        None => problems.add(key, format!("there is no stream `{said}` (there are {})", names.join(", "))),
    }
    None
}

/// A field of the primary key that is called after a parent's field (`order_id` or `orders_id` for
/// `{orders.id}`) is filled in where the server does not send it.
fn fill_key(stream: &mut Stream, needs: &BTreeSet<FieldRef>) {
    for key in &stream.spec.primary_key {
        if stream.include.iter().any(|(name, _)| name == key) {
            continue;
        }
        let named_after = |field: &&FieldRef| {
            let singular = singular(&field.stream);
            [field.stream.as_str(), &singular].iter().any(|name| *key == format!("{name}_{}", field.field))
        };
        if let Some(field) = needs.iter().find(named_after) {
            stream.include.push((key.clone(), field.clone()));
        }
    }
}

fn singular(name: &str) -> String {
    match (name.strip_suffix("ies"), name.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_singular() {
        assert_eq!(singular("orders"), "order");
        assert_eq!(singular("entries"), "entry");
        assert_eq!(singular("staff"), "staff");
    }
}
