//! Which stream is read for the records of which, and what travels down from parents to children.

use std::collections::BTreeSet;

use super::problems::Problems;
use super::stream::{Child, Stream};
use super::template::FieldRef;

/// The parents of streams, by their places.
pub struct Family {
    parents: Vec<Option<usize>>,
    /// What each stream's own requests and records need.
    needs: Vec<BTreeSet<FieldRef>>,
}

impl Family {
    /// Finds each stream's parent: of the streams that its placeholders name, the one that comes
    /// from all the others.
    pub fn of(streams: &[Stream], problems: &mut Problems) -> Self {
        let needs: Vec<BTreeSet<FieldRef>> = streams.iter().map(needs).collect();
        let place = |name: &str| streams.iter().position(|stream| stream.spec.name.as_str() == name);
        let mut named: Vec<BTreeSet<usize>> = Vec::new();
        for (index, fields) in needs.iter().enumerate() {
            let mut others = BTreeSet::new();
            for field in fields {
                match place(&field.stream) {
                    Some(other) if other != index => {
                        others.insert(other);
                    }
                    Some(_) => problem(problems, index, "a stream cannot be its own parent"),
                    None => {
                        let known: Vec<_> = streams.iter().map(|s| s.spec.name.as_str()).collect();
                        let known = known.join(", ");
                        problem(
                            problems,
                            index,
                            &format!("there is no stream `{}` (there are {known})", field.stream),
                        );
                    }
                }
            }
            named.push(others);
        }
        let parents = parents(&named, problems);
        Self { parents, needs }
    }

    /// Tells the streams about their children, parents and what their records lack.
    pub fn join(self, streams: &mut [Stream]) {
        let names: Vec<_> = streams.iter().map(|stream| stream.spec.name.clone()).collect();
        for index in 0..streams.len() {
            if let Some(parent) = self.parents[index] {
                streams[index].spec.parent = Some(names[parent].clone());
                let fields = self.carried(index, &names.iter().map(|n| n.as_str()).collect::<Vec<_>>());
                streams[parent].children.push(Child { stream: index, fields });
                fill_key(&mut streams[index], &self.needs[index]);
            }
            let family =
                (0..streams.len()).filter(|other| *other == index || self.ancestors(*other).contains(&index));
            streams[index].family = family.map(|other| names[other].as_str().to_owned()).collect();
        }
    }

    /// What a split of `stream` carries: what it and the streams below it need from streams above.
    fn carried(&self, stream: usize, names: &[&str]) -> Vec<FieldRef> {
        let above: Vec<&str> = self.ancestors(stream).into_iter().map(|n| names[n]).collect();
        let below = (0..names.len()).filter(|n| *n == stream || self.ancestors(*n).contains(&stream));
        let fields: BTreeSet<&FieldRef> = below
            .flat_map(|n| &self.needs[n])
            .filter(|field| above.contains(&field.stream.as_str()))
            .collect();
        fields.into_iter().cloned().collect()
    }

    fn ancestors(&self, stream: usize) -> Vec<usize> {
        std::iter::successors(self.parents[stream], |above| self.parents[*above]).collect()
    }
}

/// Settles parents from the top down; what is left over goes round in a circle, or names streams of
/// which neither comes from the other.
fn parents(named: &[BTreeSet<usize>], problems: &mut Problems) -> Vec<Option<usize>> {
    let mut above: Vec<Option<Vec<usize>>> = named.iter().map(|n| n.is_empty().then(Vec::new)).collect();
    let mut parents = vec![None; named.len()];
    loop {
        let mut settled = false;
        for (index, others) in named.iter().enumerate() {
            if above[index].is_some() {
                continue;
            }
            let lowest = others.iter().find_map(|parent| {
                let line = above[*parent].as_ref()?;
                others
                    .iter()
                    .all(|other| other == parent || line.contains(other))
                    .then_some((*parent, line.clone()))
            });
            if let Some((parent, mut line)) = lowest {
                line.push(parent);
                above[index] = Some(line);
                parents[index] = Some(parent);
                settled = true;
            }
        }
        if !settled {
            break;
        }
    }
    for (index, _) in above.iter().enumerate().filter(|(_, line)| line.is_none()) {
        let message = "its placeholders name streams that wait for each other, or of which neither is the other's parent";
        problem(problems, index, message);
    }
    parents
}

fn problem(problems: &mut Problems, stream: usize, message: &str) {
    problems.within("streams", Some(stream), |problems| problems.add("path", message));
}

/// All fields of other streams that a stream's configuration names.
fn needs(stream: &Stream) -> BTreeSet<FieldRef> {
    let asked = &stream.asked;
    let params = asked.params.iter().chain(asked.form.iter().flatten());
    let mut fields: BTreeSet<FieldRef> = asked.path.fields().cloned().collect();
    fields.extend(params.flat_map(|(_, template)| template.fields()).cloned());
    fields.extend(asked.body.iter().flat_map(|body| body.fields()).cloned());
    fields.extend(stream.include.iter().map(|(_, field)| field.clone()));
    fields
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

    fn set(places: &[usize]) -> BTreeSet<usize> {
        places.iter().copied().collect()
    }

    #[test]
    fn parents_are_the_lowest_named() {
        let mut problems = Problems::default();
        let named = [set(&[]), set(&[0]), set(&[0, 1]), set(&[1])];
        assert_eq!(parents(&named, &mut problems), [None, Some(0), Some(1), Some(1)]);
        assert!(problems.finish().is_empty());
    }

    #[test]
    fn circles_and_forks_are_refused() {
        for named in [vec![set(&[1]), set(&[0])], vec![set(&[]), set(&[]), set(&[0, 1])]] {
            let mut problems = Problems::default();
            parents(&named, &mut problems);
            assert!(!problems.finish().is_empty());
        }
    }

    #[test]
    fn names_in_the_singular() {
        assert_eq!(singular("orders"), "order");
        assert_eq!(singular("entries"), "entry");
        assert_eq!(singular("staff"), "staff");
    }
}
