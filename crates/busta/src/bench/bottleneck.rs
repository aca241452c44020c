//! What limits a collection, in words: from where the workers' time goes, how busy the processor is,
//! and what more workers brought.

use serde::{Deserialize, Serialize};

use super::results::Measurement;
use crate::figures;

/// So many of the cores are all of them.
const ALL_BUSY: f64 = 0.85;
/// A process that uses this much of one core and not much more works one after another.
const ONE_CORE: std::ops::Range<f64> = 0.8..1.25;
/// So much of the time without work means that there is too little of it.
const MOSTLY_IDLE: f64 = 0.5;
/// A run of so many seconds is not much more than its start and its end.
const SHORT: f64 = 0.5;
/// Who waits so much does not wait for a core.
const MOSTLY_WAITING: f64 = 0.5;
/// Waiting for limits counts from this part of the time of the workers and their waits.
const MUCH_LIMITED: f64 = 0.25;
/// A process that holds so much of the budget is held back by it.
const BUDGET_USED: f64 = 0.9;

/// What limits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// Which it is.
    pub kind: Kind,
    /// What that means here.
    pub words: String,
}

/// What may limit a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What the host allows: its rate, its `Retry-After`.
    Limits,
    /// All cores are busy.
    Processor,
    /// The answers of the server.
    Server,
    /// The disk that is read.
    Disk,
    /// Making records of what came.
    Parse,
    /// The transforms.
    Transform,
    /// The destination.
    Destination,
    /// Records on their way fill the memory that they may.
    Memory,
    /// There are fewer splits than workers.
    Splits,
}

/// What of a scenario matters here.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Cores of the machine.
    pub cores: usize,
    /// Whether it reads files instead of asking a server.
    pub reads_disk: bool,
    /// Whether one request must be answered before the next is known.
    pub is_chain: bool,
    /// What records may hold on their way, in bytes.
    pub memory_budget: u64,
}

/// What limits `measurements[knee]`; the others show what more workers bring.
pub fn judge(measurements: &[Measurement], knee: usize, around: Surroundings) -> Bottleneck {
    let Some(here) = measurements.get(knee) else {
        return Bottleneck { kind: Kind::Splits, words: "nothing was measured".to_owned() };
    };
    let kind = kind_of(here, around);
    let words = words(kind, here, &more(measurements, knee, around), around);
    Bottleneck { kind, words }
}

fn kind_of(here: &Measurement, around: Surroundings) -> Kind {
    let shares = here.shares;
    let slots = here.workers as f64 * here.wall_s.median;
    if here.limits_s > MUCH_LIMITED * (here.limits_s + slots) {
        return Kind::Limits;
    }
    let all = ALL_BUSY * around.cores as f64;
    let is_shared = shares.wait < MOSTLY_WAITING && here.busy_cores() + here.others_cores >= all;
    if around.cores > 1 && (here.busy_cores() >= all || is_shared) {
        return Kind::Processor;
    }
    if shares.idle > MOSTLY_IDLE {
        let is_full = here.peak_rss_bytes.median >= BUDGET_USED * around.memory_budget as f64;
        return if is_full { Kind::Memory } else { Kind::Splits };
    }
    let waiting = if around.reads_disk { Kind::Disk } else { Kind::Server };
    let phases = [
        (waiting, shares.wait),
        (Kind::Parse, shares.parse),
        (Kind::Transform, shares.transform),
        (Kind::Destination, shares.write),
    ];
    phases.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(Kind::Splits, |(kind, _)| kind)
}

/// What more workers than at the knee bring.
fn more(measurements: &[Measurement], knee: usize, around: Surroundings) -> String {
    let here = &measurements[knee];
    if around.is_chain {
        return "a chain of pages is read one after another, whatever the number of workers".to_owned();
    }
    match measurements.len() {
        1 => "other numbers of workers were not measured".to_owned(),
        len if knee + 1 == len => {
            format!("more than {} workers may bring more still", here.workers)
        }
        _ if here.workers == 1 => "more workers bring nothing".to_owned(),
        _ => format!("more workers help up to about {}", here.workers),
    }
}

