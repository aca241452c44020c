//! What this process has used, from Linux's `/proc` (proc(5)); zeros elsewhere.

use std::fs;
use std::time::Duration;

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

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
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
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory() {
        assert!(peak_memory() > 1 << 20);
    }
}
