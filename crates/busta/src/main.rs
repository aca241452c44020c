//! The `busta` command.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator;
mod bench;
mod cli;
mod collect;
mod config;
mod days;
mod exit;
mod figures;
mod logs;
mod output;
mod pausing;
mod process;
mod progress;
mod report;
#[cfg(feature = "failpoints")]
mod scripted;
mod serve;
mod session;
mod signals;
mod verify;
mod volumes;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    allocator::set();
    #[cfg(feature = "failpoints")]
    arm_failpoint();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version come this way, too.
        Err(error) => return exit::of_clap(&error),
    };
    let result = cli.logging.start().and_then(|()| runtime()).and_then(|runtime| {
        let result = runtime.block_on(cli.run());
        // What a second signal or a closed pipe left on blocking threads is not waited for.
        runtime.shutdown_background();
        result
    });
    exit::of_result(result)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

#[cfg(feature = "failpoints")]
#[allow(clippy::disallowed_methods, reason = "only the binary reads the environment")]
fn arm_failpoint() {
    if let Ok(point) = std::env::var("BUSTA_FAILPOINT") {
        busta_core::failpoint::arm(&point);
    }
}
