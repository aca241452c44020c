//! What a path says: its prefixes (`/as/`, `/with/`, `/auth/`) and what is left behind them.

use crate::auth::Scheme;
use crate::profile::Profile;

/// A path taken apart.
#[derive(Debug, Default)]
pub(crate) struct Target<'a> {
    /// The prefixes as they were written.
    pub(crate) prefix: &'a str,
    /// The names given by `/as/`.
    pub(crate) names: Vec<&'a str>,
    /// The profile given by `/with/`.
    pub(crate) profile: Option<Profile>,
    /// The credentials asked for by `/auth/`.
    pub(crate) schemes: Vec<Scheme>,
    /// What is left, from its slash on.
    pub(crate) rest: &'a str,
}

impl<'a> Target<'a> {
    /// Takes `path` apart; the error says what is wrong with a prefix.
    pub(crate) fn parse(path: &'a str) -> Result<Self, String> {
        let mut target = Self { rest: path, ..Self::default() };
        while let Some((word, value, rest)) = prefix(target.rest) {
            match word {
                "as" => target.names.push(value),
                "with" => {
                    let over = value.parse()?;
                    let below = target.profile.take().unwrap_or_default();
                    target.profile = Some(below.overlay(&over));
                }
                _ => target.schemes.push(value.parse()?),
            }
            target.rest = rest;
        }
        target.prefix = &path[..path.len() - target.rest.len()];
        Ok(target)
    }

    /// The first part of what is left, with its slash: `/rest`.
    pub(crate) fn kind(&self) -> &'a str {
        let end = self.rest[1.min(self.rest.len())..].find('/').map_or(self.rest.len(), |at| at + 1);
        &self.rest[..end]
    }

    /// The parts of what is left.
    pub(crate) fn parts(&self) -> Vec<&'a str> {
        self.rest.split('/').filter(|part| !part.is_empty()).collect()
    }
}

/// The first two parts of a path and what is left, if the first is a prefix's word.
fn prefix(path: &str) -> Option<(&str, &str, &str)> {
    let mut parts = path.strip_prefix('/')?.splitn(3, '/');
    let (word, value) = (parts.next()?, parts.next()?);
    matches!(word, "as" | "with" | "auth").then(|| (word, value, &path[word.len() + value.len() + 2..]))
}

/// The route of a path: segments of digits, those behind `items`, those behind `objects` that are not the last,
/// and files of an archive become `{id}`.
pub(crate) fn route(path: &str) -> String {
    let is_id = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts: Vec<&str> = path.split('/').collect();
    for n in 1..parts.len() {
        let named = match parts[n - 1] {
            "items" => true,
            // Reddit's ids; records behind a stream that is called so have numbers.
            "comments" | "_" => !matches!(parts[n], "" | "_"),
            "objects" => n + 1 < parts.len(),
            _ => false,
        };
        if named || is_id(parts[n]) {
            parts[n] = "{id}";
        }
    }
    if parts.contains(&"archive")
        && let Some(last) = parts.last_mut().filter(|last| last.contains('.'))
    {
        *last = "{id}";
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_taken_off_in_any_order() {
        let target =
            Target::parse("/as/shop/with/latency=5ms,fail=500:every:7/auth/bearer/rest/page/a").unwrap();
        assert_eq!(target.rest, "/rest/page/a");
        assert_eq!(target.prefix, "/as/shop/with/latency=5ms,fail=500:every:7/auth/bearer");
        assert_eq!(target.names, ["shop"]);
        assert_eq!(target.schemes, [Scheme::Bearer]);
        assert_eq!(target.profile.as_ref().unwrap().to_string(), "latency=5ms,fail=500:every:7");
        assert_eq!(target.kind(), "/rest");
        assert_eq!(Target::parse("/auth/basic/with/gzip/opml").unwrap().rest, "/opml");
        for (path, kind) in [("", ""), ("/", "/"), ("/opml", "/opml"), ("/as/x", ""), ("/with/gzip/", "/")] {
            assert_eq!(Target::parse(path).unwrap().kind(), kind, "{path}");
        }
    }

    #[test]
    fn wrong_prefixes_are_named() {
        assert!(Target::parse("/with/speed=9/rest").unwrap_err().contains("speed"));
        assert!(Target::parse("/auth/magic/rest").unwrap_err().contains("magic"));
    }

    #[test]
    fn ids_do_not_make_routes() {
        assert_eq!(route("/rest/page/orders/17/lines"), "/rest/page/orders/{id}/lines");
        assert_eq!(route("/objects/S2A_1/B04.tif"), "/objects/{id}/B04.tif");
        assert_eq!(route("/objects/B04.tif"), "/objects/B04.tif");
        assert_eq!(route("/stac/80/collections/a/items/S2A_1"), "/stac/{id}/collections/a/items/{id}");
        assert_eq!(
            route("/archive/symbols=2/data/BTCUSDT/1h/a-2024-01-01.zip"),
            "/archive/symbols=2/data/BTCUSDT/1h/{id}"
        );
        assert_eq!(route("/with/fail=500:first:1/rest/a1"), "/with/fail=500:first:1/rest/a1");
    }
}
