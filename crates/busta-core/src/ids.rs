//! Names and identifiers. Each is its own type, so that a stream is never passed for a source.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of the identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

id!(
    /// The name of a source, unique in a configuration.
    SourceName
);
id!(
    /// The name of a stream, unique in its source. Unless `table` says otherwise, also its table.
    StreamName
);
id!(
    /// The identity of a split, unique in its source and the same in every run that plans the same
    /// work, so that a resumed run finds what it has already done.
    SplitId
);
id!(
    /// The identity of a run: 16 characters that sort by start time. See [`RunId::new`].
    RunId
);
id!(
    /// What a limit is kept for: `host:port`, and a digest of the credential where there is one.
    HostKey
);

/// Crockford's base 32: no I, L, O, U. <https://www.crockford.com/base32.html>
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RunId {
    /// Ten characters of milliseconds since 1970 and six of chance, in Crockford's base 32: the
    /// layout of a ULID with a shorter tail. Runs started in different milliseconds sort by time.
    pub fn new(now: chrono::DateTime<chrono::Utc>, chance: u32) -> Self {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let mut text = String::with_capacity(16);
        for shift in (0..10).rev() {
            text.push(char::from(ALPHABET[(millis >> (5 * shift)) as usize & 31]));
        }
        for shift in (0..6).rev() {
            text.push(char::from(ALPHABET[(chance >> (5 * shift)) as usize & 31]));
        }
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    #[test]
    fn run_ids_sort_by_time() {
        let early = RunId::new(Utc.timestamp_millis_opt(1_700_000_000_000).unwrap(), u32::MAX);
        let late = RunId::new(Utc.timestamp_millis_opt(1_700_000_000_001).unwrap(), 0);
        assert!(early < late);
        assert_eq!(early.as_str().len(), 16);
    }
}
