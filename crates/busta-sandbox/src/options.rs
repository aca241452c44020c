//! The options of worlds, as paths say them: `posts=50,limit=100:1m`.

use std::str::FromStr;

use busta_core::units::Span;

/// One option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// Its name.
    pub(crate) key: &'a str,
    /// What it is set to.
    pub(crate) value: &'a str,
    /// What it is an option of, in words.
    of: &'static str,
}

/// The options in a text. A value without a name is that of `bare`; `default` and nothing are none.
pub(crate) fn options<'a>(
    text: &'a str,
    of: &'static str,
    bare: Option<&'static str>,
) -> impl Iterator<Item = Given<'a>> {
    let pairs = text.split(',').filter(|pair| !matches!(*pair, "" | "default"));
    pairs.map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or(match bare {
            Some(bare) => (bare, pair),
            None => (pair, ""),
        });
        Given { key, value, of }
    })
}

impl<'a> Given<'a> {
    /// That there is no such option, or that it cannot be set to this.
    pub(crate) fn wrong(&self) -> String {
        format!("`{}={}` is not an option of {}", self.key, self.value, self.of)
    }

    /// The value as what it must be.
    pub(crate) fn parsed<T: FromStr>(&self) -> Result<T, String> {
        self.value.parse().map_err(|_| self.wrong())
    }

    /// A whole number from 0 up.
    pub(crate) fn number(&self) -> Result<u64, String> {
        self.parsed()
    }

    /// A span of time, such as `5s`.
    pub(crate) fn span(&self) -> Result<std::time::Duration, String> {
        self.value.parse::<Span>().map(|span| span.0)
    }

    /// `on` or `off`.
    pub(crate) fn switch(&self) -> Result<bool, String> {
        self.one(&[("on", true), ("off", false)])
    }

    /// One of these, by its name.
    pub(crate) fn one<T: Copy>(&self, all: &[(&str, T)]) -> Result<T, String> {
        named(self.value, all).ok_or_else(|| self.wrong())
    }

    /// Several of these, by their names, with `+` between them.
    pub(crate) fn many<T: Copy>(&self, all: &[(&str, T)]) -> Result<Vec<T>, String> {
        self.parts().map(|name| named(name, all)).collect::<Option<_>>().ok_or_else(|| self.wrong())
    }

    /// What stands between its `+`.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.value.split('+')
    }
}

fn named<T: Copy>(text: &str, all: &[(&str, T)]) -> Option<T> {
    all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}
