//! What is wrong with a configuration, as it is shown.

use std::fmt;

use busta_core::connector::PathPart;
use busta_core::secret::redact;

use busta_connectors::formats::yaml::Place;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the file; `None` if it concerns the file as a whole.
    pub place: Option<Place>,
    /// Where in the tree.
    pub path: Vec<PathPart>,
    /// What, with what was expected.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Problem {
    /// A problem of the whole file.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { place: None, path: Vec::new(), message: message.into(), suggestion: None }
    }
}

/// Everything that is wrong with a configuration: ready to be printed, without secrets.
#[derive(Debug)]
pub struct ConfigErrors {
    /// One text per problem, in the order of their places.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

/// `sources[2].pagination.type`
pub fn show_path(path: &[PathPart]) -> String {
    let mut text = String::new();
    for part in path {
        match part {
            PathPart::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                // A host name as a key would read like several.
                let quote = if key.contains('.') { "\"" } else { "" };
                text.push_str(&format!("{quote}{key}{quote}"));
            }
            PathPart::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// The problem in one line, after the place.
pub fn show(problem: &Problem) -> String {
    let mut text = show_path(&problem.path);
    if !text.is_empty() {
        text.push_str(": ");
    }
    text.push_str(&problem.message);
    if let Some(suggestion) = &problem.suggestion {
        text.push_str(&format!("; did you mean `{suggestion}`?"));
    }
    redact(&text).into_owned()
}
