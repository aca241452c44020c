//! The API's description as a page: readable without a script, a network or a key.

use std::fmt::Write;

use serde_json::{Map, Value};

const STYLE: &str = "
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow-x:auto;padding:.6rem;border:1px solid #8886;border-radius:6px}
section{border-top:1px solid #8886;padding:.4rem 0 1rem}
h3{margin:.8rem 0 .2rem}table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
.method{font-weight:700;text-transform:uppercase}nav a{margin-right:1rem}
";

/// The page for an OpenAPI document.
pub(crate) fn page(document: &Value) -> String {
    let mut out = String::with_capacity(64 << 10);
    // Writing to a text cannot fail.
    let _ = write_page(document, &mut out);
    out
}

fn write_page(document: &Value, out: &mut String) -> std::fmt::Result {
    write!(
        out,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>busta API</title><style>{STYLE}</style>\
         <h1>busta API</h1><p>{}</p><p><a href=\"/api/v1/openapi.json\">OpenAPI document</a></p><nav>",
        prose(document["info"]["description"].as_str()),
    )?;
    let tags: Vec<&str> = items(&document["tags"]).filter_map(|tag| tag["name"].as_str()).collect();
    for tag in &tags {
        write!(out, "<a href=\"#{0}\">{0}</a>", escape(tag))?;
    }
    out.push_str("<a href=\"#types\">types</a></nav>");
    for tag in items(&document["tags"]) {
        let name = tag["name"].as_str().unwrap_or_default();
        write!(out, "<h2 id=\"{0}\">{0}</h2><p>{1}</p>", escape(name), prose(tag["description"].as_str()))?;
        for (path, method, operation) in operations(document) {
            if items(&operation["tags"]).any(|tag| tag == name) {
                write_operation(path, method, operation, out)?;
            }
        }
    }
    out.push_str("<h2 id=\"types\">types</h2>");
    for (name, schema) in fields(&document["components"]["schemas"]) {
        write_type(name, schema, out)?;
    }
    out.push_str("</html>");
    Ok(())
}

fn write_operation(path: &str, method: &str, operation: &Value, out: &mut String) -> std::fmt::Result {
    write!(
        out,
        "<section><h3><span class=\"method\">{}</span> <code>{}</code></h3><p><b>{}</b>. {}</p>",
        escape(method),
        escape(path),
        prose(operation["summary"].as_str()),
        prose(operation["description"].as_str()),
    )?;
    let mut parameters = items(&operation["parameters"]).peekable();
    if parameters.peek().is_some() {
        out.push_str("<table><tr><th>parameter<th>in<th>type<th>");
        for parameter in parameters {
            write!(
                out,
                "<tr><td><code>{}</code><td>{}<td>{}<td>{}",
                escape(parameter["name"].as_str().unwrap_or_default()),
                escape(parameter["in"].as_str().unwrap_or_default()),
                type_of(&parameter["schema"]),
                prose(parameter["description"].as_str()),
            )?;
        }
        out.push_str("</table>");
    }
    for (kind, content) in fields(&operation["requestBody"]["content"]) {
        write!(
            out,
            "<p>Body, may be left out: {} as <code>{}</code></p>",
            type_of(&content["schema"]),
            escape(kind)
        )?;
    }
    out.push_str("<table><tr><th>status<th>answer<th>");
    for (status, answer) in fields(&operation["responses"]) {
        let bodies: Vec<String> = fields(&answer["content"])
            .map(|(kind, content)| format!("{} <code>{}</code>", type_of(&content["schema"]), escape(kind)))
            .collect();
        let words = prose(answer["description"].as_str());
        write!(out, "<tr><td>{}<td>{}<td>{words}", escape(status), bodies.join("<br>"))?;
    }
    out.push_str("</table></section>");
    Ok(())
}

fn write_type(name: &str, schema: &Value, out: &mut String) -> std::fmt::Result {
    write!(
        out,
        "<section id=\"type-{0}\"><h3><code>{0}</code></h3><p>{1}</p>",
        escape(name),
        prose(schema["description"].as_str())
    )?;
    let parts = std::iter::once(schema).chain(items(&schema["allOf"]));
    out.push_str("<table>");
    for part in parts {
        if part["$ref"].is_string() {
            write!(out, "<tr><td>and all of<td>{}<td>", type_of(part))?;
        }
        for (field, schema) in fields(&part["properties"]) {
            let words = prose(schema["description"].as_str());
            write!(out, "<tr><td><code>{}</code><td>{}<td>{words}", escape(field), type_of(schema))?;
        }
    }
    for variant in items(&schema["oneOf"]).chain(items(&schema["enum"])) {
        let word = variant.as_str().or_else(|| variant["enum"][0].as_str()).unwrap_or_default();
        write!(
            out,
            "<tr><td><code>{}</code><td><td>{}",
            escape(word),
            prose(variant["description"].as_str())
        )?;
    }
    out.push_str("</table></section>");
    Ok(())
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    fields(&document["paths"])
        .flat_map(|(path, item)| fields(item).map(move |(method, operation)| (path, method, operation)))
}

/// The type of a schema in a few words, with a link to what has a name.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#type-{0}\"><code>{0}</code></a>", escape(name));
    }
    if let Some(one) =
        items(&schema["oneOf"]).chain(items(&schema["anyOf"])).find(|one| one["type"] != "null")
    {
        return type_of(one);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").unwrap_or(&Value::Null),
        kind => kind,
    };
    match kind.as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some(kind) => match schema["format"].as_str() {
            Some(format) => escape(&format!("{kind} ({format})")),
            None => escape(kind),
        },
        None => "any".to_owned(),
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flat_map(|map: &Map<String, Value>| map.iter().map(|(k, v)| (k.as_str(), v)))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A comment's text: paragraphs, and code between backticks.
fn prose(text: Option<&str>) -> String {
    let escaped = escape(text.unwrap_or_default()).replace("\n\n", "<br>");
    let mut out = String::with_capacity(escaped.len());
    for (n, part) in escaped.split('`').enumerate() {
        match (n, n % 2) {
            (0, _) => {}
            (_, 1) => out.push_str("<code>"),
            _ => out.push_str("</code>"),
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text() {
        assert_eq!(prose(Some("a `<b>` & c")), "a <code>&lt;b&gt;</code> &amp; c");
        assert_eq!(prose(None), "");
    }
}
