//! The suite's expectations: Python expressions in a comment at the top of each feed. The simple ones are
//! translated: paths that are compared with literals, joined by `and`.

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// `entries[0]['title']` as `entries.0.title`.
    pub path: String,
    /// What it should be.
    pub value: Literal,
}

/// A literal of Python.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(i64),
    /// `(2004, 1, 1, 19, 48, 21, 3, 1, 0)`: a time in UTC.
    Numbers(Vec<i64>),
}

/// The expectation of a feed, if it has one.
pub fn find(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("Expect:")?;
    let line = after.split("-->").next().unwrap_or(after);
    Some(line.lines().next().unwrap_or(line).trim())
}

/// The comparisons in an expectation. What is no comparison of that kind is left out.
pub fn comparisons(expression: &str) -> Vec<Comparison> {
    split(expression, " and ").into_iter().flat_map(comparison).collect()
}

/// `a == b == 'x'` gives one for `a` and one for `b`.
fn comparison(clause: &str) -> Vec<Comparison> {
    let sides = split(clause.trim().trim_matches(['(', ')']), "==");
    let Some((last, paths)) = sides.split_last() else { return Vec::new() };
    let value = if clause.trim().ends_with(')') && last.trim().starts_with('(') {
        literal(clause.rsplit("==").next().unwrap_or_default().trim())
    } else {
        literal(last.trim())
    };
    let Some(value) = value else { return Vec::new() };
    paths
        .iter()
        .filter_map(|side| Some(Comparison { path: path(side.trim())?, value: value.clone() }))
        .collect()
}

/// Splits outside of quotes.
fn split<'a>(text: &'a str, by: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut start, mut quote, mut escaped) = (0, None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if at >= start && text[at..].starts_with(by) => {
                parts.push(&text[start..at]);
                start = at + by.len();
            }
            None => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// `entries[0]['title']`, `entries[0].title`, `len(entries)`; `None` for anything else.
fn path(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix("len(").and_then(|rest| rest.strip_suffix(')')) {
        return Some(format!("{}.len", path(inner)?));
    }
    let plain = text.replace(['[', ']'], ".").replace(['\'', '"'], "").replace("..", ".");
    let plain = plain.trim_end_matches('.');
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (plain.starts_with(char::is_alphabetic) && plain.chars().all(fits)).then(|| plain.to_owned())
}

fn literal(text: &str) -> Option<Literal> {
    if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return inner.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>().map(Literal::Numbers);
    }
    if let Ok(number) = text.parse() {
        return Some(Literal::Number(number));
    }
    let text = text.strip_prefix('u').unwrap_or(text);
    if let Some(inner) = text.strip_prefix("\"\"\"").and_then(|rest| rest.strip_suffix("\"\"\"")) {
        return unescaped(inner).map(Literal::Text);
    }
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text[1..].strip_suffix(quote)?;
    unescaped(inner).map(Literal::Text)
}

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let digits = match rest.next()? {
            'n' => {
                out.push('\n');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => {
                out.push(other);
                continue;
            }
        };
        let code: String = rest.by_ref().take(digits).collect();
        out.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
    }
    Some(out)
}

#[test]
fn expressions_are_translated() {
    let one = |path: &str, value| Comparison { path: path.into(), value };
    assert_eq!(
        comparisons(r"not bozo and entries[0]['title'] == entries[1].title == u'a \u2264 and \'b\''"),
        [
            one("entries.0.title", Literal::Text("a ≤ and 'b'".into())),
            one("entries.1.title", Literal::Text("a ≤ and 'b'".into()))
        ]
    );
    assert_eq!(
        comparisons("len(entries) == 2 and entries[0].updated_parsed == (2004, 1, 2)"),
        [
            one("entries.len", Literal::Number(2)),
            one("entries.0.updated_parsed", Literal::Numbers(vec![2004, 1, 2]))
        ]
    );
    assert_eq!(comparisons("bozo and ord(entries[0]['description']) == 8364"), []);
}
