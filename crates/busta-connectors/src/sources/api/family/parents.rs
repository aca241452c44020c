//! Which of the streams that one names is its parent: the one that comes from all the others.

use std::collections::BTreeSet;

/// Settles parents from the top down. `named` are the streams that each one names. What goes round in a circle, or
/// names streams of which neither comes from the other, is left over and given back too.
pub fn parents(named: &[BTreeSet<usize>]) -> (Vec<Option<usize>>, Vec<usize>) {
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
    let left = above.iter().enumerate().filter(|(_, line)| line.is_none()).map(|(index, _)| index);
    (parents, left.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(places: &[usize]) -> BTreeSet<usize> {
        places.iter().copied().collect()
    }

    #[test]
    fn parents_are_the_lowest_named() {
        let named = [set(&[]), set(&[0]), set(&[0, 1]), set(&[1])];
        assert_eq!(parents(&named), (vec![None, Some(0), Some(1), Some(1)], vec![]));
    }

    #[test]
    fn circles_and_forks_are_left_over() {
        assert_eq!(parents(&[set(&[1]), set(&[0])]).1, [0, 1]);
        assert_eq!(parents(&[set(&[]), set(&[]), set(&[0, 1])]).1, [2]);
    }
}