fn words(kind: Kind, here: &Measurement, more: &str, around: Surroundings) -> String {
    let shares = here.shares;
    let part = |share: f64| format!("{} of the workers' time", percent(share));
    let one_core = if ONE_CORE.contains(&(here.cpu_s / here.wall_s.median.max(1e-9))) {
        "one core works all the time; "
    } else {
        ""
    };
    match kind {
        Kind::Limits => format!(
            "limits of the host: splits waited {} for what it allows; more workers do not help",
            figures::seconds(here.limits_s)
        ),
        Kind::Processor => {
            let sandbox = here.origin_cpu_s / here.wall_s.median.max(1e-9);
            let of = |cores: f64, who: &str| {
                if cores >= 0.05 { format!(", {cores:.1} of them with {who}") } else { String::new() }
            };
            format!(
                "the processor: {:.1} of {} cores are busy{}{}; of the work, most is {}; {more}",
                (here.busy_cores() + here.others_cores).min(around.cores as f64),
                around.cores,
                of(sandbox, "the sandbox"),
                of(here.others_cores, "other processes"),
                largest(here)
            )
        }
        Kind::Server => format!("waiting for the server: {}; {more}", part(shares.wait)),
        Kind::Disk => format!("waiting for the disk: {}; {more}", part(shares.wait)),
        Kind::Parse => format!("making records of what came: {}; {one_core}{more}", part(shares.parse)),
        Kind::Transform => format!("the transforms: {}; {one_core}{more}", part(shares.transform)),
        Kind::Destination => {
            format!("the destination: encoding and commits take {}; {one_core}{more}", part(shares.write))
        }
        Kind::Memory => format!(
            "the memory budget: records on their way fill it, and workers stand still for {} of the time; \
             a larger `memory_budget` helps",
            percent(shares.idle)
        ),
        Kind::Splits if here.wall_s.median < SHORT => format!(
            "too little work to tell: {} of the workers' time goes into the start, the plan and the end",
            percent(shares.idle)
        ),
        Kind::Splits => format!(
            "too few splits: workers have nothing to do for {} of the time; {more}",
            percent(shares.idle)
        ),
    }
}

/// What takes the most of the workers' time.
fn largest(here: &Measurement) -> String {
    let shares = here.shares;
    let phases = [
        ("waiting", shares.wait),
        ("making records", shares.parse),
        ("transforms", shares.transform),
        ("the destination", shares.write),
    ];
    let (name, share) = phases.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("", 0.0));
    format!("{name} ({} of the workers' time)", percent(share))
}

