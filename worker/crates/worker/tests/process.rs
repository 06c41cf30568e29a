//! The process as the server drives it: lines in, lines out, real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::UdpSocket;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use parley_wire::{ErrorCode, Event, Message, PROTOCOL_VERSION, Reply};

/// The rest of `configure`.
const LIMITS: &str = r#""limits":{"unproven_bytes_max":3000,"tcp_unconfirmed_max":512,"tcp_unconfirmed_per_address_max":32},"confinement":{"uid":65533,"filter":true}"#;

struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    events: Vec<(u64, Event)>,
}

impl Worker {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_parley-worker"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            input,
            output,
            events: Vec::new(),
        }
    }

    fn read(&mut self) -> Option<Message> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).unwrap();
        (length > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Says a line and waits for its answer; events are kept.
    fn ask(&mut self, line: &str) -> Message {
        self.say(line);
        loop {
            match self.read().unwrap() {
                Message::Event { seq, event } => self.events.push((seq, event)),
                answer => return answer,
            }
        }
    }

    fn code(&mut self, line: &str) -> ErrorCode {
        match self.ask(line) {
            Message::Error { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    fn configure(&mut self, udp: &str) -> Message {
        self.ask(&format!(
            r#"{{"id":1,"request":{{"type":"configure","udp":"{udp}","tcp":"127.0.0.1:0","certificate":null,"seed":1,{LIMITS}}}}}"#
        ))
    }
}

#[test]
fn it_introduces_itself_opens_its_ports_and_answers_in_order() {
    let mut worker = Worker::start();
    let Some(Message::Hello(hello)) = worker.read() else {
        panic!("no hello")
    };
    assert_eq!(hello.protocol_version, PROTOCOL_VERSION);
    assert!(!hello.capabilities.mix.is_empty() && !hello.capabilities.forward.is_empty());
    let too_early = r#"{"id":2,"request":{"type":"stats"}}"#;
    assert_eq!(worker.code(too_early), ErrorCode::WrongState);
    let Message::Reply {
        reply: Reply::Configured(configured),
        ..
    } = worker.configure("127.0.0.1:0")
    else {
        panic!("not configured");
    };
    assert!(configured.udp.port() > 0 && configured.tcp.unwrap().port() > 0);
    assert_eq!(configured.fingerprint.value.len(), 95);
    for id in 10..20 {
        let answer = worker.ask(&format!(r#"{{"id":{id},"request":{{"type":"ping"}}}}"#));
        assert!(matches!(answer, Message::Reply { id: to, reply: Reply::Done } if to == id));
    }
    let Message::Reply {
        reply: Reply::Stats(stats),
        ..
    } = worker.ask(too_early)
    else {
        panic!("no stats");
    };
    assert!(stats.memory_bytes > 1_000_000 && stats.cpu_us > 0);
    worker.say(r#"{"id":99,"request":{"type":"shutdown"}}"#);
    while worker.read().is_some() {}
    assert!(worker.child.wait().unwrap().success());
}

#[test]
fn a_bad_line_is_answered_and_the_next_one_is_done() {
    let mut worker = Worker::start();
    worker.read().unwrap();
    assert_eq!(
        worker.code(r#"{"id":7,"request":{"type":"dance"}}"#),
        ErrorCode::Malformed
    );
    worker.say("this is no command");
    let answer = worker.ask(r#"{"id":8,"request":{"type":"ping"}}"#);
    assert!(matches!(answer, Message::Reply { id: 8, .. }));
}

#[test]
fn a_taken_address_is_refused_by_name_and_another_one_can_be_tried() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut worker = Worker::start();
    worker.read().unwrap();
    let Message::Error { code, message, .. } = worker.configure(&address) else {
        panic!("a taken address was opened");
    };
    assert_eq!(code, ErrorCode::AddressUnavailable);
    assert!(message.contains(&address), "{message}");
    assert!(matches!(
        worker.configure("127.0.0.1:0"),
        Message::Reply {
            reply: Reply::Configured(_),
            ..
        }
    ));
    let again = worker.configure("127.0.0.1:0");
    assert!(matches!(
        again,
        Message::Error {
            code: ErrorCode::WrongState,
            ..
        }
    ));
}

#[test]
fn it_beats_and_counts_its_events_without_gaps() {
    let mut worker = Worker::start();
    worker.read().unwrap();
    worker.configure("127.0.0.1:0");
    let mut last = 0;
    for _ in 0..5 {
        match worker.read().unwrap() {
            Message::Event {
                seq,
                event: Event::Heartbeat,
            } => {
                assert_eq!(seq, last + 1);
                last = seq;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn it_ends_when_the_server_is_gone() {
    let mut worker = Worker::start();
    worker.read().unwrap();
    worker.configure("127.0.0.1:0");
    worker.input = None;
    assert!(worker.child.wait().unwrap().success());
}

#[test]
fn a_successor_with_the_certificate_has_the_same_fingerprint() {
    let mut first = Worker::start();
    first.read().unwrap();
    let Message::Reply {
        reply: Reply::Configured(before),
        ..
    } = first.configure("127.0.0.1:0")
    else {
        panic!("not configured");
    };
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let mut second = Worker::start();
    second.read().unwrap();
    let certificate = serde_json::to_string(&before.certificate).unwrap();
    let answer = second.ask(&format!(
        r#"{{"id":1,"request":{{"type":"configure","udp":"{}","tcp":null,"certificate":{certificate},"seed":null,{LIMITS}}}}}"#,
        before.udp
    ));
    let Message::Reply {
        reply: Reply::Configured(after),
        ..
    } = answer
    else {
        panic!("not configured");
    };
    assert_eq!(
        (after.udp, after.fingerprint),
        (before.udp, before.fingerprint)
    );
}

/// A line of `/proc/…/status` of every thread of a process.
#[cfg(target_os = "linux")]
fn status(pid: u32, name: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lines = tasks.map(|task| {
        let text = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    });
    lines.collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_configured_worker_is_confined_in_every_thread_and_goes_on_working() {
    let mut worker = Worker::start();
    worker.read();
    assert_eq!(status(worker.child.id(), "NoNewPrivs:"), ["1"; 3]);
    let Message::Reply {
        reply: Reply::Configured(configured),
        ..
    } = worker.configure("127.0.0.1:0")
    else {
        panic!("not configured");
    };
    let pid = worker.child.id();
    assert_eq!(status(pid, "Seccomp:"), ["2"; 3]);
    let uids = status(pid, "Uid:");
    if status(std::process::id(), "Uid:")[0].starts_with("0\t") {
        assert_eq!(uids, ["65533\t65533\t65533\t65533"; 3]);
        assert_eq!(status(pid, "Groups:"), [""; 3]);
        assert_eq!(status(pid, "CapEff:"), ["0000000000000000"; 3]);
    } else {
        assert_eq!(uids[0], status(std::process::id(), "Uid:")[0]);
    }
    // Its memory can be told, though it opens no file any more; its ports are open.
    let Message::Reply {
        reply: Reply::Stats(stats),
        ..
    } = worker.ask(r#"{"id":5,"request":{"type":"stats"}}"#)
    else {
        panic!("no statistics");
    };
    assert!(stats.memory_bytes > 100_000);
    let mut stream = std::net::TcpStream::connect(configured.tcp.unwrap()).unwrap();
    std::io::Write::write_all(&mut stream, &[0, 2, 7, 8]).unwrap();
    let answer = worker.ask(r#"{"id":6,"request":{"type":"ping"}}"#);
    assert!(matches!(answer, Message::Reply { id: 6, .. }));
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Already gone where the test ended it.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
