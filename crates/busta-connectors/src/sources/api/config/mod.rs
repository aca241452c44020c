//! The keys of `type: api`. Each field's comment is also its description in the reference.

mod cursor;
mod follow;
mod stream;

use std::collections::BTreeMap;

use busta_core::units::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use super::values::Params;
use crate::http::AuthSettings;

pub use cursor::{CursorConfig, Order, Place, TimeFormat};
pub use follow::{FollowConfig, Follows};
pub use stream::{MethodName, StreamConfig};

/// A REST API that answers with JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    /// What all paths start with, such as `https://shop.example/api`. Credentials and headers are
    /// sent to this origin only, wherever links and redirects lead.
    pub base_url: String,
    /// How to authenticate.
    #[serde(default)]
    pub auth: AuthSettings,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Query parameters of every request.
    #[serde(default)]
    pub params: Params,
    /// An answer longer than this is an error.
    #[serde(default = "max_response_size")]
    pub max_response_size: ByteSize,
    /// Other APIs that some of the streams are read from, by a name of your own: see a stream's `service`.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceConfig>,
    /// What to collect.
    pub streams: Vec<StreamConfig>,
}

/// Another API. What the source says of `auth`, `headers` and `params` is not for it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// What all its paths start with. Its credentials and headers are sent to this origin only.
    pub base_url: String,
    /// How to authenticate.
    #[serde(default)]
    pub auth: AuthSettings,
    /// Headers of every request to it.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Query parameters of every request to it.
    #[serde(default)]
    pub params: Params,
}

fn max_response_size() -> ByteSize {
    ByteSize(64 << 20)
}
