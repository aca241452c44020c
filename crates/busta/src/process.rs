//! What processes and the machine use, from Linux's `/proc` (proc(5)); zeros or nothing elsewhere.

use std::fs;
use std::time::Duration;

use busta_core::report::RunReport;

/// Clock ticks of `/proc/self/stat` per second: Linux reports 100 to user space on every machine.
const TICKS: u64 = 100;

/// The most memory it has held, in bytes (`VmHWM`).
pub fn peak_memory() -> u64 {
    fs::read_to_string("/proc/self/status").ok().and_then(|text| peak_of(&text)).unwrap_or(0)
}

/// Its processor time so far, of all threads.
pub fn processor_time() -> Duration {
    let ticks = fs::read_to_string("/proc/self/stat").ok().and_then(|text| ticks_of(&text)).unwrap_or(0);
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// What it uses while a run is under way, for the run's report.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// The processor time that was used before.
    before: Duration,
}

impl Usage {
    /// A run begins.
    pub fn begin() -> Self {
        Self { before: processor_time() }
    }

    /// Puts what was used into the report of the run.
    pub fn fill(self, report: &mut RunReport) {
        report.peak_rss_bytes = peak_memory();
        report.cpu_s = processor_time().saturating_sub(self.before).as_secs_f64();
    }
}

/// What another process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// The memory that it holds, in bytes (`VmRSS`).
    pub memory: u64,
    /// The most that it has held (`VmHWM`).
    pub peak: u64,
    /// Its processor time, of all threads.
    pub processor: Duration,
}

/// What the process `pid` has used; `None` if it is gone, or where the system does not tell.
pub fn of(pid: u32) -> Option<Use> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(Use {
        memory: size_of(&status, "VmRSS:")?,
        peak: peak_of(&status)?,
        processor: Duration::from_millis(ticks_of(&stat)? * 1000 / TICKS),
    })
}

/// The processor time of the whole machine so far, without idling and waiting for disks; zero where the
/// system does not tell.
pub fn machine_time() -> Duration {
    let ticks = fs::read_to_string("/proc/stat").ok().and_then(|text| busy_ticks_of(&text)).unwrap_or(0);
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// The first line is `cpu user nice system idle iowait irq softirq steal ..`.
fn busy_ticks_of(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let fields: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let used = fields.iter().take(8).sum::<u64>();
    used.checked_sub(fields.get(3)? + fields.get(4)?)
}

/// Lets it open as many files as it may: shells and service managers set the soft limit low for the sake of
/// programs that use select(2).
pub fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is not allowed, the old limit holds.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// How many processors it may use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The memory of the machine, in bytes; `None` where the system does not tell.
pub fn machine_memory() -> Option<u64> {
    size_of(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// How many file descriptors are open; `None` where the system does not tell.
pub fn open_files() -> Option<u64> {
    // One of them is that of the folder itself.
    Some((fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1))
}

/// How many file descriptors may be open; `None` where the system does not tell, or sets no limit.
pub fn most_open_files() -> Option<u64> {
    most_files_of(&fs::read_to_string("/proc/self/limits").ok()?)
}

/// The line is `Max open files  1024  1048576  files`: the soft limit, then the hard one.
fn most_files_of(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn peak_of(status: &str) -> Option<u64> {
    size_of(status, "VmHWM:")
}

fn size_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Fields 14 and 15; the second field, the name, may hold blanks and brackets.
fn ticks_of(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_understood() {
        assert_eq!(peak_of("Name:\tx\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n"), Some(12345 * 1024));
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 1 0 100";
        assert_eq!(ticks_of(stat), Some(175));
        assert_eq!(ticks_of("nonsense"), None);
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024     1048576    files\n";
        assert_eq!(most_files_of(limits), Some(1024));
        assert_eq!(most_files_of("Max open files  unlimited  unlimited  files"), None);
        assert_eq!(busy_ticks_of("cpu  100 1 20 5000 300 2 3 4 0 0\ncpu0 1 1\n"), Some(130));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory() {
        assert!(peak_memory() > 1 << 20);
        let seen = of(std::process::id()).unwrap();
        assert!(seen.memory > 1 << 20 && seen.peak >= seen.memory);
        assert_eq!(of(u32::MAX), None);
        assert!((3..most_open_files().unwrap()).contains(&open_files().unwrap()));
        assert!(machine_memory().unwrap() > seen.memory && processors() >= 1);
    }
}
