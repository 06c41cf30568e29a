//! Load on a real media worker process, and what it costs: JSON on the standard output.
//!
//! `parley-load <worker binary> [--seconds N] [--viewers 20,100,300] [--listeners 100,1000]`
//!
//! CPU time and memory are the worker's own, asked of it over its channel; the load runs in this
//! process. The machine's floor (header rewrite, AES-256-GCM, segmentation offload, nothing else)
//! is measured beside each forwarding case, since machines differ.

mod crowd;
mod floor;
mod forward;
mod mix;
mod worker;

use std::process::ExitCode;

use serde::Serialize;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a publisher's packets are spread over the time of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Pattern {
    /// The eight packets of a frame together.
    Burst,
    /// One packet each 4.2 ms.
    Spread,
}

#[derive(Serialize)]
struct Report {
    forward: Vec<forward::Forwarded>,
    mix: Vec<mix::Mixed>,
    /// How much the worker's memory grows with each viewer, from the smallest room to the largest.
    /// Units: bytes. None where only one size was measured.
    memory_bytes_per_endpoint: Option<i64>,
}

struct Arguments {
    worker: String,
    seconds: u64,
    viewers: Vec<u32>,
    listeners: Vec<u32>,
}

/// Anything that ends a measurement, in words.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let report = arguments().and_then(|arguments| measure(&arguments));
    match report.and_then(|report| Ok(serde_json::to_string(&report)?)) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("parley-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<Report, Failure> {
    let mut report = Report {
        forward: Vec::new(),
        mix: Vec::new(),
        memory_bytes_per_endpoint: None,
    };
    for viewers in &arguments.viewers {
        for pattern in [Pattern::Burst, Pattern::Spread] {
            eprintln!("forwarding to {viewers}, {pattern:?}");
            let case = forward::Case {
                viewers: *viewers,
                pattern,
                seconds: arguments.seconds,
            };
            report
                .forward
                .push(forward::measure(&arguments.worker, case)?);
        }
    }
    report.memory_bytes_per_endpoint = memory(&report.forward);
    for listeners in &arguments.listeners {
        eprintln!("mixing for {listeners}");
        report.mix.push(mix::measure(
            &arguments.worker,
            *listeners,
            arguments.seconds,
        )?);
    }
    Ok(report)
}

fn memory(cases: &[forward::Forwarded]) -> Option<i64> {
    let smallest = cases.iter().min_by_key(|case| case.viewers)?;
    let largest = cases.iter().max_by_key(|case| case.viewers)?;
    let grown = largest.memory_bytes_total as i64 - smallest.memory_bytes_total as i64;
    grown.checked_div(i64::from(largest.viewers) - i64::from(smallest.viewers))
}

fn arguments() -> Result<Arguments, Failure> {
    let mut given = std::env::args().skip(1);
    let worker = given
        .next()
        .ok_or("the first argument is the worker's binary")?;
    let mut arguments = Arguments {
        worker,
        seconds: 8,
        viewers: vec![20, 100, 300],
        listeners: vec![100, 1_000],
    };
    while let Some(name) = given.next() {
        let value = given
            .next()
            .ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--seconds" => arguments.seconds = value.parse()?,
            "--viewers" => arguments.viewers = numbers(&value)?,
            "--listeners" => arguments.listeners = numbers(&value)?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(arguments)
}

fn numbers(list: &str) -> Result<Vec<u32>, Failure> {
    let parts = list.split(',').filter(|part| !part.is_empty());
    parts.map(|part| Ok(part.trim().parse()?)).collect()
}
