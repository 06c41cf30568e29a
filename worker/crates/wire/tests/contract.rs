//! The border as both sides see it: the generated TypeScript and the shared example lines.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use parley_wire::{Command, EndReason, ErrorCode, Event, Message, Reply, Request};
use serde_json::Value;
use ts_rs::{Config, TS};

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .join(path)
}

fn examples() -> Vec<Value> {
    let text = std::fs::read_to_string(repository("contract/vectors/media.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every string literal of a type's declaration, in order.
fn literals<T: TS>() -> Vec<String> {
    let declaration = T::decl(&Config::default());
    declaration
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The names of a tagged union's variants.
fn tags<T: TS>() -> BTreeSet<String> {
    let literals = literals::<T>();
    let pairs = literals.windows(2).filter(|pair| pair[0] == "type");
    pairs.map(|pair| pair[1].clone()).collect()
}

fn seen(path: &[&str]) -> BTreeSet<String> {
    let values = examples();
    let found = values.iter().filter_map(|value| {
        let mut value = value;
        for key in path {
            value = value.get(key)?;
        }
        value.as_str().map(str::to_owned)
    });
    found.collect()
}

#[test]
fn every_example_line_survives_a_round_trip_unchanged() {
    for example in examples() {
        let again = if example.get("request").is_some() {
            serde_json::to_value(serde_json::from_value::<Command>(example.clone()).unwrap())
        } else {
            serde_json::to_value(serde_json::from_value::<Message>(example.clone()).unwrap())
        };
        assert_eq!(again.unwrap(), example);
    }
}

#[test]
fn there_is_an_example_of_every_variant() {
    assert_eq!(seen(&["request", "type"]), tags::<Request>());
    assert_eq!(seen(&["reply", "type"]), tags::<Reply>());
    assert_eq!(seen(&["event", "type"]), tags::<Event>());
    let codes: BTreeSet<String> = literals::<ErrorCode>().into_iter().collect();
    assert_eq!(seen(&["code"]), codes);
    let reasons: BTreeSet<String> = literals::<EndReason>().into_iter().collect();
    assert_eq!(seen(&["event", "reason"]), reasons);
}

#[test]
fn the_generated_typescript_is_the_committed_one() {
    let path = repository("server/src/media/wire.ts");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == parley_wire::typescript(),
        "wire.ts is stale: cargo run -p parley-wire --example contract > server/src/media/wire.ts"
    );
}
