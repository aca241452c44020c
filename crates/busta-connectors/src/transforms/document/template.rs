//! Values with placeholders: `{id}`, `{properties.datetime}`.

use busta_core::{Error, Result};
use serde_json::Value;

use super::{Kind, Node, Path};

/// Placeholders that stand for a path: `collection_id` for `collection`.
pub type Aliases = [(&'static str, &'static str)];

/// A text with placeholders.
#[derive(Clone, Debug)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Field(Path),
}

impl Template {
    /// Reads a text; `{{` and `}}` stand for braces.
    pub fn parse(text: &str, aliases: &Aliases) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = (&rest[at..=at], &rest[at + 1..]);
            if let Some(left) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = left;
                continue;
            }
            if brace == "}" {
                return Err(format!("`{text}` has a `}}` without its `{{`; a plain brace is written twice"));
            }
            let (name, left) =
                after.split_once('}').ok_or_else(|| format!("`{text}` has a `{{` without its `}}`"))?;
            let path = aliases.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, path)| path);
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Field(Path::parse_one(path)?));
            rest = left;
        }
        parts.push(Part::Text(plain + rest));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// The text with its placeholders filled in, in JSON's quotes; the value itself, as it stands in the
    /// record, where the text is nothing but one placeholder (`null` if the record has no such field).
    pub fn render<'a>(&self, record: &mut Node<'a>) -> Result<Node<'a>> {
        if let [Part::Field(path)] = self.0.as_slice() {
            return Ok(record.find(path.segments())?.map_or_else(|| Node::new("null"), |node| node.clone()));
        }
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Field(path) => text.push_str(&fill(path, record)?),
            }
        }
        Ok(Node::string(&text))
    }
}

/// A value within a text. What is missing is an error there: `item-` would be found too late.
fn fill(path: &Path, record: &mut Node<'_>) -> Result<String> {
    let wrong = |what: &str| Error::data(format!("`{{{path}}}` cannot be filled in: it is {what}"));
    match record.find(path.segments())? {
        None => Err(wrong("not in the record")),
        Some(node) => match node.kind() {
            Kind::Text => node.as_text().map(|text| text.into_owned()).ok_or_else(|| wrong("no valid text")),
            Kind::Number | Kind::Bool => Ok(node.json().into_owned()),
            kind => Err(wrong(kind.words())),
        },
    }
}

/// A value whose texts are templates.
#[derive(Clone, Debug)]
pub enum ValueTemplate {
    /// A value without placeholders, as JSON.
    Plain(String),
    /// A text with placeholders.
    Text(Template),
    /// A list.
    Array(Vec<ValueTemplate>),
    /// An object; names in JSON's quotes.
    Object(Vec<(String, ValueTemplate)>),
}

impl ValueTemplate {
    /// Reads a value of the configuration.
    pub fn parse(value: &Value, aliases: &Aliases) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => match Template::parse(text, aliases)? {
                template if template.0.iter().any(|part| matches!(part, Part::Field(_))) => {
                    Self::Text(template)
                }
                Template(parts) => Self::Plain(super::quoted(match parts.as_slice() {
                    [Part::Text(text)] => text,
                    _ => "",
                })),
            },
            Value::Array(list) => {
                Self::Array(list.iter().map(|value| Self::parse(value, aliases)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => {
                let field = |(name, value): (&String, &Value)| {
                    Ok((super::quoted(name), Self::parse(value, aliases)?))
                };
                Self::Object(map.iter().map(field).collect::<Result<_, String>>()?)
            }
            other => Self::Plain(other.to_string()),
        })
    }

    /// The value with its placeholders filled in.
    pub fn render<'a>(&self, record: &mut Node<'a>) -> Result<Node<'a>> {
        match self {
            Self::Plain(json) => Ok(Node::new(json.clone())),
            Self::Text(template) => template.render(record),
            Self::Array(_) | Self::Object(_) => {
                let mut json = String::new();
                self.write(record, &mut json)?;
                Ok(Node::new(json))
            }
        }
    }

    fn write(&self, record: &mut Node<'_>, out: &mut String) -> Result<()> {
        match self {
            Self::Plain(json) => out.push_str(json),
            Self::Text(template) => template.render(record)?.write(out),
            Self::Array(list) => {
                out.push('[');
                for (index, value) in list.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    value.write(record, out)?;
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    out.push_str(name);
                    out.push(':');
                    value.write(record, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }
}
