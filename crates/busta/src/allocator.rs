//! How glibc's allocator is set for this program.
//!
//! Records travel in buffers of a few hundred kilobytes to a few megabytes, which one thread fills and
//! another one frees. glibc's defaults keep several times of what is in use then, for two reasons. It gives
//! each thread an arena of its own, up to eight per core, and what is freed in one is of no use to the
//! others: threads for blocking work come and go, so nearly each buffer is laid out in another arena. And
//! whenever a large buffer that was mapped from the system is freed, it takes such sizes from the arenas
//! from then on, where they leave holes.
//!
//! So there are no more arenas than cores, and large buffers always go back to the system when they are
//! freed. To map them costs a fault per page, which is why the threshold is not lower: at 256 KiB a third less
//! memory is held, at a quarter to a third more processor time. It is above what batches of files and usual
//! pages take, so that these are not mapped anew each time. `docs/benchmarks.md` has the figures. (mimalloc 3
//! and jemalloc held more than glibc does, as they keep what threads have freed.)

use std::ffi::OsStr;

/// Buffers from this size on are mapped from the system, and returned to it.
const MAPPED_FROM: i32 = 3 << 19;

/// So much free memory at the end of an arena is kept instead of being returned. By default it is 128 KiB as
/// soon as a threshold for mappings is set, and returning and getting back memory becomes the main work.
const KEPT: i32 = 16 << 20;

/// Sets it; for the beginning of `main`, before there are other threads. The variables of the system that
/// set the same (mallopt(3)) have the last word.
pub fn set() {
    let arenas = std::thread::available_parallelism()
        .map_or(1, |cores| i32::try_from(cores.get()).unwrap_or(i32::MAX));
    let wanted = [
        ("MALLOC_ARENA_MAX", libc::M_ARENA_MAX, arenas),
        ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, MAPPED_FROM),
        ("MALLOC_TRIM_THRESHOLD_", libc::M_TRIM_THRESHOLD, KEPT),
    ];
    let is_set = |name: &str| std::env::var_os(OsStr::new(name)).is_some();
    if is_set("GLIBC_TUNABLES") {
        return;
    }
    for (_, option, value) in wanted.into_iter().filter(|(name, ..)| !is_set(name)) {
        set_option(option, value);
    }
}

#[allow(unsafe_code, reason = "there is no safe way to glibc's settings")]
fn set_option(option: i32, value: i32) {
    // SAFETY: mallopt takes its two integers by value and touches nothing but the allocator's settings, under
    // the allocator's own lock; it refuses what it does not know by returning 0. Whatever was allocated before
    // stays valid.
    let _refused = unsafe { libc::mallopt(option, value) };
}
