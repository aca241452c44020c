//! Searches: what a request asks for, and which items that are.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::filter::{Expr, Property, Scalar};
use super::meta::{COLLECTIONS, LONGEST, Meta};
use super::space::Area;
use super::time::Interval;
use super::world::StacWorld;

const DEFAULT_LIMIT: u64 = 10;

/// A search as it is understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    pub(super) limit: u64,
    pub(super) token: Option<String>,
    pub(super) fields: Option<Fields>,
    /// All that decides which items there are in which order, written down.
    pub(super) key: String,
    ids: Option<Vec<String>>,
    collections: Option<Vec<usize>>,
    time: Option<Interval>,
    area: Option<Area>,
    conditions: Vec<Expr>,
    order: Vec<(Property, bool)>,
}

impl Search {
    /// Reads the body of a POST; the parameters of a GET come in the same form.
    pub(super) fn read(world: &StacWorld, body: &Map<String, Value>) -> Result<Self, String> {
        let mut search = Self { limit: DEFAULT_LIMIT.min(world.max_limit), ..Self::default() };
        let mut decisive = Map::new();
        for (name, value) in body.iter().filter(|(_, value)| !value.is_null()) {
            if search.set(world, name, value).map_err(|problem| format!("{name}: {problem}"))? {
                decisive.insert(name.clone(), value.clone());
            }
        }
        if body.contains_key("bbox") && body.contains_key("intersects") {
            return Err("bbox and intersects cannot stand together".to_owned());
        }
        search.key = format!("{} {} {}", world.items, world.seed, Value::Object(decisive));
        Ok(search)
    }

    /// All items of a collection.
    pub(super) fn of_collection(id: &str) -> Self {
        let place = COLLECTIONS.iter().position(|one| one.id == id);
        Self { collections: Some(place.into_iter().collect()), ..Self::default() }
    }

    /// Whether the parameter decides which items there are.
    fn set(&mut self, world: &StacWorld, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            "limit" => {
                let limit = value.as_u64().filter(|limit| *limit > 0);
                self.limit = limit.ok_or("it is a number from 1 up")?.min(world.max_limit);
            }
            "token" => self.token = Some(value.as_str().ok_or("it is a text")?.to_owned()),
            "fields" if world.fields => self.fields = Some(Fields::read(value)?),
            "ids" => self.ids = Some(texts(value)?),
            "collections" => {
                let known = |id: &String| COLLECTIONS.iter().position(|one| one.id == id);
                self.collections = Some(texts(value)?.iter().filter_map(known).collect());
            }
            "datetime" => self.time = Some(Interval::read(value.as_str().ok_or("it is a text")?)?),
            "bbox" => {
                let numbers = value.as_array().ok_or("it is a list of numbers")?;
                let numbers: Option<Vec<f64>> = numbers.iter().map(Value::as_f64).collect();
                self.area = Some(Area::read(&numbers.ok_or("it is a list of numbers")?)?);
            }
            "intersects" => self.area = Some(Area::around(value)?),
            "query" if world.query => self.conditions.push(Expr::read_query(value)?),
            "filter" if world.filter => self.conditions.push(Expr::read(value)?),
            "filter-lang" if world.filter && value != "cql2-json" => {
                return Err(format!("{value} is not understood here, only cql2-json"));
            }
            "sortby" if world.sort => self.order = order(value)?,
            _ => return Ok(false),
        }
        Ok(!matches!(name, "limit" | "token" | "fields"))
    }

    /// The indexes of all items that match, in their order: the newest first unless the search says.
    pub(super) fn run(&self, world: &StacWorld) -> Vec<u32> {
        let mut found: Vec<u32> = match &self.ids {
            Some(ids) => {
                let mut known: Vec<u64> = ids.iter().filter_map(|id| world.index_of(id)).collect();
                known.sort_unstable_by(|a, b| b.cmp(a));
                known.dedup();
                known.into_iter().filter(|index| self.matches(world, *index)).map(|i| i as u32).collect()
            }
            None => {
                let time = self.time.unwrap_or(Interval { from: i64::MIN, until: i64::MAX });
                let first = world.first_at(time.from.saturating_sub(LONGEST));
                let end = world.first_at(time.until.saturating_add(1)).max(first);
                (first..end).rev().filter(|index| self.matches(world, *index)).map(|i| i as u32).collect()
            }
        };
        if !self.order.is_empty() {
            self.sort(world, &mut found);
        }
        found
    }

    fn matches(&self, world: &StacWorld, index: u64) -> bool {
        let collection = Meta::collection_of(world, index);
        if self.collections.as_ref().is_some_and(|wanted| !wanted.contains(&collection)) {
            return false;
        }
        if self.time.is_some_and(|time| !time.overlaps(Meta::time_of(world, index, collection))) {
            return false;
        }
        if self.area.is_none() && self.conditions.is_empty() {
            return true;
        }
        let meta = Meta::new(world, index);
        self.area.is_none_or(|area| area.overlaps(&meta.area))
            && self.conditions.iter().all(|condition| condition.holds(&meta))
    }

    /// Sorts by all keys, and then by the index.
    fn sort(&self, world: &StacWorld, found: &mut Vec<u32>) {
        let keys = |index: &u32| {
            let meta = Meta::new(world, u64::from(*index));
            let key = |(property, _): &(Property, bool)| match property {
                Property::Datetime => Some(Scalar::Time(meta.time.from)),
                other => other.of(&meta),
            };
            (self.order.iter().map(key).collect::<Vec<_>>(), *index)
        };
        let mut all: Vec<_> = found.iter().map(keys).collect();
        all.sort_by(|(a, n), (b, m)| {
            for (place, (_, descends)) in self.order.iter().enumerate() {
                let order = compare(a[place].as_ref(), b[place].as_ref());
                if order.is_ne() {
                    return if *descends { order.reverse() } else { order };
                }
            }
            n.cmp(m)
        });
        *found = all.into_iter().map(|(_, index)| index).collect();
    }
}

