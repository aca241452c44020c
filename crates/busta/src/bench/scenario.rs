//! What is measured: the work, and with how many workers.

use serde_json::Value;

use super::destination::To;

/// One kind of work.
pub struct Scenario {
    /// Its name, by which benches are compared.
    pub name: &'static str,
    /// What is collected from where.
    pub title: String,
    /// The `sources` of the configuration.
    pub sources: Value,
    /// Where the records land.
    pub destination: To,
    /// The numbers of workers, ascending.
    pub workers: Vec<usize>,
    /// Whether it reads files instead of asking a server.
    pub reads_disk: bool,
    /// Whether one request must be answered before the next is known.
    pub is_chain: bool,
    /// Stop after about so many records.
    pub limit: Option<u64>,
    /// Whether it is run once beforehand, so that the first run is no colder than the others.
    pub warm_up: bool,
}

/// How large what is generated is, and with how many workers it is read.
#[derive(Clone, Debug)]
pub struct Size {
    /// A tenth of it, or less.
    pub quick: bool,
    /// The numbers of workers, ascending.
    pub workers: Vec<usize>,
    /// Where the records land.
    pub destination: To,
    /// Only these scenarios; all if there are none.
    pub only: Vec<String>,
}

impl Size {
    /// Whether the scenario of this name is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// `full`, or `quick` if it is to be quick.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A scenario over generated data; the rest is set by whoever knows it.
    pub fn scenario(&self, name: &'static str, title: String, sources: Value) -> Scenario {
        Scenario {
            name,
            title,
            sources,
            destination: self.destination,
            workers: self.workers.clone(),
            reads_disk: false,
            is_chain: false,
            limit: None,
            warm_up: false,
        }
    }
}
