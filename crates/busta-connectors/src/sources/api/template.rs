//! Texts with placeholders: `/orders/{orders.id}/lines`.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a placeholder names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldRef {
    /// The stream whose record it is a field of; [`WITH`] and [`FOLLOW`] for what those give, and empty for a
    /// value of `for_each`.
    pub stream: String,
    /// The field; dots lead into objects.
    pub field: String,
}

/// What stands before the names that `with` gives.
pub const WITH: &str = "with";

/// What stands before the names that `follow.find` gives.
pub const FOLLOW: &str = "follow";

impl FieldRef {
    /// Reads `orders.id` or, for a value of `for_each`, `region`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (stream, field) = text.split_once('.').unwrap_or(("", text));
        if field.is_empty() || (stream.is_empty() && !is_word(field)) {
            return Err(format!(
                "`{text}` must name a field of a stream, such as orders.id, or a value of `for_each`"
            ));
        }
        Ok(Self { stream: stream.to_owned(), field: field.to_owned() })
    }

    /// Its name in [`Fields`].
    pub fn key(&self) -> String {
        if self.stream.is_empty() { self.field.clone() } else { format!("{}.{}", self.stream, self.field) }
    }
}

/// Whether a text can be the name of a value in a placeholder.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// What a split is read for, by the names that placeholders give it: texts, numbers, booleans.
pub type Fields = BTreeMap<String, Value>;

/// A text with placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(FieldRef),
}

impl Template {
    /// Reads a text; `{{` and `}}` stand for braces.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..at + 1];
            let after = &rest[at + 1..];
            if let Some(left) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = left;
            } else if brace == "{" {
                let (name, left) =
                    after.split_once('}').ok_or_else(|| format!("`{text}` has a `{{` without its `}}`"))?;
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Field(FieldRef::parse(name)?));
                rest = left;
            } else {
                return Err(format!("`{text}` has a `}}` without its `{{`; a plain brace is written twice"));
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// The fields that it needs.
    pub fn fields(&self) -> impl Iterator<Item = &FieldRef> {
        self.0.iter().filter_map(|part| match part {
            Part::Field(field) => Some(field),
            Part::Text(_) => None,
        })
    }

    /// The text with its placeholders filled in.
    pub fn render(&self, fields: &Fields) -> String {
        self.fill(fields, |value| value)
    }

    /// The same for the path of a URL: values are encoded so that each stays in its segment.
    pub fn render_path(&self, fields: &Fields) -> String {
        self.fill(fields, |value| path_encoded(&value))
    }

    /// The value itself, with its type, where the text is nothing but one placeholder.
    pub fn render_json(&self, fields: &Fields) -> Value {
        match self.0.as_slice() {
            [Part::Field(field)] => fields.get(&field.key()).cloned().unwrap_or(Value::Null),
            _ => Value::String(self.render(fields)),
        }
    }

    fn fill(&self, fields: &Fields, encode: impl Fn(String) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(field) => encode(fields.get(&field.key()).map(plain).unwrap_or_default()),
        };
        self.0.iter().map(part).collect()
    }
}

/// A value as text: without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters, so that a value stays in its segment.
pub fn path_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A JSON value whose texts are templates.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    /// A text.
    Text(Template),
    /// A value that stands for itself.
    Plain(Value),
    /// An array.
    Array(Vec<JsonTemplate>),
    /// An object.
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// Reads a value.
    pub fn parse(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => Self::Text(Template::parse(text)?),
            Value::Array(list) => Self::Array(list.iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                let field = |(name, value): (&String, &Value)| Ok((name.clone(), Self::parse(value)?));
                Self::Object(map.iter().map(field).collect::<Result<_, String>>()?)
            }
            other => Self::Plain(other.clone()),
        })
    }

    /// The fields that it needs.
    pub fn fields(&self) -> Vec<&FieldRef> {
        match self {
            Self::Text(template) => template.fields().collect(),
            Self::Plain(_) => Vec::new(),
            Self::Array(list) => list.iter().flat_map(Self::fields).collect(),
            Self::Object(map) => map.iter().flat_map(|(_, value)| value.fields()).collect(),
        }
    }

    /// The value with its placeholders filled in.
    pub fn render(&self, fields: &Fields) -> Value {
        match self {
            Self::Text(template) => template.render_json(fields),
            Self::Plain(value) => value.clone(),
            Self::Array(list) => list.iter().map(|value| value.render(fields)).collect(),
            Self::Object(map) => {
                Value::Object(map.iter().map(|(name, value)| (name.clone(), value.render(fields))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Fields {
        [("orders.id".to_owned(), json!(17)), ("orders.who".to_owned(), json!("a/b ü"))].into()
    }

    #[test]
    fn placeholders_are_filled_in() {
        let template = Template::parse("/o/{orders.id}/{{x}}/{orders.who}").unwrap();
        assert_eq!(template.render(&fields()), "/o/17/{x}/a/b ü");
        assert_eq!(template.render_path(&fields()), "/o/17/{x}/a%2Fb%20%C3%BC");
        assert_eq!(template.fields().map(FieldRef::key).collect::<Vec<_>>(), ["orders.id", "orders.who"]);
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, said) in [
            ("/{or ders}", "field of a stream"),
            ("/{}", "field of a stream"),
            ("/{a.b", "without its"),
            ("/a}", "twice"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn json_keeps_types() {
        let body = json!({"id": "{orders.id}", "text": "no {orders.id}", "list": ["{orders.who}", 1, null]});
        let template = JsonTemplate::parse(&body).unwrap();
        assert_eq!(
            template.render(&fields()),
            json!({"id": 17, "text": "no 17", "list": ["a/b ü", 1, null]})
        );
        assert_eq!(template.fields().len(), 3);
    }
}
