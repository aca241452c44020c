//! Exit codes, and how an error that ends the process is shown.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | all well |
//! | 1 | could not run |
//! | 2 | wrong usage: the command line or the configuration |
//! | 3 | some sources failed; a bench got worse |
//! | 130, 143 | stopped by SIGINT, SIGTERM; the run can be resumed |

use std::fmt;
use std::io;
use std::process::ExitCode;

use busta_core::ErrorKind;
use busta_core::report::Status;
use busta_core::secret::redact;

use crate::config::ConfigErrors;
use crate::output;
use crate::signals::Signal;

/// How a command ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Done,
    /// Some of the work failed, or got worse.
    Incomplete,
    /// A signal ended it.
    Stopped(Signal),
}

impl Exit {
    /// The exit for a run that ended so.
    pub fn of_run(status: Status, signal: Option<Signal>) -> Self {
        match (status, signal) {
            (Status::Completed, _) => Self::Done,
            (Status::Cancelled, Some(signal)) => Self::Stopped(signal),
            _ => Self::Incomplete,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete => 3,
            Self::Stopped(signal) => signal.exit_code(),
        }
    }
}

const COULD_NOT_RUN: u8 = 1;
const WRONG_USAGE: u8 = 2;

/// A command line that clap accepts and that makes no sense.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Shows what clap has to say.
pub fn of_clap(error: &clap::Error) -> ExitCode {
    // A closed pipe below `--help | head` is nobody's fault.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { WRONG_USAGE } else { 0 })
}

/// Shows the error, if there is one, and gives the exit code.
pub fn of_result(result: anyhow::Result<Exit>) -> ExitCode {
    match result {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::to_stderr(&describe(&error));
            ExitCode::from(code_of(&error))
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn code_of(error: &anyhow::Error) -> u8 {
    let config = error.downcast_ref::<busta_core::Error>().is_some_and(|e| e.kind() == ErrorKind::Config);
    if config || error.is::<ConfigErrors>() || error.is::<Usage>() { WRONG_USAGE } else { COULD_NOT_RUN }
}

fn describe(error: &anyhow::Error) -> String {
    if let Some(errors) = error.downcast_ref::<ConfigErrors>() {
        let count = errors.problems.len();
        let head = if count == 1 {
            "error: the configuration has a problem".to_owned()
        } else {
            format!("error: the configuration has {count} problems")
        };
        return redact(&format!("{head}\n\n{errors}\n")).into_owned();
    }
    let mut text = match error.downcast_ref::<busta_core::Error>() {
        Some(own) => format!("error: {}\n", own.message()),
        None => format!("error: {error}\n"),
    };
    for cause in error.chain().skip(1) {
        text.push_str(&format!("  because: {cause}\n"));
    }
    if let Some(hint) = error.downcast_ref::<busta_core::Error>().and_then(busta_core::Error::hint_text) {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    redact(&text).into_owned()
}