/// What is absent is greater than all else, as in PostgreSQL.
fn compare(a: Option<&Scalar>, b: Option<&Scalar>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    let all = value.as_array().map(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
    all.flatten().ok_or_else(|| "it is a list of texts".to_owned())
}

fn order(value: &Value) -> Result<Vec<(Property, bool)>, String> {
    let wrong = || "it is a list of objects with `field` and `direction` (asc or desc)".to_owned();
    let one = |key: &Value| {
        let field = key["field"].as_str().ok_or_else(wrong)?;
        let descends = match key.get("direction").and_then(Value::as_str) {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(wrong()),
        };
        match Property::named(field) {
            Property::Unknown => Err(format!("there is no property `{field}` to sort by")),
            property => Ok((property, descends)),
        }
    };
    value.as_array().ok_or_else(wrong)?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(world: &StacWorld, body: Value) -> Vec<u32> {
        Search::read(world, body.as_object().unwrap()).unwrap().run(world)
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        #[test]
        fn a_search_divided_in_time_is_the_whole_search(cut in 1_640_900_000i64..1_735_700_000) {
            let world: StacWorld = "2000".parse().unwrap();
            let at = |time: i64| chrono::DateTime::from_timestamp_millis(time).unwrap().to_rfc3339();
            let before = found(&world, json!({"datetime": format!("../{}", at(cut * 1000 - 1))}));
            let after = found(&world, json!({"datetime": format!("{}/..", at(cut * 1000))}));
            let mut both = [after, before].concat();
            both.sort_unstable();
            // Composites may lie in both.
            both.dedup();
            proptest::prop_assert_eq!(both, (0..2000).collect::<Vec<u32>>());
        }
    }

    #[test]
    fn what_lies_in_time_and_space_is_what_is_found_by_looking_at_all() {
        let world: StacWorld = "3000".parse().unwrap();
        let all: Vec<Meta> = (0..3000).map(|index| Meta::new(&world, index)).collect();
        let (time, area) =
            (Interval::read("2022-07-02T00:00:00Z/2022-07-05T00:00:00Z").unwrap(), [0.0, 40.0, 20.0, 60.0]);
        let box_ = Area::read(&area).unwrap();
        let mut right: Vec<u32> = all
            .iter()
            .filter(|meta| time.overlaps(meta.time) && box_.overlaps(&meta.area))
            .map(|meta| meta.index as u32)
            .collect();
        right.reverse();
        assert!(right.len() > 20, "{}", right.len());
        let body = json!({"datetime": "2022-07-02T00:00:00Z/2022-07-05T00:00:00Z", "bbox": area});
        assert_eq!(found(&world, body), right);
    }

    #[test]
    fn orders_have_keys_and_absent_is_greatest() {
        let world: StacWorld = "300".parse().unwrap();
        let sorted =
            found(&world, json!({"sortby": [{"field": "properties.eo:cloud_cover", "direction": "desc"}]}));
        let clouds: Vec<u32> = sorted.iter().map(|i| Meta::new(&world, u64::from(*i)).cloud).collect();
        assert!(clouds.is_sorted_by(|a, b| a >= b) && sorted.len() == 300);
        assert_eq!(found(&world, json!({"sortby": [{"field": "datetime"}]})), (0..300).collect::<Vec<_>>());
        let sorted = found(&world, json!({"sortby": [{"field": "start_datetime"}]}));
        assert!(Meta::new(&world, u64::from(sorted[0])).home().is_composite);
        assert!(!Meta::new(&world, u64::from(sorted[299])).home().is_composite);
        assert_eq!(found(&world, json!({})), (0..300).rev().collect::<Vec<_>>());
    }

    #[test]
    fn ids_and_collections() {
        let world: StacWorld = "300".parse().unwrap();
        let ids: Vec<String> = [7, 7, 200].map(|index| Meta::new(&world, index).id()).to_vec();
        assert_eq!(found(&world, json!({"ids": ids})), [200, 7]);
        assert_eq!(found(&world, json!({"ids": ["nobody"]})), [0u32; 0]);
        assert_eq!(found(&world, json!({"collections": ["unknown"]})), [0u32; 0]);
        let per: usize =
            COLLECTIONS.iter().map(|one| found(&world, json!({"collections": [one.id]})).len()).sum();
        assert_eq!(per, 300);
    }

    #[test]
    fn mistakes_name_their_parameter() {
        let world: StacWorld = "300".parse().unwrap();
        for (body, name) in [
            (json!({"limit": 0}), "limit"),
            (json!({"datetime": "2024-01-01"}), "datetime"),
            (json!({"bbox": [1, 2]}), "bbox"),
            (json!({"ids": "a"}), "ids"),
            (json!({"sortby": [{"field": "shoe"}]}), "sortby"),
            (json!({"filter": {"op": "?"}}), "filter"),
            (json!({"filter-lang": "cql2-text"}), "filter-lang"),
            (json!({"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [1, 1]}}), "bbox"),
        ] {
            let problem = Search::read(&world, body.as_object().unwrap()).unwrap_err();
            assert!(problem.starts_with(name), "{body}: {problem}");
        }
    }
}
