//! Logs: JSON lines on standard error, a constant message with its facts in fields.

use std::io::Write as _;

use serde_json::{Map, Value};

/// How much somebody should care.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    /// Somebody must act.
    Error,
    /// It was recovered from.
    Warn,
    /// One step of a life.
    Info,
}

/// Writes one line.
pub(crate) fn log(level: Level, message: &str, fields: &[(&str, Value)]) {
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
    };
    let mut line = Map::new();
    line.insert("time_us".to_owned(), parley_net::unix_us().into());
    line.insert("level".to_owned(), level.into());
    line.insert("message".to_owned(), message.into());
    for (name, value) in fields {
        line.insert((*name).to_owned(), value.clone());
    }
    let mut text = Value::Object(line).to_string();
    text.push('\n');
    // Where standard error is gone there is nobody left to tell.
    let _nobody_reads = std::io::stderr().write_all(text.as_bytes());
}

/// Lets panics be logged like everything else.
pub(crate) fn install_panic_log() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.payload().downcast_ref::<String>().cloned());
        let place = panic
            .location()
            .map(|place| format!("{}:{}", place.file(), place.line()));
        log(
            Level::Error,
            "panic",
            &[
                ("text", text.unwrap_or_default().into()),
                ("place", place.unwrap_or_default().into()),
            ],
        );
    }));
}
