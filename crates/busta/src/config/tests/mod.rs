//! What people get to see when a configuration is wrong, and what a right one becomes.

mod connectors;
mod good;
mod manifests;
mod wrong;

use std::io;
use std::path::Path;
use std::sync::Arc;

use busta_core::clock::{Clock, SystemClock};
use busta_core::meter::NoMeter;

use super::env::Environment;
use super::{Config, ConfigErrors, Draft};

/// A small world: two variables and a file.
struct Fixed;

impl Environment for Fixed {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("tok-from-env-1234".to_owned()),
            "PLACES" => Some("3".to_owned()),
            "DIGITS" => Some("0123456789".to_owned()),
            _ => None,
        }
    }

    fn file(&self, path: &str) -> io::Result<String> {
        match path {
            "/run/secrets/token" => Ok("tok-from-file-5678\n".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn load(yaml: &str) -> Result<Config, ConfigErrors> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Draft::read(Path::new("busta.yaml"), yaml.to_owned(), &Fixed, connectors::REGISTRY)?
        .build(&clock, &mut |_| Arc::new(NoMeter))
}

/// All problems as they are printed.
fn problems(yaml: &str) -> String {
    match load(yaml) {
        Ok(_) => "no problem".to_owned(),
        Err(errors) => errors.to_string(),
    }
}
