//! The two ways out: results to stdout, everything else to stderr, and never a secret in busta's
//! own words.
//!
//! Live bars own the last lines of the terminal while a run is shown, so whoever writes to stderr
//! then has them step aside first.

use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};

use busta_core::secret::redact;
use indicatif::MultiProgress;

static BARS: RwLock<Option<MultiProgress>> = RwLock::new(None);

/// From now on, what is written to stderr goes above `bars`.
pub fn set_bars(bars: Option<MultiProgress>) {
    *BARS.write().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// Writes to stdout. A closed pipe is an error that ends the command quietly.
pub fn to_stdout(text: &str) -> io::Result<()> {
    as_it_is(&redact(text))
}

/// Writes to stdout what must arrive byte for byte: collected data, and a report, whose texts the
/// engine has redacted one by one. Redacted as a whole, a secret that equals a common word would
/// break the document.
pub fn as_it_is(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line to stdout, as [`as_it_is`] does.
pub fn line_as_it_is(text: &str) -> io::Result<()> {
    as_it_is(&format!("{text}\n"))
}

/// Takes it as written when nobody reads stdout any more.
pub fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|e| if e.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(e) })
}

/// Writes a line to stdout.
pub fn line(text: &str) -> io::Result<()> {
    to_stdout(&format!("{text}\n"))
}

/// Writes to stderr, above the bars if there are any. Nobody can be told if that fails.
pub fn to_stderr(text: &str) {
    let safe = redact(text);
    let write = || {
        let _ = io::stderr().lock().write_all(safe.as_bytes());
    };
    match &*BARS.read().unwrap_or_else(PoisonError::into_inner) {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Says something to the operator beside the result.
pub fn note(text: &str) {
    to_stderr(&format!("busta: {text}\n"));
}
