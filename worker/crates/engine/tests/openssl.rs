//! The handshake with OpenSSL at the other end, in both roles and with every kind of key that
//! appliances have.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod table;

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use parley_wire::{DtlsParameters, DtlsRole, EndReason, Event, Fingerprint};
use table::Table;

const PROFILES: &str = "SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
/// Looks at the socket before a test gives up, each of at most [`LOOK`].
const LOOKS_MAX: usize = 2_000;
const LOOK: Duration = Duration::from_millis(10);

/// Whether the program is there. CI must have it.
fn has_openssl() -> bool {
    let is_there = Command::new("openssl")
        .arg("version")
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(
        is_there || std::env::var("CI").as_deref() != Ok("true"),
        "openssl is not installed"
    );
    if !is_there {
        eprintln!("skipped: openssl is not installed");
    }
    is_there
}

/// A key and its certificate in files, gone with the value.
struct Files(PathBuf);

impl Files {
    fn make(name: &str, key: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("parley-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = Self(folder);
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=far"])
            .args(key)
            .arg("-keyout")
            .arg(files.key())
            .arg("-out")
            .arg(files.certificate())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{told}");
        files
    }

    fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }

    fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    fn fingerprint(&self) -> Fingerprint {
        let output = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(self.certificate())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, value) = text.trim().split_once('=').unwrap();
        Fingerprint {
            algorithm: "sha-256".to_owned(),
            value: value.to_owned(),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What stays behind is a folder in the system's place for such.
        let _stays = std::fs::remove_dir_all(&self.0);
    }
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn start(program: &str, files: &Files, more: &[&str]) -> Program {
    let arguments = |path: &Path| path.to_str().unwrap().to_owned();
    let child = Command::new("openssl")
        .args([program, "-dtls1_2", "-use_srtp", PROFILES])
        .args(["-cert", &arguments(&files.certificate())])
        .args(["-key", &arguments(&files.key())])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    Program(child.unwrap())
}

/// The next packet. With `joins` all that come soon after one another, in one, as programs send
/// them that take OpenSSL's output from memory.
fn receive(socket: &UdpSocket, joins: bool) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 2_048];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    let mut packet = buffer[..length].to_vec();
    while joins && let Ok((length, _)) = socket.recv_from(&mut buffer) {
        packet.extend_from_slice(&buffer[..length]);
    }
    Some((packet, from))
}

/// Carries packets between an endpoint at the table and a program until the endpoint is connected
/// or ends. `far` is where the program is; with none, whoever sends first.
fn connect(
    table: &mut Table,
    seat: usize,
    socket: &UdpSocket,
    mut far: Option<SocketAddr>,
    joins: bool,
) -> Result<String, EndReason> {
    socket.set_read_timeout(Some(LOOK)).unwrap();
    let address = table.seats[seat].address;
    for _ in 0..LOOKS_MAX {
        if let Some((packet, from)) = receive(socket, joins) {
            far = Some(from);
            table.inject(address, &packet);
        }
        table.run(1);
        for packet in table.take_captured(address) {
            // STUN is between the table's own far end and the endpoint.
            if let Some(far) = far
                && packet[0] >= 20
            {
                socket.send_to(&packet, far).unwrap();
            }
        }
        for event in table.events() {
            match event {
                Event::EndpointConnected { detail, .. } => return Ok(detail),
                Event::EndpointEnded { reason, .. } => return Err(reason),
                _ => {}
            }
        }
    }
    panic!("neither connected nor ended");
}

fn sit_down(table: &mut Table, files: &Files, role: DtlsRole) -> usize {
    let fingerprints = vec![files.fingerprint()];
    let seat = table.sit_down(&[], 0, |open| {
        open.dtls = DtlsParameters { fingerprints, role };
    });
    // Its own far end does ICE and nothing else.
    table.seats[seat].far.leave_dtls_to_others();
    let address = table.seats[seat].address;
    table.capture(address);
    seat
}

fn as_client(files: &Files) -> Result<String, EndReason> {
    let mut table = Table::new();
    let seat = sit_down(&mut table, files, DtlsRole::Server);
    table.run(10);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let _client = start("s_client", files, &["-connect", &to]);
    connect(&mut table, seat, &socket, None, false)
}

fn as_server(files: &Files) -> Result<String, EndReason> {
    let mut table = Table::new();
    let seat = sit_down(&mut table, files, DtlsRole::Client);
    let mut server = start(
        "s_server",
        files,
        &["-accept", "127.0.0.1:0", "-Verify", "1"],
    );
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let told = lines.find_map(|line| {
        let line = line.unwrap();
        line.strip_prefix("ACCEPT ").map(str::to_owned)
    });
    let far: SocketAddr = told.unwrap().parse().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // It goes on writing, and must not stop because nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    connect(&mut table, seat, &socket, Some(far), false)
}

const KEYS: [(&str, &[&str]); 4] = [
    ("rsa-2048", &["-newkey", "rsa:2048"]),
    ("rsa-3072", &["-newkey", "rsa:3072"]),
    ("rsa-4096", &["-newkey", "rsa:4096"]),
    (
        "p-256",
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ),
];

#[test]
fn far_sides_with_rsa_and_ecdsa_keys_connect_in_both_roles() {
    if !has_openssl() {
        return;
    }
    for (name, key) in KEYS {
        let files = Files::make(name, key);
        for connected in [as_client(&files), as_server(&files)] {
            let detail = connected.unwrap_or_else(|reason| panic!("{name}: {reason:?}"));
            assert!(
                detail.contains("DTLS 1.2, AEAD_AES_256_GCM"),
                "{name}: {detail}"
            );
        }
    }
}

// aiortc sends so: OpenSSL cuts to its least packet, and the flight goes out as one datagram.
#[test]
fn a_flight_of_many_small_records_in_one_datagram_is_taken() {
    if !has_openssl() {
        return;
    }
    let files = Files::make("pieces", &["-newkey", "rsa:4096"]);
    let mut table = Table::new();
    let seat = sit_down(&mut table, &files, DtlsRole::Server);
    table.run(10);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let _client = start("s_client", &files, &["-connect", &to, "-mtu", "256"]);
    let connected = connect(&mut table, seat, &socket, None, true);
    assert!(connected.is_ok(), "{connected:?}");
}

#[test]
fn an_rsa_key_that_is_too_short_is_refused() {
    if !has_openssl() {
        return;
    }
    // OpenSSL itself would not use it at its usual level of security.
    let files = Files::make("rsa-1024", &["-newkey", "rsa:1024"]);
    let mut table = Table::new();
    let seat = sit_down(&mut table, &files, DtlsRole::Server);
    table.run(10);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let more = ["-connect", &to, "-cipher", "DEFAULT@SECLEVEL=0"];
    let _client = start("s_client", &files, &more);
    let ended = connect(&mut table, seat, &socket, None, false);
    assert_eq!(ended, Err(EndReason::DtlsFailed));
}

#[test]
fn an_rsa_certificate_that_is_not_the_offered_one_gets_no_media() {
    if !has_openssl() {
        return;
    }
    let offered = Files::make("offered", &["-newkey", "rsa:2048"]);
    let other = Files::make("other", &["-newkey", "rsa:2048"]);
    let mut table = Table::new();
    let seat = sit_down(&mut table, &offered, DtlsRole::Server);
    table.run(10);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let _client = start("s_client", &other, &["-connect", &to]);
    let ended = connect(&mut table, seat, &socket, None, false);
    assert_eq!(ended, Err(EndReason::FingerprintMismatch));
}
