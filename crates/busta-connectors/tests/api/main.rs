//! The api source and the HTTP client against real servers: the sandbox, and one that answers as a
//! test tells it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod ahead;
mod auth;
mod chain;
mod children;
mod common;
mod config;
mod faults;
mod follow;
mod forum;
mod incremental;
mod journal;
mod newest_first;
mod pages;
mod redirects;
mod scripted;
