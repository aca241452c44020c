//! The api source and the HTTP client against real servers: the sandbox, and one that answers as a
//! test tells it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod auth;
mod children;
mod common;
mod config;
mod faults;
mod incremental;
mod pages;
mod redirects;
mod scripted;
