//! The query of a URL.

use url::Url;

/// `url` without the parameter `name`; letter for letter the same if it has none.
pub fn without_param(url: &Url, name: &str) -> Url {
    let mut url = url.clone();
    if url.query_pairs().any(|(known, _)| known == name) {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(known, _)| known != name)
            .map(|(known, value)| (known.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_parameter_goes_and_the_rest_stays() {
        let without = |text: &str| without_param(&Url::parse(text).unwrap(), "key").to_string();
        assert_eq!(without("http://a.example/?key=1&a=b%20c&key=2"), "http://a.example/?a=b+c");
        assert_eq!(without("http://a.example/?key=1"), "http://a.example/");
        assert_eq!(without("http://a.example/?a=b%20c"), "http://a.example/?a=b%20c");
    }
}
