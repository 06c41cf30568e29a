//! What a confined process can and cannot do. Each attempt is made by a child of its own, which is
//! this program again, so that its end can be looked at.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::channel;

use parley_net::{Confinement, confine, forgo_privileges};

const ATTEMPT: &str = "PARLEY_TEST_ATTEMPT";
/// Exit code of a child that did all that it wanted.
const DONE: i32 = 42;

/// Runs one attempt in a child.
fn attempt(name: &str) -> ExitStatus {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_child_that_attempts",
            "--ignored",
            "--nocapture",
        ])
        .env(ATTEMPT, name)
        .output()
        .unwrap();
    child.status
}

/// Not a test: what the children run.
#[test]
#[ignore = "run by the other tests"]
fn a_child_that_attempts() {
    let Ok(name) = std::env::var(ATTEMPT) else {
        return;
    };
    let place = std::env::temp_dir().join(format!("parley-confined-{}", std::process::id()));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (send, receive) = channel::<()>();
    let in_a_thread = place.clone();
    let other = std::thread::spawn(move || {
        // It did not ask for the filter, and has it all the same.
        receive.recv().unwrap();
        drop(File::create(in_a_thread));
    });
    forgo_privileges().unwrap();
    let confined = confine(Confinement {
        uid: None,
        filter: true,
    });
    assert_eq!(confined.unwrap().filter, Some(Ok(())));
    match name.as_str() {
        "execute" => drop(Command::new("/bin/true").status()),
        "create" => drop(File::create(&place)),
        "append" => drop(OpenOptions::new().append(true).open("/etc/hosts")),
        "remove" => drop(std::fs::remove_file(&place)),
        "socket" => drop(UdpSocket::bind("127.0.0.1:0")),
        "connect" => drop(TcpStream::connect("127.0.0.1:1")),
        "thread" => {
            send.send(()).unwrap();
            drop(other.join());
        }
        "new thread" => drop(std::thread::spawn(|| {}).join()),
        "look" => {
            // Refused, and no reason to end.
            let error = File::open("/etc/passwd").unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
            assert!(std::fs::metadata("/etc/passwd").is_err());
        }
        "work" => work(&socket, &listener, &mut client),
        other => panic!("no such attempt: {other}"),
    }
    std::process::exit(DONE);
}

/// What a worker does all day.
fn work(socket: &UdpSocket, listener: &TcpListener, client: &mut TcpStream) {
    let to = socket.local_addr().unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.send_to(&[1, 2, 3], to).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    accepted.set_nodelay(true).unwrap();
    client.write_all(&[4]).unwrap();
    accepted.write_all(&[5]).unwrap();
    let large: Vec<Vec<u8>> = (0..64).map(|n| vec![n; 1 << 20]).collect();
    assert_eq!(large[63][7], 63);
    drop(large);
    assert!(parley_net::monotonic_us() > 0 && parley_net::unix_us() > 0);
    let caught = std::panic::catch_unwind(|| panic!("a room fails"));
    assert!(caught.is_err());
    eprintln!("logged");
}

#[test]
fn a_confined_process_does_its_work() {
    assert_eq!(attempt("work").code(), Some(DONE));
}

#[test]
fn a_look_at_a_file_is_refused_and_ends_nothing() {
    assert_eq!(attempt("look").code(), Some(DONE));
}

#[test]
fn whatever_else_it_attempts_ends_it() {
    const SIGSYS: i32 = 31;
    let forbidden = [
        "execute",
        "create",
        "append",
        "remove",
        "socket",
        "connect",
        "thread",
        "new thread",
    ];
    for name in forbidden {
        assert_eq!(attempt(name).signal(), Some(SIGSYS), "{name}");
    }
}
