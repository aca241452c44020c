//! What `/metrics` gives to Prometheus.
//!
//! [`input`] is what is measured, [`gather`] asks for it; [`families`] says under which names it is given,
//! [`text`] how that is written. Counters count since the process began and are never set back, whatever runs begin and end.
//! Labels are bounded ([`bounded`]): a scrape of ten thousand sources is no larger than one of five hundred.

mod bounded;
mod families;
mod gather;
mod input;
mod render;
#[cfg(test)]
mod tests;
mod text;

use super::service::Serving;

/// The metrics in Prometheus' text format, version 0.0.4.
pub fn render(serving: &Serving) -> String {
    render::all(&gather::input(serving))
}
