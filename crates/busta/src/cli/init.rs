//! `busta init`: a configuration that works at once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::exit::{Exit, Usage};
use crate::output::line;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta init
  busta init my-data --force

Writes busta.yaml and a folder with two sample files, which `busta sources collect` reads at once.")]
pub struct Init {
    /// Where; made if it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Overwrite what is there
    #[arg(long)]
    force: bool,
}

const FILES: [(&str, &str); 3] = [
    ("busta.yaml", include_str!("init/busta.yaml")),
    ("samples/orders.json", include_str!("init/orders.json")),
    ("samples/more-orders.ndjson", include_str!("init/more-orders.ndjson")),
];

impl Init {
    pub fn run(&self) -> Result<Exit> {
        let taken = FILES.iter().map(|(name, _)| self.folder.join(name)).find(|path| path.exists());
        if let Some(path) = taken.filter(|_| !self.force) {
            return Err(Usage(format!("{} is there already; --force overwrites it", path.display())).into());
        }
        for (name, text) in FILES {
            write(&self.folder.join(name), text)?;
            line(&format!("wrote {}", self.folder.join(name).display()))?;
        }
        let change = if self.folder == Path::new(".") {
            String::new()
        } else {
            format!("cd {} && ", self.folder.display())
        };
        line(&format!("\nNext:\n  {change}busta check\n  busta sources collect\n  busta data head orders"))?;
        Ok(Exit::Done)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
