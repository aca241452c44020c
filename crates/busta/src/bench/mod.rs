//! The profiling suite behind `busta bench`.
//!
//! Every measurement is a run of this same binary as a process of its own, so that its memory and processor
//! time are the run's alone; the [sandbox](sandbox) is another one. Where the time goes, the run's own report
//! says. From that come the knee (`knee.rs`), the bottleneck in words (`bottleneck.rs`), and the comparison of
//! two benches (`compare.rs`).

mod api;
mod bottleneck;
pub mod compare;
pub mod destination;
mod files;
mod generate;
mod knee;
mod live;
mod machine;
pub mod markdown;
mod measure;
mod pipeline;
pub mod plot;
pub mod results;
mod run;
mod sandbox;
mod scenario;
mod spread;
mod stac;
pub mod text;
mod workplace;

use std::path::PathBuf;

use anyhow::Result;
use url::Url;

use self::destination::To;
use self::live::Live;
use self::results::{Results, VERSION};
use self::sandbox::Sandbox;
use self::scenario::{Scenario, Size};
use self::workplace::Workplace;
use crate::exit::Usage;
use crate::wiring;

/// Which scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Small and large files, and folders of items.
    Files,
    /// Pages of a REST API.
    Api,
    /// Items of a STAC API.
    Stac,
    /// From the source through transforms into the destination.
    Pipeline,
}

impl Suite {
    /// The names of its scenarios over generated data.
    fn names(self) -> Vec<&'static str> {
        match self {
            Self::Files => files::names(),
            Self::Api => api::NAMES.to_vec(),
            Self::Stac => stac::NAMES.to_vec(),
            Self::Pipeline => pipeline::NAMES.to_vec(),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Api => "api",
            Self::Stac => "stac",
            Self::Pipeline => "pipeline",
        }
    }
}

/// The user's own data.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Files or a folder.
    pub path: Option<PathBuf>,
    /// A list of records, or the landing page of a STAC API.
    pub url: Option<Url>,
    /// Where in an answer the records are (JSONPath).
    pub records: Option<String>,
    /// How pages follow each other, as JSON.
    pub pagination: Option<String>,
    /// The program that transforms the records of a pipeline.
    pub jq: String,
    /// Stop after about so many records.
    pub limit: Option<u64>,
}

/// What is to be measured.
pub struct Plan {
    /// Which scenarios.
    pub suite: Suite,
    /// On the user's own data, if any is named.
    pub given: Given,
    /// The numbers of workers, ascending.
    pub workers: Vec<usize>,
    /// How often each measurement is repeated.
    pub repeat: usize,
    /// Less data.
    pub quick: bool,
    /// Where the records land.
    pub destination: To,
    /// Only these scenarios; all if there are none.
    pub only: Vec<String>,
    /// Where to put generated and collected data.
    pub folder: Option<PathBuf>,
}

impl Plan {
    fn size(&self) -> Size {
        Size {
            quick: self.quick,
            workers: self.workers.clone(),
            destination: self.destination,
            only: self.only.clone(),
        }
    }
}

/// Carries out `plan`.
///
/// # Errors
/// If the user's data is not there, or if a run could not collect.
pub async fn run(plan: &Plan) -> Result<Results> {
    let is_given = plan.given.path.is_some() || plan.given.url.is_some();
    if !is_given {
        all_known(&plan.only, &plan.suite.names())?;
    }
    let place = Workplace::new(plan.folder.as_deref())?;
    let live = Live::start();
    let started_at = wiring::clock().now();
    let sandbox = match plan.suite {
        Suite::Files => None,
        _ if is_given => None,
        _ => Some(Sandbox::start().await?),
    };
    let scenarios = match &plan.given.url {
        Some(url) if plan.suite == Suite::Pipeline => {
            pipeline::of_url(&plan.size(), &plan.given, url, &place).await?
        }
        _ => scenarios(plan, &place, sandbox.as_ref(), &live)?,
    };
    let mut measured = Vec::new();
    if scenarios.is_empty() {
        return Err(Usage("--only: no scenario over your own data has such a name".to_owned()).into());
    }
    for scenario in scenarios {
        if plan.given.url.is_some() && plan.suite != Suite::Pipeline {
            run::probe(&scenario, &place.path().join("probe")).await?;
        }
        measured.push(measure::measure(&scenario, plan.repeat, &place, sandbox.as_ref(), &live).await?);
    }
    Ok(Results {
        version: VERSION,
        busta: env!("CARGO_PKG_VERSION").to_owned(),
        build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        suite: plan.suite.as_str().to_owned(),
        started_at,
        machine: machine::machine(),
        repeat: plan.repeat,
        scenarios: measured,
    })
}

fn scenarios(
    plan: &Plan,
    place: &Workplace,
    sandbox: Option<&Sandbox>,
    live: &Live,
) -> Result<Vec<Scenario>> {
    let size = plan.size();
    let given = &plan.given;
    let origin = sandbox.map_or("", Sandbox::url);
    live.preparing("preparing the data");
    // Generating is work of seconds, beside which nothing else is to be done here.
    let scenarios = tokio::task::block_in_place(|| match plan.suite {
        Suite::Files => match &given.path {
            Some(path) => files::given(&size, path, given.limit),
            None => files::generated(&size, place),
        },
        Suite::Api => match &given.url {
            Some(url) => api::given(&size, url, given),
            None => Ok(api::generated(&size, origin)),
        },
        Suite::Stac if given.url.is_some() || given.path.is_some() => {
            stac::given(&size, given.url.as_ref(), given.path.as_deref(), given.limit)
        }
        Suite::Stac => Ok(stac::generated(&size, origin)),
        Suite::Pipeline => match &given.path {
            Some(path) => pipeline::given(&size, path, &given.jq, given.limit),
            None => pipeline::generated(&size, origin, place),
        },
    })?;
    Ok(scenarios.into_iter().filter(|scenario| size.wants(scenario.name)).collect())
}

fn all_known(only: &[String], names: &[&str]) -> Result<()> {
    match only.iter().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let known = names.join(", ");
            Err(Usage(format!("--only: there is no scenario {unknown}; there are {known}")).into())
        }
    }
}
