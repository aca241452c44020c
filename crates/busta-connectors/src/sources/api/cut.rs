//! Cutting an answer: the places of its records and a few single values, in one walk over the text.
//!
//! A visitor descends only where a path leads; everything else is checked and skipped, and a record
//! is taken as the slice of text that it is (`RawValue`). All paths that lead into a value have come
//! the same number of steps, so the state of the walk is a depth and a set of paths, which is a byte.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::path::{Segment, Taken};

/// So many single values can be picked besides the records.
pub const MAX_VALUES: usize = 4;

/// The bit of the records' path; those of the values follow.
const RECORDS: u8 = 1;

/// What to cut out of an answer.
#[derive(Clone, Debug)]
pub struct Cut {
    paths: Vec<Vec<Segment>>,
    taken: Taken,
    /// The records' path may lead to several nodes.
    many: bool,
    wanted: u8,
}

/// What was cut out of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pieces<'a> {
    /// The JSON texts of the records' items, whatever their type, as places in the text.
    pub items: Vec<Range<u32>>,
    /// Whether the records' path led somewhere (if only to `null`).
    pub found: bool,
    /// The JSON texts of the values, in the order of their paths.
    pub values: [Option<&'a str>; MAX_VALUES],
}

impl Cut {
    /// Cuts the records at `records` (none: no records) and the values at `values`, of which those
    /// beyond [`MAX_VALUES`] are not looked at.
    pub fn new(records: Option<(Vec<Segment>, Taken)>, values: &[Option<Vec<Segment>>]) -> Self {
        let mut wanted = u8::from(records.is_some()) * RECORDS;
        let (records, taken) = records.unwrap_or((Vec::new(), Taken::Node));
        let mut paths = vec![records];
        for (index, value) in values.iter().take(MAX_VALUES).enumerate() {
            wanted |= u8::from(value.is_some()) << (index + 1);
            paths.push(value.clone().unwrap_or_default());
        }
        Self { many: paths[0].contains(&Segment::Any), paths, taken, wanted }
    }

    /// Cuts `text`, which must be one JSON value and shorter than 4 GiB.
    pub fn apply<'a>(&self, text: &'a str) -> serde_json::Result<Pieces<'a>> {
        let mut out = Out { base: text.as_ptr() as usize, whole: false, pieces: Pieces::default() };
        self.walk(text, 0, self.wanted, &mut out)?;
        if out.whole {
            // The records' path led to one object, which is known only once it has been entered.
            let single = Self::new(None, &[Some(self.paths[0].clone())]);
            if let Some(object) = single.apply(text)?.values[0] {
                out.take(object);
            }
        }
        Ok(out.pieces)
    }

    fn walk<'a>(&self, text: &'a str, depth: usize, paths: u8, out: &mut Out<'a>) -> serde_json::Result<()> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Walk { cut: self, depth, paths, out }.deserialize(&mut deserializer)?;
        deserializer.end()
    }

    /// Takes the records out of a node that their path has led to.
    fn take_node<'a>(&self, text: &'a str, depth: usize, out: &mut Out<'a>) -> serde_json::Result<()> {
        match (text.as_bytes().first(), self.taken) {
            (Some(b'['), _) | (Some(b'{'), Taken::Children) => {
                let walk = Walk { cut: self, depth, paths: RECORDS, out };
                serde_json::Deserializer::from_str(text).deserialize_any(Descent { walk, items: true })
            }
            (Some(b'n'), _) | (_, Taken::Children) => Ok(()),
            _ => {
                out.take(text);
                Ok(())
            }
        }
    }

    /// The paths out of `paths` that have come to their end at `depth`.
    fn ending(&self, paths: u8, depth: usize) -> u8 {
        self.select(paths, |path| path.len() == depth)
    }

    fn select(&self, paths: u8, mut keep: impl FnMut(&[Segment]) -> bool) -> u8 {
        let mut selected = 0;
        for (index, path) in self.paths.iter().enumerate() {
            if paths & (1 << index) != 0 && keep(path) {
                selected |= 1 << index;
            }
        }
        selected
    }
}

struct Out<'a> {
    base: usize,
    /// The records' path has led to an object.
    whole: bool,
    pieces: Pieces<'a>,
}

