//! `server:`: what `busta serve` does.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use busta_core::connector::ConfigProblem;
use busta_core::secret::{MASK, Secret};
use busta_core::units::{Rate, Span};
use busta_server::TokenHash;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Tokens that others have made have as many characters at least.
const SHORTEST: usize = 20;

/// Events that clients of the feed can go back to, at most.
const MOST_IN_RING: usize = 1_000_000;

/// What `busta serve` does.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// The address and port it listens at. Any other address than the machine's own (`127.0.0.1`, `[::1]`)
    /// needs a token.
    #[schemars(with = "String")]
    #[serde(deserialize_with = "address")]
    pub bind: SocketAddr,
    /// Tokens for places without a state that lasts, such as containers. `busta token new` makes others.
    pub tokens: Vec<ConfiguredToken>,
    /// How long after the start the first scheduled collection waits at least.
    pub initial_delay: Span,
    /// How long a run may take to come to a stop when the server is stopped; it can be resumed.
    pub grace: Span,
    /// What happens to a request to collect a source that is being collected.
    pub on_busy: OnBusy,
    /// What happens to runs that were cut off by a crash when the server starts.
    pub on_interrupted: OnInterrupted,
    /// A source that was paused after too many failures (`pause_after`) is asked after this time whether it
    /// answers again, with one request. Each time that it does not, the next wait is twice as long, to an hour
    /// at most. `0s` for never: then somebody has to resume it.
    pub probe_after: Span,
    /// How many connections may be open at once.
    #[schemars(range(min = 1))]
    pub max_connections: usize,
    /// How many requests a client may make in a time, by its address; as many as it likes if left out.
    pub rate_limit: Option<Rate>,
    /// The feed of what happens.
    pub activity: ActivitySettings,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tokens: Vec::new(),
            initial_delay: Span(Duration::from_secs(5)),
            grace: Span(Duration::from_secs(30)),
            on_busy: OnBusy::default(),
            on_interrupted: OnInterrupted::default(),
            probe_after: Span(Duration::from_secs(60)),
            max_connections: 2048,
            rate_limit: None,
            activity: ActivitySettings::default(),
        }
    }
}

/// The feed of what happens.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActivitySettings {
    /// So many events are kept in memory, for clients that were away for a moment.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub ring: usize,
    /// Whether events are stored, too, so that their history survives a restart.
    pub keep: bool,
}

impl Default for ActivitySettings {
    fn default() -> Self {
        Self { ring: 10_000, keep: true }
    }
}

/// What happens to a request to collect a source that is being collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnBusy {
    /// It is refused, and the answer names the run.
    #[default]
    Reject,
    /// It waits until that run has ended.
    Queue,
}

/// What happens to runs that were cut off by a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnInterrupted {
    /// They go on where they were.
    #[default]
    Resume,
    /// They are marked as interrupted; somebody may resume them.
    Mark,
}

/// A token in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredToken {
    /// Who uses it.
    pub name: String,
    /// What it allows.
    pub role: TokenRole,
    /// The token: `"${NAME}"` or `"${file:PATH}"`, of at least 20 characters.
    pub token: TokenDigest,
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TokenRole {
    /// Looking at everything.
    Read,
    /// Also starting, stopping and pausing.
    Operate,
}

/// The SHA-256 of a token: all that is kept of it once it is read.
#[derive(Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "Secret")]
pub struct TokenDigest(pub TokenHash);

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for TokenDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for TokenDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::deserialize(deserializer)?;
        if text.expose().chars().count() < SHORTEST {
            return Err(de::Error::custom(format!(
                "this is not a token: it needs at least {} characters; `busta token new` makes good ones",
                SHORTEST
            )));
        }
        Ok(Self(TokenHash::of(text.expose())))
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        de::Error::custom(format!(
            "`{text}` is not an address: write one with its port, such as 127.0.0.1:8080"
        ))
    })
}

/// What is wrong with values that have the right type.
pub fn problems(settings: &ServerSettings) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    if settings.max_connections == 0 {
        found.push(ConfigProblem::new("max_connections", "0 would let nobody in; the least is 1"));
    }
    if !(1..=MOST_IN_RING).contains(&settings.activity.ring) {
        found.push(ConfigProblem::new("activity.ring", format!("expected 1 to {MOST_IN_RING}")));
    }
    for (index, token) in settings.tokens.iter().enumerate() {
        let path = format!("tokens.{index}.name");
        if token.name.is_empty() {
            found.push(ConfigProblem::new(&path, "a token needs a name: who uses it"));
        } else if settings.tokens[..index].iter().any(|other| other.name == token.name) {
            found.push(ConfigProblem::new(&path, format!("`{}` is the name of another token", token.name)));
        }
    }
    found
}
