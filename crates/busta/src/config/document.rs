//! A configuration file with its tree: finds the place of a path and shows the line without secrets.

use busta_core::connector::{ConfigProblem, PathPart};
use busta_core::secret::{MASK, redact};

use super::expand::{register_in_url, smells_of_secret};
use super::problem::{ConfigErrors, Problem, show};
use super::suggest::{closest, quoted};
use busta_connectors::formats::yaml::{Content, Node, Place};

/// Lines are shown up to this many characters.
const SHOWN: usize = 160;

pub struct Document {
    /// The file as the user named it.
    pub name: String,
    pub text: String,
    /// Absent as long as the YAML could not be read.
    pub root: Option<Node>,
}

impl Document {
    /// A problem at a path of the tree.
    pub fn problem(&self, path: Vec<PathPart>, message: &str) -> Problem {
        self.located(&ConfigProblem { path, message: message.to_owned() }, &[])
    }

    /// A connector's or serde's complaint, in the words of YAML and with its place. `others` are
    /// further names that an unknown key may have been meant to be.
    pub fn located(&self, raw: &ConfigProblem, others: &[&str]) -> Problem {
        let message = humanise(&raw.message);
        let mut path = raw.path.clone();
        let names = quoted(&message);
        let unknown = message.starts_with("unknown key").then(|| names.first().copied()).flatten();
        if let (Some(name), Some(root)) = (unknown, &self.root) {
            complete(root, &mut path, name);
        }
        let suggestion = if message.starts_with("unknown ") {
            let known = names.iter().skip(1).copied().chain(others.iter().copied());
            names.first().and_then(|name| closest(name, known)).map(str::to_owned)
        } else {
            None
        };
        let (place, message) = match &self.root {
            Some(root) => {
                let (node, place, _) = root.locate(&path, unknown.is_some());
                (Some(place), without_secret(node, &message))
            }
            None => (None, message.clone()),
        };
        Problem { place, path, message, suggestion }
    }

    /// All problems, sorted and each with its line.
    pub fn errors(&self, mut problems: Vec<Problem>) -> ConfigErrors {
        problems.sort_by(|a, b| (a.place, &a.message).cmp(&(b.place, &b.message)));
        problems.dedup();
        ConfigErrors { problems: problems.iter().map(|problem| self.render(problem)).collect() }
    }

    fn render(&self, problem: &Problem) -> String {
        let said = show(problem);
        let Some(place) = problem.place.map(|place| self.clamp(place)) else {
            return format!("{}: {said}", self.name);
        };
        let head = format!("{}:{}:{}: {said}", self.name, place.line, place.column);
        let Some((line, column)) = self.line(place) else { return head };
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        format!("{head}\n  {number} | {line}\n  {margin} | {}^", " ".repeat(column))
    }

    /// The scanner misses what is not there at the end of the file: the last line shows it better.
    fn clamp(&self, place: Place) -> Place {
        let last = self.text.trim_end().lines().count().max(1);
        if place.line <= last {
            return place;
        }
        let width = self.text.lines().nth(last - 1).map_or(0, |line| line.trim_end().chars().count());
        Place { line: last, column: width + 1 }
    }

    /// The line with secrets masked, and how many characters stand before the place in it.
    fn line(&self, place: Place) -> Option<(String, usize)> {
        let line = self.text.lines().nth(place.line - 1)?;
        let (shown, column) = match &self.root {
            Some(root) => mask_nodes(root, line, self.offset(place.line), place.column - 1),
            None => {
                register_in_url(line);
                (mask_by_key(&self.text, place.line, line), place.column - 1)
            }
        };
        let shown: String =
            redact(&shown).chars().take(SHOWN).map(|c| if c == '\t' { ' ' } else { c }).collect();
        let column = column.min(shown.chars().count());
        Some((shown.trim_end().to_owned(), column))
    }

    /// The character at which a line starts.
    fn offset(&self, line: usize) -> usize {
        self.text.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum()
    }
}

/// The path to the unknown key itself. Inside a tagged choice serde only knows where the choice is,
/// so the key is searched for below, and taken if there is just one.
fn complete(root: &Node, path: &mut Vec<PathPart>, name: &str) {
    let is_last = |path: &[PathPart]| matches!(path.last(), Some(PathPart::Key(key)) if key == name);
    let (node, _, steps) = root.locate(path, false);
    if steps == path.len() && is_last(path) && node_has_no(node, name) {
        return;
    }
    if steps < path.len() && is_last(path) {
        path.pop();
    }
    let (node, ..) = root.locate(path, false);
    let mut found = Vec::new();
    search(node, name, &mut Vec::new(), &mut found);
    if let [only] = found.as_slice() {
        path.extend(only.iter().cloned());
    } else if node.entry(name).is_some() {
        path.push(PathPart::Key(name.to_owned()));
    }
}

