//! Programs of others that judge what busta reads and writes (`scripts/judges`), and real data.
//!
//! Where they cannot be had, a test says so and passes: whoever changes a line of Rust needs neither
//! Python nor a network. `scripts/test` installs them first, where it can.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Python with the readers and servers of `scripts/judges/requirements.txt`.
pub fn python() -> Option<PathBuf> {
    install("python").map(|folder| folder.join("bin/python"))
}

/// The folder with PostgreSQL and PostGIS.
pub fn postgis() -> Option<PathBuf> {
    install("postgis")
}

/// The folder with Prometheus: `bin/prometheus` and `bin/promtool`.
pub fn prometheus() -> Option<PathBuf> {
    install("prometheus")
}

/// A browser without a screen, Debian's Chromium. As root it wants `--no-sandbox`.
pub fn chromium() -> Option<PathBuf> {
    install("chromium").map(|folder| folder.join("bin/chromium"))
}

/// The folder with `bin/node` and `bin/npm`.
pub fn node() -> Option<PathBuf> {
    install("node")
}

/// The folder whose `node_modules` the tests in a browser import from.
pub fn playwright() -> Option<PathBuf> {
    install("playwright")
}

/// The folder with recorded conversations with Reddit, `{name}.json` each, and their licence.
pub fn praw() -> Option<PathBuf> {
    install("praw")
}

/// One of the project's judges.
pub fn script(name: &str) -> PathBuf {
    root().join("scripts/judges").join(name)
}

fn install(what: &str) -> Option<PathBuf> {
    let output = Command::new(script("install")).arg(what).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
        }
        Ok(output) => skipped(&format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => skipped(&format!("{what}: {error}")),
    }
}

/// A file of real data that is not part of the project: `shared/data/NAME` beside it.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let root = root().canonicalize().ok()?;
    let found =
        root.ancestors().map(|folder| folder.join("shared/data").join(name)).find(|path| path.exists());
    found.or_else(|| skipped(&format!("no ../shared/data/{name}")))
}

#[allow(clippy::print_stderr, reason = "a test that was skipped must say so")]
fn skipped<T>(why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    None
}
