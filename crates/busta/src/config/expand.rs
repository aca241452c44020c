//! `${NAME}`, `${NAME:-default}`, `${file:/path}` and the escape `$${` in scalars, and which scalars
//! are secrets.

use busta_core::connector::PathPart;
use busta_core::secret;

use super::env::Environment;
use busta_connectors::formats::yaml::{Content, Node};

/// A reference that leads nowhere.
pub struct Missing {
    pub path: Vec<PathPart>,
    pub message: String,
}

/// Expands every scalar below `root`, and makes secrets known to [`secret::redact`].
pub fn expand(root: &mut Node, environment: &dyn Environment) -> Vec<Missing> {
    let mut walk = Walk { environment, path: Vec::new(), missing: Vec::new() };
    walk.node(root, Trust::default());
    walk.missing
}

/// What the keys above a scalar say about it.
#[derive(Clone, Copy, Default)]
struct Trust {
    in_auth: bool,
    is_secret: bool,
}

struct Walk<'a> {
    environment: &'a dyn Environment,
    path: Vec<PathPart>,
    missing: Vec<Missing>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, trust: Trust) {
        match &mut node.content {
            Content::Scalar { text, plain } => match expand_text(text, self.environment) {
                Ok(expanded) => {
                    let secret =
                        trust.is_secret || expanded.from_file || (trust.in_auth && expanded.from_variable);
                    // A token of digits alone is still a text.
                    *plain &= !secret;
                    node.secret = secret;
                    node.from_variable = expanded.from_variable;
                    *text = expanded.text;
                    if secret {
                        register(text);
                    } else {
                        register_in_url(text);
                    }
                }
                Err(message) => self.missing.push(Missing { path: self.path.clone(), message }),
            },
            Content::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.path.push(PathPart::Index(index));
                    self.node(item, trust);
                    self.path.pop();
                }
            }
            Content::Map(entries) => {
                for entry in entries {
                    let below = Trust {
                        in_auth: trust.in_auth || entry.key == "auth",
                        is_secret: smells_of_secret(&entry.key),
                    };
                    self.path.push(PathPart::Key(entry.key.clone()));
                    self.node(&mut entry.value, below);
                    self.path.pop();
                }
            }
        }
    }
}

fn register(text: &str) {
    secret::register(text);
    // `Authorization: Bearer abc`: a server may echo the token without the scheme.
    if let Some((_, token)) = text.split_once(' ') {
        secret::register(token.trim());
    }
}

/// A password before the host of a URL and parameters such as `?api_key=` are secrets, too, whether
/// or not a connector takes them.
pub fn register_in_url(text: &str) {
    for (at, _) in text.match_indices("://") {
        let authority = text[at + 3..].split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@') {
            secret::register(user.split_once(':').map_or(user, |(_, password)| password));
        }
    }
    for (name, rest) in text.split(['?', '&']).skip(1).filter_map(|pair| pair.split_once('=')) {
        if smells_of_secret(name) {
            secret::register(rest.split(['#', ' ', '"', '\'', ',', '}']).next().unwrap_or_default());
        }
    }
}

/// Whether the value of a key of this name is to be kept out of sight. Names that only say where
/// something is found (`token_url`, `token_path`) are not.
pub fn smells_of_secret(key: &str) -> bool {
    const SECRET: [&str; 9] = [
        "token",
        "secret",
        "password",
        "passwd",
        "api_key",
        "apikey",
        "private_key",
        "authorization",
        "cookie",
    ];
    const ABOUT: [&str; 9] =
        ["_url", "_path", "_param", "_field", "_header", "_name", "_type", "_in", "_expires"];
    let key = key.to_ascii_lowercase().replace('-', "_");
    SECRET.iter().any(|word| key.contains(word)) && !ABOUT.iter().any(|end| key.ends_with(end))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Expanded {
    text: String,
    from_variable: bool,
    from_file: bool,
}

fn expand_text(text: &str, environment: &dyn Environment) -> Result<Expanded, String> {
    let mut expanded = Expanded::default();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            expanded.text.push_str(&rest[..start - 1]);
            expanded.text.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        expanded.text.push_str(&rest[..start]);
        let (reference, after) = rest[start + 2..]
            .split_once('}')
            .ok_or("`${` is never closed; write `$${` for the two characters themselves")?;
        expanded.look_up(reference, environment)?;
        rest = after;
    }
    expanded.text.push_str(rest);
    Ok(expanded)
}

impl Expanded {
    fn look_up(&mut self, reference: &str, environment: &dyn Environment) -> Result<(), String> {
        if let Some(path) = reference.strip_prefix("file:") {
            let text = environment.file(path).map_err(|e| format!("the file {path} cannot be read: {e}"))?;
            self.text.push_str(text.trim_end_matches(['\n', '\r']));
            self.from_file = true;
            return Ok(());
        }
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(valid) {
            return Err(format!("`{name}` is not the name of a variable: letters, digits and _"));
        }
        // As in a shell, `:-` stands in for an empty value, too.
        let value = environment.variable(name).filter(|value| default.is_none() || !value.is_empty());
        match (value, default) {
            (Some(value), _) => {
                self.text.push_str(&value);
                self.from_variable = true;
            }
            (None, Some(default)) => self.text.push_str(default),
            (None, None) => {
                return Err(format!(
                    "the environment variable {name} is not set; set it, or give a default: ${{{name}:-value}}"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    struct Fixed;

    impl Environment for Fixed {
        fn variable(&self, name: &str) -> Option<String> {
            match name {
                "HOST" => Some("example.com".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }

        fn file(&self, path: &str) -> io::Result<String> {
            if path == "/key" { Ok("k3y\n".to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
        }
    }

    fn text(input: &str) -> Result<String, String> {
        expand_text(input, &Fixed).map(|expanded| expanded.text)
    }

    #[test]
    fn references_are_replaced() {
        assert_eq!(text("https://${HOST}/a").unwrap(), "https://example.com/a");
        assert_eq!(text("${NONE:-x}${EMPTY:-y}${EMPTY}z").unwrap(), "xyz");
        assert_eq!(text("${file:/key}").unwrap(), "k3y");
        assert_eq!(text("$${HOST} $.items {id} $HOST").unwrap(), "${HOST} $.items {id} $HOST");
    }

    #[test]
    fn references_that_lead_nowhere_are_told() {
        for wrong in ["${NONE}", "${HOST", "${file:/none}", "${}", "${A B}"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_in_urls_are_known() {
        register_in_url("https://me:pass-in-url@a.example/x?page=2&api_key=key-in-url#top");
        register_in_url("ftp://token-alone@b.example");
        let shown = secret::redact("pass-in-url key-in-url token-alone a.example");
        assert_eq!(shown, "*** *** *** a.example");
    }

    #[test]
    fn keys_smell_of_secrets() {
        for key in ["token", "client_secret", "X-Api-Key", "Authorization", "refresh_token", "db_password"] {
            assert!(smells_of_secret(key), "{key}");
        }
        for key in ["token_url", "primary_key", "token_path", "name", "page_token_param"] {
            assert!(!smells_of_secret(key), "{key}");
        }
    }
}
