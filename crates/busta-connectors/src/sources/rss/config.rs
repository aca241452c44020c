//! The keys of a source of type `rss`.

use busta_core::WriteMode;
use busta_core::connector::{Built, ConfigProblem};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// Feeds: RSS, RDF, Atom and JSON Feed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The addresses of feeds.
    pub feeds: Vec<String>,
    /// A list of feeds in OPML, as feed readers export it: a file, relative to the configuration file,
    /// or an address. It is read anew in every run. Its feeds come on top of those in `feeds`.
    pub opml: Option<String>,
    /// The name of the stream.
    #[schemars(length(min = 1))]
    pub stream: String,
    /// The table that entries land in, if it is not named as the stream.
    pub table: Option<String>,
    /// How entries join the table. With `merge`, an entry that was edited replaces what it was.
    pub write_mode: WriteMode,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            feeds: Vec::new(),
            opml: None,
            stream: "entries".to_owned(),
            table: None,
            write_mode: WriteMode::Merge,
        }
    }
}

impl Config {
    /// The feeds that are named one by one, or everything that is wrong with the keys.
    pub fn checked_feeds(&self) -> Built<Vec<Url>> {
        let mut problems = Vec::new();
        let mut feeds: Vec<Url> = Vec::new();
        for (index, text) in self.feeds.iter().enumerate() {
            match feed_url(text) {
                Ok(url) if feeds.contains(&url) => {
                    problems.push(ConfigProblem::new(&format!("feeds.{index}"), "this feed is named twice"));
                }
                Ok(url) => feeds.push(url),
                Err(problem) => problems.push(ConfigProblem::new(&format!("feeds.{index}"), problem)),
            }
        }
        if self.feeds.is_empty() && self.opml.is_none() {
            problems.push(ConfigProblem::new("", "no feeds are named: expected `feeds`, `opml` or both"));
        }
        if self.stream.is_empty() {
            problems.push(ConfigProblem::new("stream", "a stream needs a name, such as `entries`"));
        }
        if problems.is_empty() { Ok(feeds) } else { Err(problems) }
    }
}

/// The address of a feed. `feed:` is what some pages put before it to start a reader.
pub fn feed_url(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let plain = match text.strip_prefix("feed:") {
        Some(rest) if rest.starts_with("//") => format!("http:{rest}"),
        Some(rest) => rest.to_owned(),
        None => text.to_owned(),
    };
    match Url::parse(&plain) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(url) => Err(format!("feeds are read over http and https, not {}:", url.scheme())),
        Err(error) => {
            Err(format!("this is no address ({error}): expected one such as https://example.com/feed.xml"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &Config) -> Vec<String> {
        config.checked_feeds().unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let feeds = ["https://a.example/", "a.example/rss", "ftp://a.example/", "https://a.example/"];
        let config = Config { feeds: feeds.map(str::to_owned).to_vec(), ..Config::default() };
        let problems = problems(&config);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("feeds.1. this is no address"), "{problems:?}");
        assert!(problems[1].starts_with("feeds.2. feeds are read over http"), "{problems:?}");
        assert!(problems[2].starts_with("feeds.3. this feed is named twice"), "{problems:?}");
    }

    #[test]
    fn something_must_be_named() {
        assert!(problems(&Config::default())[0].contains("no feeds are named"));
        let listed = Config { opml: Some("feeds.opml".into()), ..Config::default() };
        assert_eq!(listed.checked_feeds(), Ok(Vec::new()));
    }

    #[test]
    fn the_feed_scheme_is_understood() {
        assert_eq!(feed_url("feed://a.example/x").unwrap().as_str(), "http://a.example/x");
        assert_eq!(feed_url(" feed:https://a.example/x ").unwrap().as_str(), "https://a.example/x");
    }
}
