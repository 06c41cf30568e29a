//! The media worker: a process with one thread for packets, driven by the server through its
//! standard input and output. It ends when its standard input closes.

mod channel;
mod clock;
mod log;
mod process;

use std::process::ExitCode;

use log::{Level, log};
use process::{End, Process};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    log::install_panic_log();
    // An interrupt at the terminal reaches the whole group; when to end is the server's decision.
    parley_net::ignore_interrupts();
    if let Err(error) = parley_net::forgo_privileges() {
        log(
            Level::Warn,
            "privileges could not be forgone",
            &[("reason", error.to_string().into())],
        );
    }
    let process = match Process::new(std::io::stdin(), std::io::stdout()) {
        Ok(process) => process,
        Err(error) => {
            log(
                Level::Error,
                "could not start",
                &[("reason", error.to_string().into())],
            );
            return ExitCode::FAILURE;
        }
    };
    match process.run() {
        End::Shutdown => {
            log(Level::Info, "shut down", &[]);
            ExitCode::SUCCESS
        }
        End::InputClosed => {
            log(Level::Info, "input closed", &[]);
            ExitCode::SUCCESS
        }
        End::OutputUnread(why) => {
            log(
                Level::Error,
                "output unread",
                &[("why", format!("{why:?}").into())],
            );
            ExitCode::FAILURE
        }
        End::Io(error) => {
            log(
                Level::Error,
                "input or output failed",
                &[("reason", error.to_string().into())],
            );
            ExitCode::FAILURE
        }
    }
}
