//! Sources, transforms and destinations, and what they share: the one polite HTTP client and the file formats.

mod blocking;
pub mod destinations;
mod digest;
pub mod download;
pub mod formats;
pub mod http;
pub mod jq;
pub mod manifests;
pub mod name_key;
pub mod quality;
pub mod registry;
pub mod sources;
pub mod transforms;
