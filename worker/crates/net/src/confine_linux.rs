//! What a worker gives up on Linux once its sockets are bound: root, new privileges, and every
//! system call that its work does not need. Whoever takes it over by a packet has a process that can
//! open no file, start no program and connect to nobody.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is,
    SeccompCondition as Condition, SeccompFilter, SeccompRule, TargetArch,
};

use crate::confine::{Confined, Confinement};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Says that no program that this process or a descendant starts may gain privileges. To be called
/// before there are threads.
/// Errors: the kernel has no such thing.
pub fn forgo_privileges() -> io::Result<()> {
    // SAFETY: numbers only.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    checked(result)
}

/// Becomes another user where this one is root, then lets go of system calls, for all threads.
/// Errors: it is root and may not become the user. Where the kernel has no filters the result says
/// so; that is a matter for the log.
pub fn confine(wanted: Confinement) -> io::Result<Confined> {
    if let Some(uid) = wanted.uid
        && user() == 0
    {
        become_user(uid)?;
    }
    let filter = if wanted.filter {
        Some(install_filters().map_err(|error| error.to_string()))
    } else {
        None
    };
    Ok(Confined {
        uid: user(),
        filter,
    })
}

fn user() -> u32 {
    // SAFETY: no arguments, never fails.
    unsafe { libc::geteuid() }
}

fn become_user(uid: u32) -> io::Result<()> {
    // The C library does each for all threads (nptl(7)). Groups first: afterwards we may not.
    // SAFETY: numbers, and an empty list with its length.
    checked(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    // SAFETY: numbers only.
    checked(unsafe { libc::setresgid(uid, uid, uid) })?;
    // SAFETY: numbers only.
    checked(unsafe { libc::setresuid(uid, uid, uid) })?;
    // SAFETY: numbers only. It has to fail now.
    if uid != 0 && unsafe { libc::setuid(0) } == 0 {
        return Err(io::Error::other("root could be had again"));
    }
    Ok(())
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Two filters, of which the stricter decides: what is in neither list ends the process; what a
/// library may look up by itself at any time is refused and ends nothing.
fn install_filters() -> Result<(), seccompiler::Error> {
    let deny = libc::EACCES as u32;
    let refuse = SeccompAction::Errno(deny);
    let looks = compile(looks()?, SeccompAction::Allow, refuse)?;
    let mut allowed = allowed()?;
    allowed.extend(self::looks()?);
    let needed = compile(allowed, SeccompAction::KillProcess, SeccompAction::Allow)?;
    // The first must leave the way open for installing the second.
    seccompiler::apply_filter_all_threads(&looks)?;
    seccompiler::apply_filter_all_threads(&needed)
}

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    then: SeccompAction,
) -> Result<BpfProgram, seccompiler::Error> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, otherwise, then, machine)?.try_into()?)
}

fn when(argument: u8, is: Is, value: u64) -> Result<Vec<SeccompRule>, seccompiler::Error> {
    let condition = Condition::new(argument, Length::Dword, is, value)?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}

/// Looking at files, which the allocator and the cryptography do now and then.
fn looks() -> Result<Rules, seccompiler::Error> {
    let writing = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
    let reading = || when(2, Is::MaskedEq(writing as u64), 0);
    #[allow(unused_mut, reason = "elsewhere there are no more")]
    let mut rules = Rules::from([
        (libc::SYS_openat, reading()?),
        (libc::SYS_faccessat, vec![]),
        (libc::SYS_faccessat2, vec![]),
        (libc::SYS_readlinkat, vec![]),
        (libc::SYS_getcwd, vec![]),
        (libc::SYS_newfstatat, vec![]),
        (libc::SYS_statx, vec![]),
    ]);
    #[cfg(target_arch = "x86_64")]
    rules.extend([
        (libc::SYS_open, when(1, Is::MaskedEq(writing as u64), 0)?),
        (libc::SYS_access, vec![]),
        (libc::SYS_readlink, vec![]),
        (libc::SYS_stat, vec![]),
        (libc::SYS_lstat, vec![]),
    ]);
    Ok(rules)
}

/// Everything that a worker does.
fn allowed() -> Result<Rules, seccompiler::Error> {
    let no_code = || when(2, Is::MaskedEq(libc::PROT_EXEC as u64), 0);
    let own = u64::from(std::process::id());
    #[allow(clippy::unnecessary_cast, reason = "musl has another type")]
    let nonblocking = libc::FIONBIO as u64;
    let any = [
        // Its channel, its log, its sockets.
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_lseek,
        libc::SYS_fstat,
        libc::SYS_fcntl,
        libc::SYS_ppoll,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_pwait,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_recvmmsg,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_shutdown,
        libc::SYS_getsockname,
        libc::SYS_getpeername,
        libc::SYS_getsockopt,
        libc::SYS_setsockopt,
        // Memory.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // Threads that are there, and their end.
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getcpu,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_membarrier,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
        // Time and chance.
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
    ];
    #[allow(unused_mut, reason = "as above")]
    let mut rules: Rules = any.into_iter().map(|call| (call, vec![])).collect();
    rules.extend([
        (libc::SYS_mmap, no_code()?),
        (libc::SYS_mprotect, no_code()?),
        (libc::SYS_ioctl, when(1, Is::Eq, nonblocking)?),
        // An abort signals itself and nobody else.
        (libc::SYS_tgkill, when(0, Is::Eq, own)?),
        // The allocator names its memory.
        (libc::SYS_prctl, when(0, Is::Eq, libc::PR_SET_VMA as u64)?),
    ]);
    #[cfg(target_arch = "x86_64")]
    rules.extend([
        (libc::SYS_poll, vec![]),
        (libc::SYS_epoll_wait, vec![]),
        (libc::SYS_time, vec![]),
    ]);
    Ok(rules)
}