impl<'a> Out<'a> {
    fn take(&mut self, text: &'a str) {
        // Texts are shorter than 4 GiB: the cap on answers sees to it.
        let start = (text.as_ptr() as usize - self.base) as u32;
        self.pieces.items.push(start..start + text.len() as u32);
    }
}

/// The walk at one value: `paths` lead to it or beyond.
struct Walk<'c, 'o, 'a> {
    cut: &'c Cut,
    depth: usize,
    paths: u8,
    out: &'o mut Out<'a>,
}

impl<'a> DeserializeSeed<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        let Walk { cut, depth, paths, .. } = self;
        let ending = cut.ending(paths, depth);
        let records = ending & RECORDS != 0;
        self.out.pieces.found |= records;
        if ending == 0 || (paths == RECORDS && !cut.many) {
            return deserializer.deserialize_any(Descent { walk: self, items: records });
        }
        // Several paths meet here, or a value is taken: the text serves them all.
        let text = <&RawValue as serde::Deserialize>::deserialize(deserializer)?.get();
        for index in 1..cut.paths.len() {
            if ending & (1 << index) != 0 {
                self.out.pieces.values[index - 1] = Some(text);
            }
        }
        if records {
            cut.take_node(text, depth, self.out).map_err(serde::de::Error::custom)?;
        }
        match paths & !ending {
            0 => Ok(()),
            rest => cut.walk(text, depth, rest, self.out).map_err(serde::de::Error::custom),
        }
    }
}

/// Into an array or object: to go on, or, with `items`, to take what is in it as records.
struct Descent<'c, 'o, 'a> {
    walk: Walk<'c, 'o, 'a>,
    items: bool,
}

impl Descent<'_, '_, '_> {
    /// What is neither array nor object leads no further; at the end of the records' path it is an
    /// item that the caller will refuse.
    fn scalar(self) {
        self.walk.out.whole |= self.items && self.walk.cut.taken == Taken::Node;
    }
}

