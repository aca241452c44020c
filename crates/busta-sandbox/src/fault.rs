//! Faults: what may go wrong with an answer, and when.

use std::fmt;
use std::str::FromStr;

/// A fault and when it strikes, written `kind`, `kind:every:N`, `kind:first:N` or `kind:after:N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// For which requests.
    pub when: When,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An answer with this status (400 to 599) and a short JSON body.
    Status(u16),
    /// The connection is reset (TCP RST) before anything is answered.
    Reset,
    /// The headers promise the whole body, half of it comes, the connection is closed.
    Truncate,
    /// The right body, in small pieces over five seconds (`drip` in the profile sets the time).
    Slow,
    /// Nothing is ever answered; the connection stays open.
    Hang,
    /// A body declared as JSON that is random bytes.
    Garbage,
    /// Bytes that are not HTTP at all.
    Noise,
    /// The right body but for one byte in its middle.
    Corrupt,
    /// A login page as HTML, with status 200.
    Html,
    /// JSON of the right names and the wrong types.
    WrongTypes,
    /// A body without a declared length, of endless records: ends after 5 GiB.
    Flood,
    /// A redirect to itself.
    RedirectLoop,
}

/// For which requests a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// For all.
    Always,
    /// For every Nth request of the scope: the Nth, the 2Nth and so on.
    Every(u64),
    /// For the first N requests of each URL.
    First(u64),
    /// For all requests of the scope but the first N.
    After(u64),
}

impl When {
    /// Whether a request is struck that is the `nth` of its scope and the `attempt`th of its URL,
    /// both counted from 1.
    pub(crate) fn strikes(self, nth: u64, attempt: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Every(n) => nth.is_multiple_of(n),
            Self::First(n) => attempt <= n,
            Self::After(n) => nth > n,
        }
    }
}

const NAMES: [(&str, FaultKind); 11] = [
    ("reset", FaultKind::Reset),
    ("truncate", FaultKind::Truncate),
    ("slow", FaultKind::Slow),
    ("hang", FaultKind::Hang),
    ("garbage", FaultKind::Garbage),
    ("noise", FaultKind::Noise),
    ("corrupt", FaultKind::Corrupt),
    ("html", FaultKind::Html),
    ("wrong_types", FaultKind::WrongTypes),
    ("flood", FaultKind::Flood),
    ("redirect_loop", FaultKind::RedirectLoop),
];

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, kind)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(*kind);
        }
        match text.parse() {
            Ok(status @ 400..=599) => Ok(Self::Status(status)),
            _ => {
                let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                Err(format!("`{text}` is not a fault: write a status (400 to 599) or {}", names.join(", ")))
            }
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, kind)| kind == self) {
            Some((name, _)) => f.write_str(name),
            None => match self {
                Self::Status(status) => write!(f, "{status}"),
                other => write!(f, "{other:?}"),
            },
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, when) = text.split_once(':').unwrap_or((text, "always"));
        let wrong = || format!("`{when}` does not say when: write every:N, first:N, after:N or always");
        let when = match when.split_once(':') {
            None if when == "always" => When::Always,
            None => return Err(wrong()),
            Some((word, count)) => {
                let count = count.parse().map_err(|_| wrong())?;
                match word {
                    "every" if count > 0 => When::Every(count),
                    "first" => When::First(count),
                    "after" => When::After(count),
                    _ => return Err(wrong()),
                }
            }
        };
        Ok(Self { kind: kind.parse()?, when })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.when {
            When::Always => Ok(()),
            When::Every(n) => write!(f, ":every:{n}"),
            When::First(n) => write!(f, ":first:{n}"),
            When::After(n) => write!(f, ":after:{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_round_trip() {
        for text in ["500", "reset:first:1", "hang:after:10", "503:every:7", "wrong_types", "redirect_loop"] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for wrong in ["", "200", "600", "resett", "500:every:0", "500:every", "500:sometimes", "500:first:x"]
        {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn faults_strike_when_they_say() {
        let strikes = |when: When| (1..=6).map(|n| when.strikes(n, n.div_ceil(2))).collect::<Vec<_>>();
        assert_eq!(strikes(When::Every(3)), [false, false, true, false, false, true]);
        assert_eq!(strikes(When::First(1)), [true, true, false, false, false, false]);
        assert_eq!(strikes(When::After(4)), [false, false, false, false, true, true]);
        assert_eq!(strikes(When::Always), [true; 6]);
    }
}
