//! What only the operating system can tell: its clocks and the use this process makes of it.

use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

/// CPU time and memory of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User plus system time, microseconds.
    pub cpu_us: u64,
    /// Resident memory, bytes. Where the system tells only the peak, the peak.
    pub memory_bytes: u64,
}

/// The machine's monotonic clock, microseconds. The same for every process of this machine.
#[must_use]
pub fn monotonic_us() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// The machine's wall clock, microseconds since 1970 UTC.
#[must_use]
pub fn unix_us() -> u64 {
    read_clock(libc::CLOCK_REALTIME)
}

/// Asks the system for this process's CPU time and memory.
#[must_use]
pub fn usage() -> Usage {
    // SAFETY: a structure of plain integers, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a whole rusage that lives through the call.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    let peak = usage.ru_maxrss as u64 * if cfg!(target_os = "macos") { 1 } else { 1024 };
    Usage {
        cpu_us: micros(usage.ru_utime) + micros(usage.ru_stime),
        memory_bytes: resident_bytes().unwrap_or(peak),
    }
}

/// Lets an interrupt from the terminal pass by this process.
pub fn ignore_interrupts() {
    // SAFETY: SIG_IGN is a handler the system defines; nothing of ours runs in it.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
}

fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a whole timespec that lives through the call.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

fn resident_bytes() -> Option<u64> {
    // Opened once: a confined worker opens nothing.
    static PAGES: OnceLock<Option<File>> = OnceLock::new();
    let file = PAGES.get_or_init(|| File::open("/proc/self/statm").ok());
    let mut text = [0; 128];
    let length = file.as_ref()?.read_at(&mut text, 0).ok()?;
    let pages = std::str::from_utf8(text.get(..length)?).ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    // SAFETY: no arguments but a constant.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(resident * u64::try_from(page).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_forward_and_usage_is_plausible() {
        let before = monotonic_us();
        assert!(monotonic_us() >= before);
        assert!(unix_us() > 1_700_000_000_000_000);
        assert!(usage().memory_bytes > 100_000);
    }
}