impl<'a> Visitor<'a> for Descent<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        let Walk { cut, depth, paths, out } = self.walk;
        if self.items {
            while let Some(item) = list.next_element::<&RawValue>()? {
                out.take(item.get());
            }
            return Ok(());
        }
        for index in 0.. {
            let next = cut.select(paths, |path| match &path[depth] {
                Segment::Any => true,
                Segment::Index(wanted) => *wanted == index,
                Segment::Name(_) => false,
            });
            let more = if next == 0 {
                list.next_element::<IgnoredAny>()?.is_some()
            } else {
                list.next_element_seed(Walk { cut, depth: depth + 1, paths: next, out })?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Walk { cut, depth, paths, out } = self.walk;
        if self.items && cut.taken == Taken::Node {
            out.whole = true;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        if self.items {
            while map.next_key::<IgnoredAny>()?.is_some() {
                out.take(map.next_value::<&RawValue>()?.get());
            }
            return Ok(());
        }
        while let Some(next) = map.next_key_seed(Key { cut, depth, paths })? {
            if next == 0 {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Walk { cut, depth: depth + 1, paths: next, out })?;
            }
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
}

/// Reads a field's name as the set of paths that go on in the field.
struct Key<'c> {
    cut: &'c Cut,
    depth: usize,
    paths: u8,
}

impl<'a> DeserializeSeed<'a> for Key<'_> {
    type Value = u8;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<u8, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = u8;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<u8, E> {
        Ok(self.cut.select(self.paths, |path| match &path[self.depth] {
            Segment::Any => true,
            Segment::Name(wanted) => wanted == name,
            Segment::Index(_) => false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json_path::JsonPath;

    use super::super::path::{RecordsPath, parse_value};
    use super::*;

    fn cut(path: &str, values: &[&str]) -> Cut {
        let RecordsPath::Simple(segments, taken) = RecordsPath::parse(path).unwrap() else {
            panic!("{path}")
        };
        let values: Vec<_> = values.iter().map(|path| Some(parse_value(path).unwrap())).collect();
        Cut::new(Some((segments, taken)), &values)
    }

    fn items<'a>(path: &str, text: &'a str) -> Vec<&'a str> {
        let spans = cut(path, &[]).apply(text).unwrap().items;
        spans.into_iter().map(|span| &text[span.start as usize..span.end as usize]).collect()
    }

    #[test]
    fn records_are_cut_as_they_stand() {
        let page = r#"{"meta": {"n": 2}, "items": [ {"a": 1.50} , {"b":[ ]},3 ]}"#;
        assert_eq!(items("$.items", page), [r#"{"a": 1.50}"#, r#"{"b":[ ]}"#, "3"]);
        assert_eq!(items("$.items[*]", page), items("$.items", page));
        assert_eq!(items("$.meta", page), [r#"{"n": 2}"#]);
        assert_eq!(items("$.meta.n", page), ["2"]);
        assert_eq!(items("$", page), [page]);
        assert_eq!(items("$", " [1, 2] "), ["1", "2"]);
        assert_eq!(items("$.*", r#"{"x":{"a":1},"y":{"b":2}}"#), [r#"{"a":1}"#, r#"{"b":2}"#]);
        let groups = r#"{"g":[{"i":[1,2]},{"i":{"o":1}},{"i":null},{},{"i":[3]}]}"#;
        assert_eq!(items("$.g[*].i", groups), ["1", "2", r#"{"o":1}"#, "3"]);
    }

    #[test]
    fn values_are_picked_on_the_way() {
        let page = r#"{"next":"x","items":[{"a":1},{"a":2}],"meta":{"total":2,"next":null}}"#;
        let pieces =
            cut("$.items", &["$.next", "$.meta.total", "$.meta.next", "$.items[1].a"]).apply(page).unwrap();
        assert_eq!(pieces.values, [Some("\"x\""), Some("2"), Some("null"), Some("2")]);
        assert_eq!(pieces.items.len(), 2);
        let pieces = cut("$", &["$.next"]).apply(page).unwrap();
        assert_eq!((pieces.items.len(), pieces.values[0]), (1, Some("\"x\"")));
        assert_eq!(cut("$.items", &["$.gone"]).apply(page).unwrap().values[0], None);
    }

    #[test]
    fn nothing_is_told_apart_from_none() {
        for (page, found) in
            [("{}", false), (r#"{"items":null}"#, true), (r#"{"items":[]}"#, true), ("[]", false)]
        {
            let pieces = cut("$.items", &[]).apply(page).unwrap();
            assert_eq!((pieces.found, pieces.items.len()), (found, 0), "{page}");
        }
    }

    #[test]
    fn broken_json_is_an_error() {
        for page in
            ["", "{", r#"{"items":[1,}"#, r#"{"items":[]} x"#, "<html>", r#"{"other":tru,"items":[]}"#]
        {
            assert!(cut("$.items", &[]).apply(page).is_err(), "{page}");
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c\"\\\\é]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// What a document tree gives: the nodes of the path; of an array, its elements.
    fn by_tree<'a>(path: &str, document: &'a Value) -> Vec<&'a Value> {
        let nodes = JsonPath::parse(path).unwrap().query(document).all();
        if path.ends_with('*') || path.ends_with("[*]") {
            return nodes;
        }
        let elements = |node: &'a Value| match node {
            Value::Array(list) => list.iter().collect(),
            Value::Null => Vec::new(),
            other => vec![other],
        };
        nodes.into_iter().flat_map(elements).collect()
    }

    proptest! {
        #[test]
        fn cutting_equals_querying_a_tree(
            document in document(),
            path in r"\$(\.[a-c]|\[\*\]|\.\*|\[[0-2]\]|\['[a-c]'\]){0,4}",
            value in r"\$(\.[a-c]|\[[0-2]\]){0,3}",
            pretty in any::<bool>(),
        ) {
            let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
            let text = text.unwrap();
            let pieces = cut(&path, &[&value]).apply(&text).unwrap();
            let items: Vec<Value> = pieces.items.iter()
                .map(|span| serde_json::from_str(&text[span.start as usize..span.end as usize]).unwrap())
                .collect();
            prop_assert_eq!(items.iter().collect::<Vec<_>>(), by_tree(&path, &document));
            let picked: Option<Value> = pieces.values[0].map(|text| serde_json::from_str(text).unwrap());
            prop_assert_eq!(picked.as_ref(), JsonPath::parse(&value).unwrap().query(&document).first());
        }
    }
}
