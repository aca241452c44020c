//! `busta schema` and `busta completions`.

use anyhow::Result;
use clap::CommandFactory;

use super::{Cli, Context};
use crate::exit::Exit;
use crate::{config, output, wiring};

pub fn schema(context: &Context) -> Result<Exit> {
    let (kinds, wrong) = wiring::kinds(context.config.as_ref())?;
    wrong.iter().for_each(|problem| output::note(problem));
    let schema = config::json_schema(wiring::registry(), &kinds);
    output::line(&serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}

pub fn completions(shell: clap_complete::Shell) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "busta", &mut script);
    output::to_stdout(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
