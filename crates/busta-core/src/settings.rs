//! Settings of the engine, as the configuration file gives them. Each field's comment is also its
//! description in the reference and in editors (`busta schema`).

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::BudgetSettings;
use crate::split::Priority;
use crate::units::{ByteSize, Rate, Span};

/// Settings of a run that concern no single source.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSettings {
    /// How many splits are read at once, over all sources, when collecting in parallel.
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrency: usize,
    /// Collect in parallel without `--parallel` on the command line.
    pub parallel: bool,
    /// How many splits of one kind of source are read at once.
    pub pools: BTreeMap<String, usize>,
    /// Limits by host name, such as `api.example.com` or `localhost:8080`.
    pub hosts: BTreeMap<String, HostSettings>,
    /// Find out how many requests a host bears, at once and in a time, from its refusals (429, 503) and its
    /// latency, and send no more, always within the limits that are set. `false` sends as much as these
    /// limits allow.
    pub adaptive_concurrency: bool,
    /// What happens after an error that may pass.
    pub retry: RetrySettings,
    /// When a host that only fails is left alone.
    pub breaker: BreakerSettings,
    /// How long things may take.
    pub deadlines: Deadlines,
    /// How many bytes of records may be on their way at once.
    pub memory_budget: ByteSize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            concurrency: 8,
            parallel: false,
            pools: [("api", 5), ("stac", 5), ("rss", 10), ("files", 20), ("archive", 20)]
                .map(|(k, v)| (k.to_owned(), v))
                .into(),
            hosts: BTreeMap::new(),
            adaptive_concurrency: true,
            retry: RetrySettings::default(),
            breaker: BreakerSettings::default(),
            deadlines: Deadlines::default(),
            memory_budget: ByteSize(256 << 20),
        }
    }
}

/// Limits of one host.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostSettings {
    /// How many requests may be under way at once.
    #[schemars(range(min = 1))]
    pub max_concurrency: Option<usize>,
    /// How many requests may be started in a time.
    pub rate_limit: Option<Rate>,
    /// Find out how many requests it bears; overrides the top-level `adaptive_concurrency`.
    pub adaptive_concurrency: Option<bool>,
}

/// What happens after an error that may pass: connection errors, timeouts, 408, 425, 429, 5xx.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySettings {
    /// How often a request is tried again before its split fails.
    pub max_retries: u32,
    /// The upper bound of the first wait; each further one doubles it. Waits are drawn evenly from
    /// zero to the bound ("full jitter"), so that many clients do not come back at once.
    pub initial_backoff: Span,
    /// The bound never grows beyond this.
    pub max_backoff: Span,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_retries: 3,
            initial_backoff: Span(Duration::from_millis(500)),
            max_backoff: Span(Duration::from_secs(30)),
        }
    }
}

/// When a host that only fails is left alone.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSettings {
    /// After this many failures in a row the host is paused. 0 turns the breaker off.
    pub failures: u32,
    /// How long it is left alone before one request probes it; doubles with each failed probe.
    pub pause: Span,
    /// The pause never grows beyond this.
    pub max_pause: Span,
    /// When it has been failing for this long, the splits that wait for it fail too.
    pub give_up_after: Span,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Span(Duration::from_secs(1)),
            max_pause: Span(Duration::from_secs(30)),
            give_up_after: Span(Duration::from_secs(60)),
        }
    }
}

/// How long things may take. What is not set may take for ever.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// One request, until its answer is read to the end; also one batch of a file.
    pub request: Span,
    /// One split, with its retries and waits.
    pub split: Option<Span>,
    /// One source's part of a run.
    pub source: Option<Span>,
    /// The run.
    pub run: Option<Span>,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { request: Span(Duration::from_secs(30)), split: None, source: None, run: None }
    }
}

/// Settings that every source has, whatever its type.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SourceSettings {
    /// Who goes first when there is not room for all.
    pub priority: Priority,
    /// How many of its splits are read at once.
    #[schemars(range(min = 1))]
    pub max_concurrency: Option<usize>,
    /// How many requests it may start in a time, on each of its hosts.
    pub rate_limit: Option<Rate>,
    /// How long its part of a run may take; overrides `deadlines.source`.
    pub deadline: Option<Span>,
    /// What happens after an error that may pass; overrides the top-level `retry`.
    pub retry: Option<RetrySettings>,
    /// How long one request may take; overrides `deadlines.request`.
    pub request_timeout: Option<Span>,
    /// How many requests it may send, and what they cost.
    pub budget: Option<BudgetSettings>,
    /// After so many splits in a row that failed for good, the source is paused: what is left of it in this
    /// run is left for later, and it is not collected by its schedule, until somebody resumes it or the
    /// server finds that it answers again. Off if left out.
    #[schemars(range(min = 1))]
    pub pause_after: Option<u32>,
}
