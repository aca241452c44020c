//! What is wrong with a program, for whoever wrote it.

use jaq_core::{compile, load};

use super::natives::WITHHELD;

/// What stands where a program cannot be read.
pub(super) fn syntax(errors: &load::Errors<&str, ()>) -> String {
    let Some((file, error)) = errors.first() else { return "the program cannot be read".to_owned() };
    let near = |at: &str| {
        let offset = (at.as_ptr() as usize).saturating_sub(file.code.as_ptr() as usize);
        let found: String = at.chars().take(20).collect();
        let place = file.code.get(..offset).map_or(0, |before| before.chars().count()) + 1;
        if found.is_empty() {
            "the end of the program".to_owned()
        } else {
            format!("`{found}` (sign {place})")
        }
    };
    match error {
        load::Error::Io(_) => "a program cannot import or include files".to_owned(),
        load::Error::Lex(errors) => errors.first().map_or_else(String::new, |(expected, at)| {
            format!("expected {} at {}", expected.as_str(), near(at))
        }),
        load::Error::Parse(errors) => errors.first().map_or_else(String::new, |(expected, at)| {
            format!("expected {} at {}", expected.as_str(), near(at))
        }),
    }
}

/// The first name that means nothing.
pub(super) fn undefined(errors: &compile::Errors<&str, ()>) -> String {
    let first = errors.iter().flat_map(|(_, errors)| errors).next();
    let Some((name, kind)) = first else { return "the program cannot be compiled".to_owned() };
    let why = if WITHHELD.contains(name) || name.starts_with("input") {
        "; a program sees the record and nothing else"
    } else {
        ""
    };
    format!("there is no {} `{name}`{why}", kind.as_str())
}