fn node_has_no(node: &Node, name: &str) -> bool {
    node.entry(name).is_none()
}

fn search(node: &Node, name: &str, here: &mut Vec<PathPart>, found: &mut Vec<Vec<PathPart>>) {
    match &node.content {
        Content::Scalar { .. } => {}
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                here.push(PathPart::Index(index));
                search(item, name, here, found);
                here.pop();
            }
        }
        Content::Map(entries) => {
            for entry in entries {
                here.push(PathPart::Key(entry.key.clone()));
                if entry.key == name {
                    found.push(here.clone());
                }
                search(&entry.value, name, here, found);
                here.pop();
            }
        }
    }
}

/// serde speaks of Rust's types; the reader of the message wrote YAML.
fn humanise(message: &str) -> String {
    const WORDS: [(&str, &str); 17] = [
        ("unknown field", "unknown key"),
        ("unknown variant", "unknown value"),
        ("missing field", "missing key"),
        ("duplicate field", "duplicate key"),
        ("invalid type: map", "a mapping stands here"),
        ("invalid type: sequence", "a list stands here"),
        ("invalid type: null", "nothing stands here"),
        ("invalid type: unit value", "nothing stands here"),
        ("invalid type: boolean", "wrong type: boolean"),
        ("invalid type: integer", "wrong type: number"),
        ("invalid type: floating point", "wrong type: number"),
        ("invalid type: string", "wrong type: text"),
        ("invalid value: integer", "wrong value:"),
        ("invalid value: string", "wrong value:"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list"),
        ("expected a string", "expected a text"),
    ];
    let mut text = WORDS.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to));
    for number in ["usize", "u64", "u32", "u16", "u8", "nonzero usize"] {
        text = text.replace(&format!("expected {number}"), "expected a whole number, 0 or more");
    }
    if text.ends_with("expected a map") {
        text.push_str("ping");
    }
    match text.split_once("expected struct ") {
        Some((before, name)) if !name.contains(' ') => format!("{before}expected a mapping"),
        _ => text,
    }
}

/// serde repeats the value it did not like.
fn without_secret(node: &Node, message: &str) -> String {
    let mut safe = message.to_owned();
    node.visit(&mut |node| {
        if let Content::Scalar { text, .. } = &node.content
            && node.secret
            && !text.is_empty()
        {
            safe = safe.replace(text.as_str(), MASK);
        }
    });
    safe
}

/// Masks the characters of secret scalars in `line`, which begins at character `offset`.
fn mask_nodes(root: &Node, line: &str, offset: usize, column: usize) -> (String, usize) {
    let mut hidden = Vec::new();
    root.visit(&mut |node| {
        if node.secret {
            hidden.push(node.range.clone());
        }
    });
    let (mut shown, mut caret, mut masking) = (String::new(), column, false);
    for (index, c) in line.chars().enumerate() {
        if index == column {
            caret = shown.chars().count();
        }
        let secret = hidden.iter().any(|range| range.contains(&(offset + index)));
        if !secret {
            shown.push(c);
        } else if !masking {
            shown.push_str(MASK);
        }
        masking = secret;
    }
    (shown, caret)
}

/// Without a tree, whatever follows a key that smells of a secret is masked, and the lines that are
/// indented below such a key.
fn mask_by_key(text: &str, number: usize, line: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let above =
        text.lines().take(number - 1).filter(|l| !l.trim().is_empty() && indent(l) < indent(line)).last();
    if above.is_some_and(|above| secret_key_end(above).is_some()) {
        return format!("{}{MASK}", " ".repeat(indent(line)));
    }
    match secret_key_end(line) {
        Some(end) if end < line.len() => format!("{} {MASK}", &line[..end]),
        _ => line.to_owned(),
    }
}

/// Where the colon after the first key that smells of a secret ends.
fn secret_key_end(line: &str) -> Option<usize> {
    line.match_indices(':').map(|(at, _)| at).find_map(|at| {
        let before = line[..at].trim_end_matches(['"', '\'', ' ']);
        let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next()?;
        smells_of_secret(name).then_some(at + 1)
    })
}