/// `78 %`.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::Shares;
    use crate::bench::spread::Spread;

    const SERVER: Surroundings =
        Surroundings { cores: 4, reads_disk: false, is_chain: false, memory_budget: 256 << 20 };

    fn measured(workers: usize, cpu_s: f64, [wait, parse, transform, write, idle]: [f64; 5]) -> Measurement {
        Measurement {
            workers,
            cpu_s,
            wall_s: Spread::of([10.0]),
            shares: Shares { wait, parse, transform, write, idle },
            ..Measurement::default()
        }
    }

    fn judged(measurements: &[Measurement], knee: usize, around: Surroundings) -> (Kind, String) {
        let bottleneck = judge(measurements, knee, around);
        (bottleneck.kind, bottleneck.words)
    }

    #[test]
    fn waiting_for_a_server() {
        let ten = measured(10, 2.0, [0.78, 0.1, 0.0, 0.1, 0.02]);
        let all = [measured(1, 1.0, [0.95, 0.03, 0.0, 0.02, 0.0]), ten.clone(), measured(20, 2.0, [0.5; 5])];
        let (kind, words) = judged(&all, 1, SERVER);
        assert_eq!(kind, Kind::Server);
        assert_eq!(
            words,
            "waiting for the server: 78 % of the workers' time; more workers help up to about 10"
        );
        let (_, words) = judged(&all[..2], 1, SERVER);
        assert!(words.ends_with("more than 10 workers may bring more still"), "{words}");
        let (_, words) = judged(&[ten], 0, Surroundings { is_chain: true, ..SERVER });
        assert!(words.contains("a chain of pages is read one after another"), "{words}");
    }

    #[test]
    fn the_disk_is_not_a_server() {
        let one = [measured(1, 2.0, [0.7, 0.2, 0.0, 0.1, 0.0])];
        let (kind, words) = judged(&one, 0, Surroundings { reads_disk: true, ..SERVER });
        assert_eq!(kind, Kind::Disk);
        assert!(words.starts_with("waiting for the disk: 70 %"), "{words}");
    }

    #[test]
    fn one_core_that_parses() {
        let all =
            [measured(1, 10.0, [0.0, 0.9, 0.0, 0.1, 0.0]), measured(5, 10.0, [0.0, 0.2, 0.0, 0.1, 0.7])];
        let (kind, words) = judged(&all, 0, SERVER);
        assert_eq!(kind, Kind::Parse);
        assert_eq!(
            words,
            "making records of what came: 90 % of the workers' time; one core works all the time; more \
             workers bring nothing"
        );
    }

    #[test]
    fn busy_cores_count_before_the_phases() {
        let mut busy = measured(10, 30.0, [0.4, 0.3, 0.0, 0.3, 0.0]);
        busy.origin_cpu_s = 6.0;
        let (kind, words) = judged(&[busy], 0, SERVER);
        assert_eq!(kind, Kind::Processor);
        assert!(
            words.starts_with("the processor: 3.6 of 4 cores are busy, 0.6 of them with the sandbox"),
            "{words}"
        );
    }

    #[test]
    fn cores_that_others_use_count_for_who_does_not_wait() {
        let shared = |wait: f64| {
            let mut shared = measured(5, 10.0, [wait, 1.0 - wait, 0.0, 0.0, 0.0]);
            shared.others_cores = 2.7;
            judged(&[shared], 0, SERVER)
        };
        let (kind, words) = shared(0.1);
        assert_eq!(kind, Kind::Processor);
        assert!(words.contains("3.7 of 4 cores are busy, 2.7 of them with other processes"), "{words}");
        assert_eq!(shared(0.8).0, Kind::Server);
    }

    #[test]
    fn the_destination_and_the_transforms() {
        assert_eq!(judged(&[measured(5, 9.0, [0.1, 0.2, 0.1, 0.6, 0.0])], 0, SERVER).0, Kind::Destination);
        assert_eq!(judged(&[measured(5, 9.0, [0.1, 0.2, 0.6, 0.1, 0.0])], 0, SERVER).0, Kind::Transform);
    }

    #[test]
    fn limits_count_before_everything() {
        let mut limited = measured(2, 38.0, [0.9, 0.0, 0.0, 0.1, 0.0]);
        limited.limits_s = 60.0;
        let (kind, words) = judged(&[limited], 0, SERVER);
        assert_eq!(kind, Kind::Limits);
        assert!(words.contains("waited 1 min 00 s"), "{words}");
    }

    #[test]
    fn workers_without_work() {
        let mut idle = measured(20, 5.0, [0.1, 0.1, 0.0, 0.1, 0.7]);
        assert_eq!(judged(&[idle.clone()], 0, SERVER).0, Kind::Splits);
        let short = Measurement { wall_s: Spread::of([0.06]), cpu_s: 0.03, ..idle.clone() };
        assert!(judged(&[short], 0, SERVER).1.starts_with("too little work to tell: 70 %"));
        idle.peak_rss_bytes = Spread::of([300e6]);
        assert_eq!(judged(&[idle], 0, SERVER).0, Kind::Memory);
    }
}
