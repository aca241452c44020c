//! The API over real connections, in front of a service that is played.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod auth;
mod data;
mod description;
mod history;
mod live;
mod open;
mod pages;
mod problems;
mod routes;
mod stopping;
mod support;
