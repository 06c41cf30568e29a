//! What a worker gives up once its sockets are bound.

/// What is to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// User and group to become where the process is root's. None: it stays root's.
    pub uid: Option<u32>,
    /// System calls that a worker does not need.
    pub filter: bool,
}

/// What was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confined {
    /// The user that the process is now.
    pub uid: u32,
    /// Whether a forbidden system call ends it; with a reason where that cannot be had, none where
    /// it was not wanted.
    pub filter: Option<Result<(), String>>,
}

#[cfg(not(target_os = "linux"))]
pub use plain::{confine, forgo_privileges};

#[cfg(not(target_os = "linux"))]
mod plain {
    use std::io;

    use super::{Confined, Confinement};

    /// Nothing to say here.
    /// Errors: none.
    pub fn forgo_privileges() -> io::Result<()> {
        Ok(())
    }

    /// Becomes another user where this one is root. Filters are Linux's.
    /// Errors: it is root and may not become the user.
    pub fn confine(wanted: Confinement) -> io::Result<Confined> {
        // SAFETY: no arguments, never fails.
        let user = || unsafe { libc::geteuid() };
        if let Some(uid) = wanted.uid
            && user() == 0
        {
            // SAFETY: numbers only.
            if unsafe { libc::setgid(uid) } != 0 || unsafe { libc::setuid(uid) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        let none = || Err("this system has none".to_owned());
        Ok(Confined {
            uid: user(),
            filter: wanted.filter.then(none),
        })
    }
}
