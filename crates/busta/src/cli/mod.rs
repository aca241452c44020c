//! The command line: what there is to say, and who does it.

mod archive;
mod bench;
mod check;
mod connectors;
mod data;
mod demo;
mod export;
mod init;
mod past;
mod pauses;
mod plan;
mod runs;
mod sample;
mod sandbox;
mod selection;
mod serve;
mod served;
mod session;
mod setup;
mod sources;
mod token;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::exit::Exit;
use crate::logs::Logging;

/// Collects data from many sources at once and lands it, exactly once, where you can query it.
#[derive(Parser, Debug)]
#[command(name = "busta", version, max_term_width = 100, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// The configuration [default: busta.yaml or busta.yml in this folder]
    #[arg(short, long, global = true, value_name = "FILE", env = "BUSTA_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,

    /// Options for logs and colour.
    #[command(flatten)]
    pub logging: Logging,

    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  busta demo                                    see it work, without any set-up
  busta init && busta sources collect           start with a sample of your own
  busta sources collect --parallel --concurrency 8
  busta data head orders

Exit codes: 0 all well, 1 could not run, 2 wrong usage or configuration, 3 some sources failed,
130 or 143 stopped by a signal (`busta sources collect --resume` goes on).";

#[derive(Subcommand, Debug)]
enum Command {
    /// List, look at, test and collect sources
    #[command(subcommand)]
    Sources(sources::Sources),
    /// Collect by schedule and on request, with an API and a dashboard
    Serve(serve::Serve),
    /// List earlier runs, look at them, try again what failed
    #[command(subcommand)]
    Runs(runs::Runs),
    /// The kinds of source and destination there are
    #[command(subcommand)]
    Connectors(connectors::Connectors),
    /// Look at what has been collected, and export it
    #[command(subcommand)]
    Data(data::Data),
    /// Check the files that sources have downloaded
    #[command(subcommand)]
    Archive(archive::Archive),
    /// Make, list and revoke the tokens of the server
    #[command(subcommand)]
    Token(token::Token),
    /// Write a configuration that works, to start from
    Init(init::Init),
    /// Check the configuration and say what it would do
    Check(check::Check),
    /// Print the JSON Schema of the configuration, for editors
    #[command(
        after_help = "Examples:\n  busta schema > busta.schema.json\n\nThen write at the top of busta.yaml:\n  # yaml-language-server: $schema=busta.schema.json"
    )]
    Schema,
    /// Print a script that completes commands in a shell
    #[command(
        after_help = "Examples:\n  busta completions bash > ~/.local/share/bash-completion/completions/busta\n  busta completions zsh > ~/.zfunc/_busta\n  busta completions fish > ~/.config/fish/completions/busta.fish"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// See busta work: collect from a local sandbox, one by one and then in parallel
    Demo(demo::Demo),
    /// Measure where the time goes, and how many workers are worth it
    #[command(subcommand)]
    Bench(Box<bench::Bench>),
    /// Run the sandbox: local origins with data, latency, limits and faults
    Sandbox(sandbox::Sandbox),
}

/// What every command may want to know.
pub struct Context {
    /// The configuration that was named.
    pub config: Option<PathBuf>,
    /// Whether stdout is coloured.
    pub colour: bool,
}

impl Cli {
    /// Carries out the command.
    pub async fn run(self) -> Result<Exit> {
        let context = Context { config: self.config, colour: self.logging.color.on_stdout() };
        match self.command {
            Command::Sources(command) => command.run(&context).await,
            Command::Serve(command) => command.run(&context).await,
            Command::Runs(command) => command.run(&context).await,
            Command::Connectors(command) => command.run(&context),
            Command::Data(command) => command.run(&context).await,
            Command::Archive(command) => command.run(&context).await,
            Command::Token(command) => command.run(&context).await,
            Command::Init(command) => command.run(),
            Command::Check(command) => command.run(&context),
            Command::Schema => setup::schema(&context),
            Command::Completions { shell } => setup::completions(shell),
            Command::Demo(command) => command.run(&context).await,
            Command::Bench(command) => command.run(&context).await,
            Command::Sandbox(command) => command.run().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Examples:"), "{path} has no examples");
            }
            for command in command.get_subcommands() {
                look(command, &path);
            }
        }
        look(&Cli::command(), "");
    }

    #[test]
    fn help_texts() {
        for path in ["", "sources", "sources collect", "runs", "data", "demo"] {
            let mut command = Cli::command().term_width(100);
            command.build();
            let name = if path.is_empty() { "busta".to_owned() } else { path.replace(' ', "_") };
            let found = path.split_whitespace().try_fold(&mut command, |c, name| c.find_subcommand_mut(name));
            insta::assert_snapshot!(format!("help_{name}"), found.unwrap().render_help());
        }
    }
}
