//! The `Link` header (RFC 8288).

/// The target of the first link whose relation is `rel`.
pub fn target<'a>(header: &'a str, rel: &str) -> Option<&'a str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (url, after) = after.split_once('>')?;
        let (parameters, left) = parameters(after);
        if parameters.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("rel") && value.split_whitespace().any(|r| r.eq_ignore_ascii_case(rel))
        }) {
            return Some(url.trim());
        }
        rest = left;
    }
    None
}

/// The parameters of a link, and what follows the comma that ends them. Commas and semicolons in
/// quotes belong to their value.
fn parameters(text: &str) -> (Vec<(&str, &str)>, &str) {
    let mut parameters = Vec::new();
    let mut quoted = false;
    let mut start = 0;
    for (at, sign) in text.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            ';' | ',' if !quoted => {
                parameters.extend(parameter(&text[start..at]));
                start = at + 1;
                if sign == ',' {
                    return (parameters, &text[start..]);
                }
            }
            _ => {}
        }
    }
    parameters.extend(parameter(&text[start..]));
    (parameters, "")
}

fn parameter(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim(), value.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_relation_decides() {
        let header = r#"<https://a.example/?page=1>; rel="prev", <https://a.example/?page=3>; rel="next""#;
        assert_eq!(target(header, "next"), Some("https://a.example/?page=3"));
        assert_eq!(target(header, "last"), None);
        assert_eq!(target("</x>;rel=next", "next"), Some("/x"));
        assert_eq!(target(r#"</x>; title="a, <b>; rel=next"; rel="last NEXT""#, "next"), Some("/x"));
        assert_eq!(target(r#"</a?x=1,2;3>; rel=self, </b>; REL="next""#, "next"), Some("/b"));
        for nothing in ["", "<", "</x>", "</x>; rel", "rel=next", "</x"] {
            assert_eq!(target(nothing, "next"), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(header in "[<>;,= \"a-z]{0,40}") {
            let _ = target(&header, "next");
        }

        #[test]
        fn what_is_written_is_read(url in "/[a-z0-9,;=?&]{0,20}", title in "[a-z,;<>]{0,10}") {
            let header = format!("</other>; rel=\"prev\"; title=\"{title}\", <{url}>; title=\"{title}\"; rel=\"next\"");
            prop_assert_eq!(target(&header, "next"), Some(url.as_str()));
        }
    }
}
