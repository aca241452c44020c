//! The lazy document against a document tree, on the same operations.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Node, Path, Put, Segment, Selection, ValueTemplate};

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn put(json: &str, at: &str, how: Put, value: &str) -> String {
    let mut node = Node::new(json);
    node.put(path(at).segments(), how, &Node::new(value)).unwrap();
    node.json().into_owned()
}

#[test]
fn what_is_not_touched_keeps_its_text() {
    let json = r#"{ "b" : 12345678901234567890.10 , "\u0061": {"x": 1e400, "y":[ 1 ,2]}, "c": "\u00fc" }"#;
    let mut node = Node::new(json);
    assert_eq!(node.find(path("a.y[1]").segments()).unwrap().unwrap().json(), "2");
    assert_eq!(node.json(), json, "looking changes nothing");
    assert_eq!(
        put(json, "a.z", Put::Replace, "0"),
        r#"{"b":12345678901234567890.10,"\u0061":{"x":1e400,"y":[ 1 ,2],"z":0},"c":"\u00fc"}"#
    );
}

#[test]
fn values_are_put() {
    for (json, at, how, value, made) in [
        ("{}", "a.b.c", Put::Replace, "1", r#"{"a":{"b":{"c":1}}}"#),
        (r#"{"a":null}"#, "a.b", Put::Replace, "1", r#"{"a":{"b":1}}"#),
        (
            r#"{"a":{"x":{"p":1},"y":{}}}"#,
            "a.*.t",
            Put::Replace,
            "2",
            r#"{"a":{"x":{"p":1,"t":2},"y":{"t":2}}}"#,
        ),
        (r#"{"l":[{"h":1},{}]}"#, "l[*].h", Put::UpdateOnly, "2", r#"{"l":[{"h":2},{}]}"#),
        (r#"{"l":[1,2]}"#, "l[1]", Put::Replace, "9", r#"{"l":[1,9]}"#),
        ("{}", "a.*.b", Put::Replace, "1", "{}"),
        ("{}", "a.b", Put::UpdateOnly, "1", "{}"),
        (r#"{"a":5}"#, "a.b", Put::UpdateOnly, "1", r#"{"a":5}"#),
        (
            r#"{"a":{"b":{"c":1},"d":2}}"#,
            "a",
            Put::Merge,
            r#"{"b":{"e":3},"d":[4]}"#,
            r#"{"a":{"b":{"c":1,"e":3},"d":[4]}}"#,
        ),
        (r#"{"a":1,"a":2}"#, "a", Put::Replace, "3", r#"{"a":1,"a":3}"#),
    ] {
        assert_eq!(put(json, at, how, value), made, "{json} {at}");
    }
    for (json, at, said) in [
        (r#"{"a":5}"#, "a.b", "`b` cannot be put into a number"),
        (r#"{"a":[]}"#, "a.b", "into a list"),
        (r#"{"a":[]}"#, "a[0]", "no element 0"),
    ] {
        let error = Node::new(json).put(path(at).segments(), Put::Replace, &Node::new("1")).unwrap_err();
        assert!(error.to_string().contains(said), "{json} {at}: {error}");
    }
}

#[test]
fn fields_are_selected_and_removed() {
    let json = r#"{"id":1,"p":{"a":1,"b":2},"l":[{"h":1,"r":2},{"r":3},4],"e":{}}"#;
    let select = |paths: &[&str]| {
        let mut node = Node::new(json);
        Selection::new(paths.iter().map(|text| path(text)).collect()).apply(&mut node).unwrap();
        node.json().into_owned()
    };
    assert_eq!(select(&["id", "p.b", "l[*].h", "nope.x"]), r#"{"id":1,"p":{"b":2},"l":[{"h":1}]}"#);
    assert_eq!(select(&["p.*", "p.b.c", "e.x"]), r#"{"p":{"a":1,"b":2}}"#);
    assert_eq!(select(&["l[2]", "e"]), r#"{"l":[4],"e":{}}"#);
    let remove = |at: &str| {
        let mut node = Node::new(json);
        node.remove(path(at).segments()).unwrap();
        node.json().into_owned()
    };
    assert_eq!(remove("l[*].r"), r#"{"id":1,"p":{"a":1,"b":2},"l":[{"h":1},{},4],"e":{}}"#);
    assert_eq!(remove("p.*"), r#"{"id":1,"p":{},"l":[{"h":1,"r":2},{"r":3},4],"e":{}}"#);
    assert_eq!(remove("nope.x"), json);
}

#[test]
fn templates_are_filled_in() {
    let json = r#"{"id":"a\"b","n":1.10,"o":{"x":[1]},"z":null}"#;
    let render = |value: Value| {
        let template = ValueTemplate::parse(&value, &[("item", "id")]).unwrap();
        template.render(&mut Node::new(json)).map(|node| node.json().into_owned())
    };
    assert_eq!(render(json!("{item}/{n} {{}}")).unwrap(), r#""a\"b/1.10 {}""#);
    assert_eq!(render(json!("{n}")).unwrap(), "1.10");
    assert_eq!(render(json!("{o.x[0]}")).unwrap(), "1");
    assert_eq!(render(json!("{none}")).unwrap(), "null");
    assert_eq!(render(json!({"a": ["{o}", 2, "t"]})).unwrap(), r#"{"a":[{"x":[1]},2,"t"]}"#);
    for (text, said) in [("x{none}", "not in the record"), ("x{z}", "null"), ("x{o}", "an object")] {
        assert!(render(json!(text)).unwrap_err().to_string().contains(said), "{text}");
    }
    for text in ["{", "}", "{a..b}", "{a.*}"] {
        assert!(ValueTemplate::parse(&json!(text), &[]).is_err(), "{text}");
    }
}

#[test]
fn broken_text_is_an_error_and_not_a_panic() {
    for json in ["{", "{\"a\"", "{\"a\":", "{\"a\":1", "{1}", "{\"a\":1}}", "{\"a\" 1}", "{\"a", "{]"] {
        let found = Node::new(json).find(path("a.b").segments()).map(|node| node.is_some());
        assert!(!matches!(found, Ok(true)), "{json}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Halves, since `serde_json` reads some other fractions a digit off; the document reads none.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 2.0)),
        "[a-c\"\\\\\n{}\\[\\],:ü]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-c]", 1 => "[a-c\"\\\\ü.]{1,2}"]
}

fn record() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(name(), value(), 0..6)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let step = prop_oneof![
        5 => name().prop_map(Segment::Name),
        2 => Just(Segment::Any),
        1 => (0..3usize).prop_map(Segment::Index),
    ];
    (name().prop_map(Segment::Name), prop::collection::vec(step, 0..3)).prop_map(|(first, rest)| {
        let mut steps = vec![first];
        steps.extend(rest);
        steps
    })
}

/// The values that a path leads to, on a tree.
fn matches<'v>(value: &'v mut Value, path: &[Segment]) -> Vec<&'v mut Value> {
    let Some((first, rest)) = path.split_first() else { return vec![value] };
    let members: Vec<&mut Value> = match (value, first) {
        (Value::Object(map), Segment::Name(name)) => map.get_mut(name).into_iter().collect(),
        (Value::Object(map), Segment::Any) => map.values_mut().collect(),
        (Value::Array(list), Segment::Index(index)) => list.get_mut(*index).into_iter().collect(),
        (Value::Array(list), Segment::Any) => list.iter_mut().collect(),
        _ => Vec::new(),
    };
    members.into_iter().flat_map(|member| matches(member, rest)).collect()
}

/// `put` on a tree; `false` where something stands in the way.
fn tree_put(value: &mut Value, path: &[Segment], how: Put, new: &Value) -> bool {
    let Some((first, rest)) = path.split_first() else {
        match how {
            Put::Merge => tree_merge(value, new),
            _ => *value = new.clone(),
        }
        return true;
    };
    if *first == Segment::Any || !matches(value, std::slice::from_ref(first)).is_empty() {
        let mut fine = true;
        for member in matches(value, std::slice::from_ref(first)) {
            // The document stops at the first mistake, and its record fails.
            fine = fine && tree_put(member, rest, how, new);
        }
        return fine;
    }
    if how == Put::UpdateOnly {
        return true;
    }
    let Segment::Name(name) = first else { return false };
    if rest.contains(&Segment::Any) {
        return true;
    }
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else { return false };
    let mut member = Value::Null;
    if !tree_put(&mut member, rest, Put::Replace, new) {
        return false;
    }
    map.insert(name.clone(), member);
    true
}

fn tree_merge(value: &mut Value, new: &Value) {
    match (value, new) {
        (Value::Object(mine), Value::Object(new)) => {
            for (name, new) in new {
                match mine.get_mut(name) {
                    Some(old) => tree_merge(old, new),
                    None => drop(mine.insert(name.clone(), new.clone())),
                }
            }
        }
        (value, new) => *value = new.clone(),
    }
}

fn tree_remove(value: &mut Value, path: &[Segment]) {
    let (last, parents) = path.split_last().unwrap();
    for parent in matches(value, parents) {
        match (parent, last) {
            (Value::Object(map), Segment::Name(name)) => drop(map.remove(name)),
            (Value::Object(map), Segment::Any) => map.clear(),
            (Value::Array(list), Segment::Index(index)) if *index < list.len() => drop(list.remove(*index)),
            (Value::Array(list), Segment::Any) => list.clear(),
            _ => {}
        }
    }
}

/// A text of the value with blanks that `serde_json` would not write.
fn spaced(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn read(node: &Node<'_>) -> Value {
    serde_json::from_str(&node.json()).unwrap()
}

proptest! {
    #[test]
    fn putting_is_as_on_a_tree(
        record in record(), at in segments(), new in value(), how in prop::sample::select(vec![Put::Replace, Put::Merge, Put::UpdateOnly]),
    ) {
        let (text, new_text) = (spaced(&record), new.to_string());
        let mut node = Node::new(text.as_str());
        let put = node.put(&at, how, &Node::new(new_text));
        let mut tree = record.clone();
        prop_assert_eq!(put.is_ok(), tree_put(&mut tree, &at, how, &new));
        if put.is_ok() {
            prop_assert_eq!(read(&node), tree);
        }
    }

    #[test]
    fn several_changes_are_as_on_a_tree(record in record(), steps in prop::collection::vec((any::<bool>(), segments(), value()), 1..6)) {
        let text = spaced(&record);
        let mut node = Node::new(text.as_str());
        let mut tree = record;
        for (removes, at, new) in steps {
            if removes {
                node.remove(&at).unwrap();
                tree_remove(&mut tree, &at);
            } else if node.put(&at, Put::Replace, &Node::new(new.to_string())).is_ok() {
                prop_assert!(tree_put(&mut tree, &at, Put::Replace, &new));
            } else {
                break;
            }
            prop_assert_eq!(read(&node), tree.clone());
        }
    }

    #[test]
    fn looking_changes_nothing(record in record(), at in segments()) {
        let text = spaced(&record);
        let mut node = Node::new(text.as_str());
        let mut found = Vec::new();
        node.for_each(&at, &mut |node| { found.push(read(node)); Ok(()) }).unwrap();
        let mut tree = record;
        let wanted: Vec<Value> = matches(&mut tree, &at).into_iter().map(|value| value.clone()).collect();
        prop_assert_eq!(found, wanted);
        prop_assert!(node.json() == text.as_str());
    }

    #[test]
    fn any_text_is_an_error_or_a_value(text in "[{}\\[\\]\",:a1 \\\\]{0,20}", at in segments()) {
        let mut node = Node::new(format!("{{{text}"));
        let _ = node.find(&at).map(|node| node.is_some());
        let _ = node.remove(&at);
        let _ = node.put(&at, Put::Merge, &Node::new("{\"a\":1}"));
        let _ = node.json();
    }
}
