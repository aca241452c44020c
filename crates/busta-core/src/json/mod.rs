//! The shallow walk over a record: its top-level fields as slices of its text, with no document tree.

mod walk;

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Calls `each` with the name and the JSON text of every top-level field of `object`, in order.
///
/// The text of a field is valid JSON without surrounding blanks. A duplicate name is passed on
/// twice. An error means that `object` is not one JSON object.
pub fn for_each_field<'a>(
    object: &'a [u8],
    mut each: impl FnMut(Cow<'a, str>, &'a str),
) -> serde_json::Result<()> {
    // Validated as a whole, and not name by name and value by value: a record has dozens of short ones.
    let object = std::str::from_utf8(object).map_err(serde_json::Error::custom)?;
    let Err(walk::Stopped(known)) = walk::walk(object, |name, raw| each(Cow::Borrowed(name), raw)) else {
        return Ok(());
    };
    let mut nth = 0;
    slow(object, |name, raw| {
        if nth >= known {
            each(name, raw);
        }
        nth += 1;
    })
}

/// The same by the library, whatever the object looks like, and with its errors.
fn slow<'a>(object: &'a str, each: impl FnMut(Cow<'a, str>, &'a str)) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(object);
    deserializer.deserialize_map(Fields(each))?;
    deserializer.end()
}

/// The JSON text of the field `name`, if `object` is an object that has it (the last one wins).
pub fn field<'a>(object: &'a [u8], name: &str) -> Option<&'a str> {
    let mut found = None;
    for_each_field(object, |key, raw| {
        if key == name {
            found = Some(raw);
        }
    })
    .ok()?;
    found
}

struct Fields<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de str)> Visitor<'de> for Fields<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            let raw: &RawValue = map.next_value()?;
            (self.0)(key, raw.get());
        }
        Ok(())
    }
}

/// A key that borrows from the input where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_as_slices() {
        let mut seen = Vec::new();
        for_each_field(br#"{"a": 1 , "b\n":{"c":[1, 2]}, "d":null}"#, |k, v| seen.push((k.into_owned(), v)))
            .unwrap();
        assert_eq!(seen, [("a".into(), "1"), ("b\n".into(), r#"{"c":[1, 2]}"#), ("d".into(), "null")]);
    }

    #[test]
    fn only_one_object_is_accepted() {
        for wrong in ["", "[]", "1", "{} {}", r#"{"a":}"#, r#"{"a":1"#] {
            assert!(for_each_field(wrong.as_bytes(), |_, _| {}).is_err(), "{wrong}");
        }
    }
}
