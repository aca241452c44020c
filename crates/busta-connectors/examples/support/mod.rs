//! What an example tells of its own process. Linux only.

#![allow(dead_code, clippy::unwrap_used, reason = "for measurements; not every one tells all of it")]

use std::fs;

/// The seconds that it has been on a processor, from the ticks of `/proc/self/stat` (100 a second).
pub fn processor_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = text.rsplit(')').next().unwrap();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// The peak of the resident set so far, in KiB.
pub fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
