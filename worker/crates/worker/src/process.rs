//! The loop of the worker: wait, read, think, write.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use parley_engine::{Address, Batch, Engine, Identity, Input, Limits, Output, Setup};
use parley_net::{ConnectionId, Ports, ReceiveBatch, Run, TcpEvent, TcpLimits};
use parley_rtp::time::Micros;
use parley_wire::{
    Capabilities, Codec, Command, Configure, Configured, Confinement, ErrorCode, Hello, Message,
    PROTOCOL_VERSION, Reply, Request,
};

use crate::channel::{Commands, Incoming, Messages, Unread};
use crate::clock;
use crate::log::{Level, log};

/// Datagrams read in one call.
const BATCH_DATAGRAMS: usize = 64;
/// Batches read before what they gave is sent.
const BATCHES_MAX: usize = 4;
/// TCP connections of one worker.
const TCP_CONNECTIONS_MAX: usize = 4096;
/// Bytes that may wait for a slow one.
const TCP_BACKLOG_BYTES_MAX: usize = 512 << 10;
/// A TCP connection must pass an ICE check within this time, us.
const TCP_CONFIRM_US: u64 = 10_000_000;
/// How often that is looked at, us.
const TCP_SWEEP_US: u64 = 1_000_000;
/// Longest wait, so that a lost wake costs no more than this.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// Header extensions that the engine understands.
const EXTENSIONS: [&str; 7] = [
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
];

/// Why the worker ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The server asked for it.
    Shutdown,
    /// The server is gone.
    InputClosed,
    /// The server does not read what it is told.
    OutputUnread(Unread),
    /// The system refused to wait.
    Io(io::Error),
}

/// One packet or end of a TCP connection, kept until the wait is over.
enum TcpNews {
    Packet(Address, Vec<u8>),
    Closed(Address),
}

/// A worker process.
pub(crate) struct Process {
    ports: Ports,
    commands: Commands,
    messages: Messages,
    engine: Option<Engine>,
    batch: ReceiveBatch,
    sent: u64,
    refused: u64,
    send_calls: u64,
    next_sweep: Micros,
    unconfirmed: Vec<Address>,
}

impl Process {
    /// Starts the channel's threads.
    /// Errors: the system has no poll or thread for us.
    pub(crate) fn new(
        input: impl io::Read + Send + 'static,
        output: impl io::Write + Send + 'static,
    ) -> io::Result<Self> {
        let ports = Ports::new()?;
        let commands = Commands::read_from(input, ports.waker())?;
        let messages = Messages::write_to(output)?;
        Ok(Self {
            ports,
            commands,
            messages,
            engine: None,
            batch: ReceiveBatch::new(BATCH_DATAGRAMS),
            sent: 0,
            refused: 0,
            send_calls: 0,
            next_sweep: Micros(0),
            unconfirmed: Vec::new(),
        })
    }

    /// Works until the server wants no more.
    pub(crate) fn run(mut self) -> End {
        let hello = Message::Hello(hello());
        let end = match self.messages.send(hello) {
            Ok(()) => self.work(),
            Err(unread) => End::OutputUnread(unread),
        };
        if matches!(end, End::Shutdown) {
            self.messages.finish();
        }
        end
    }

    fn work(&mut self) -> End {
        loop {
            let mut news = Vec::new();
            let timeout = self.timeout();
            let wait = self
                .ports
                .wait(Some(timeout), parley_net::monotonic_us, &mut |event| {
                    news.push(match event {
                        TcpEvent::Packet {
                            connection,
                            from,
                            bytes,
                        } => {
                            let from = Address::Tcp {
                                connection: connection.0,
                                from,
                            };
                            TcpNews::Packet(from, bytes.to_vec())
                        }
                        TcpEvent::Closed { connection, from } => TcpNews::Closed(Address::Tcp {
                            connection: connection.0,
                            from,
                        }),
                    });
                });
            if let Err(error) = wait {
                return End::Io(error);
            }
            if let Err(end) = self.turn(news) {
                return end;
            }
        }
    }

    fn timeout(&self) -> Duration {
        let deadline = self.engine.as_ref().and_then(Engine::deadline);
        deadline.map_or(WAIT_MAX, |deadline| {
            deadline.since(clock::now()).min(WAIT_MAX)
        })
    }

    /// Everything that is done between two waits.
    fn turn(&mut self, news: Vec<TcpNews>) -> Result<(), End> {
        while let Some(incoming) = self.commands.next() {
            self.take(incoming)?;
        }
        self.take_tcp(news)?;
        self.read_udp()?;
        self.feed(Input::Time)?;
        self.sweep();
        Ok(())
    }

    fn take(&mut self, incoming: Incoming) -> Result<(), End> {
        match incoming {
            Incoming::Closed => Err(End::InputClosed),
            Incoming::Malformed { id, reason } => {
                log(
                    Level::Warn,
                    "malformed command",
                    &[("reason", reason.as_str().into())],
                );
                // Without an id there is nobody to answer; the server's deadline will tell it.
                match id {
                    Some(id) => {
                        let code = ErrorCode::Malformed;
                        self.tell(Message::Error {
                            id,
                            code,
                            message: reason,
                        })
                    }
                    None => Ok(()),
                }
            }
            Incoming::Command(command) => self.command(command),
        }
    }

    fn command(&mut self, command: Command) -> Result<(), End> {
        let id = command.id;
        let is_shutdown = matches!(command.request, Request::Shutdown);
        match (&command.request, &self.engine) {
            (Request::Configure(configure), None) => {
                let answer = self.configure(configure);
                self.tell(match answer {
                    Ok(configured) => Message::Reply {
                        id,
                        reply: Reply::Configured(configured),
                    },
                    Err((code, message)) => Message::Error { id, code, message },
                })
            }
            (Request::Ping | Request::Shutdown, None) => {
                self.tell(Message::Reply {
                    id,
                    reply: Reply::Done,
                })?;
                if is_shutdown {
                    Err(End::Shutdown)
                } else {
                    Ok(())
                }
            }
            (_, None) => self.tell(Message::Error {
                id,
                code: ErrorCode::WrongState,
                message: "not configured".to_owned(),
            }),
            (_, Some(_)) => {
                self.feed(Input::Command(command))?;
                if is_shutdown {
                    Err(End::Shutdown)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Opens the sockets and makes the engine.
    fn configure(&mut self, configure: &Configure) -> Result<Configured, (ErrorCode, String)> {
        let identity = match &configure.certificate {
            Some(wire) => Identity::from_wire(wire)
                .map_err(|error| (ErrorCode::InvalidParameters, error.to_string()))?,
            None => Identity::generate()
                .map_err(|error| (ErrorCode::InvalidParameters, error.to_string()))?,
        };
        let unavailable = |address: SocketAddr, error: io::Error| {
            (ErrorCode::AddressUnavailable, format!("{address}: {error}"))
        };
        let udp = self
            .ports
            .open_udp(configure.udp)
            .map_err(|e| unavailable(configure.udp, e))?;
        let tcp = match configure.tcp {
            Some(address) => match self.ports.open_tcp(address, tcp_limits(configure)) {
                Ok(bound) => Some(bound),
                Err(error) => {
                    self.ports.udp = None;
                    return Err(unavailable(address, error));
                }
            },
            None => None,
        };
        if let Err(error) = confine(configure.confinement) {
            self.ports.udp = None;
            self.ports.tcp = None;
            return Err((ErrorCode::InvalidParameters, error));
        }
        let configured = Configured {
            udp,
            tcp,
            fingerprint: identity.fingerprint(),
            certificate: identity.to_wire(),
        };
        self.engine = Some(Engine::new(Setup {
            epoch: clock::epoch(),
            identity,
            seed: configure.seed.unwrap_or_else(clock::seed),
            limits: Limits {
                unproven_bytes_max: configure.limits.unproven_bytes_max as usize,
            },
        }));
        log(
            Level::Info,
            "configured",
            &[("udp", udp.to_string().into())],
        );
        Ok(configured)
    }

    fn take_tcp(&mut self, news: Vec<TcpNews>) -> Result<(), End> {
        for piece in news {
            match piece {
                TcpNews::Packet(from, mut bytes) => {
                    if !self.unconfirmed.contains(&from) {
                        self.unconfirmed.push(from);
                    }
                    self.feed(Input::Datagram {
                        from,
                        bytes: &mut bytes,
                    })?;
                }
                TcpNews::Closed(from) => self.feed(Input::Disconnected { from })?,
            }
        }
        if let (Some(engine), Some(tcp)) = (&self.engine, &mut self.ports.tcp) {
            for address in self.unconfirmed.drain(..) {
                if let Address::Tcp { connection, .. } = address
                    && engine.knows(address)
                {
                    tcp.confirm(ConnectionId(connection));
                }
            }
        }
        Ok(())
    }

    fn read_udp(&mut self) -> Result<(), End> {
        for _ in 0..BATCHES_MAX {
            let Some(udp) = &self.ports.udp else {
                return Ok(());
            };
            let count = udp.receive(&mut self.batch).map_err(End::Io)?;
            let now = clock::now();
            for place in 0..count {
                let Some((bytes, from)) = self.batch.get(place) else {
                    continue;
                };
                let Some(engine) = &mut self.engine else {
                    return Ok(());
                };
                engine.handle(
                    now,
                    Input::Datagram {
                        from: Address::Udp(from),
                        bytes,
                    },
                );
                self.drain()?;
            }
            if count < BATCH_DATAGRAMS {
                break;
            }
        }
        Ok(())
    }

    fn feed(&mut self, input: Input<'_>) -> Result<(), End> {
        if let Some(engine) = &mut self.engine {
            engine.handle(clock::now(), input);
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), End> {
        let Some(engine) = &mut self.engine else {
            return Ok(());
        };
        while let Some(output) = engine.poll() {
            match output {
                Output::Datagrams(batch) => {
                    let count = send(&mut self.ports, batch);
                    self.sent += count.sent;
                    self.refused += count.refused;
                    self.send_calls += count.calls;
                }
                Output::Disconnect { connection } => {
                    if let Some(tcp) = &mut self.ports.tcp {
                        tcp.close(ConnectionId(connection));
                    }
                }
                Output::Message(mut message) => {
                    if let Message::Reply {
                        reply: Reply::Stats(stats),
                        ..
                    } = &mut message
                    {
                        let usage = parley_net::usage();
                        stats.cpu_us = usage.cpu_us;
                        stats.memory_bytes = usage.memory_bytes;
                        let lost = self.ports.tcp.as_ref().map_or(0, |tcp| tcp.lost);
                        let turned = self.ports.tcp.as_ref().map_or(0, |tcp| tcp.refused);
                        let counters = [
                            ("udp_sent", self.sent),
                            ("udp_refused", self.refused),
                            ("udp_send_calls", self.send_calls),
                            ("tcp_lost", lost),
                            ("tcp_refused", turned),
                        ];
                        for (name, value) in counters {
                            stats.counters.insert(name.to_owned(), value);
                        }
                    }
                    self.messages.send(message).map_err(End::OutputUnread)?;
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, message: Message) -> Result<(), End> {
        self.messages.send(message).map_err(End::OutputUnread)
    }

    /// Closes TCP connections that have proven nothing.
    fn sweep(&mut self) {
        let now = clock::now();
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = Micros(now.0 + TCP_SWEEP_US);
        if let Some(tcp) = &mut self.ports.tcp {
            tcp.close_unconfirmed(now.0.saturating_sub(TCP_CONFIRM_US));
        }
    }
}

/// Gives up what is not needed from here on, and says in the log what that was.
/// Errors: a sentence with its cure.
fn confine(wanted: Confinement) -> Result<(), String> {
    // Whatever looks at files has to have them open before.
    let _opened = parley_net::usage();
    let confined = parley_net::confine(parley_net::Confinement {
        uid: wanted.uid,
        filter: wanted.filter,
    })
    .map_err(|error| {
        let uid = wanted.uid.unwrap_or_default();
        format!("root could not become user {uid} (media.worker_uid; 0 stays root): {error}")
    })?;
    let (level, filter) = match &confined.filter {
        Some(Ok(())) => (Level::Info, "on"),
        Some(Err(reason)) => (Level::Warn, reason.as_str()),
        None => (Level::Warn, "off by configuration"),
    };
    let fields = [
        ("uid", confined.uid.into()),
        ("system_call_filter", filter.into()),
    ];
    log(level, "confined", &fields);
    Ok(())
}

fn tcp_limits(configure: &Configure) -> TcpLimits {
    TcpLimits {
        connections_max: TCP_CONNECTIONS_MAX,
        unconfirmed_max: configure.limits.tcp_unconfirmed_max as usize,
        unconfirmed_per_address_max: configure.limits.tcp_unconfirmed_per_address_max as usize,
        backlog_bytes_max: TCP_BACKLOG_BYTES_MAX,
    }
}

/// Sends a batch: UDP runs in one go, TCP packets one by one.
fn send(ports: &mut Ports, batch: Batch<'_>) -> parley_net::SendCount {
    let udp_runs = batch.runs.iter().filter_map(|run| match run.to {
        Address::Udp(to) => Some(Run {
            to,
            start: run.start,
            len: run.len,
            segment: run.segment,
        }),
        Address::Tcp { .. } => None,
    });
    let count = match &mut ports.udp {
        Some(udp) => udp.send(batch.bytes, udp_runs),
        None => parley_net::SendCount::default(),
    };
    if let Some(tcp) = &mut ports.tcp
        && batch
            .runs
            .iter()
            .any(|run| matches!(run.to, Address::Tcp { .. }))
    {
        for (to, packet) in batch.packets() {
            if let Address::Tcp { connection, .. } = to {
                // A packet that is lost to a slow reader is counted there.
                tcp.send(ConnectionId(connection), packet);
            }
        }
    }
    count
}

fn hello() -> Hello {
    let mix = parley_dsp::codecs().map(|codec| match codec {
        parley_dsp::CodecId::Opus => Codec::Opus,
        parley_dsp::CodecId::G722 => Codec::G722,
        parley_dsp::CodecId::Pcmu => Codec::Pcmu,
        parley_dsp::CodecId::Pcma => Codec::Pcma,
    });
    Hello {
        protocol_version: PROTOCOL_VERSION,
        worker_version: env!("CARGO_PKG_VERSION").to_owned(),
        capabilities: Capabilities {
            mix: mix.collect(),
            forward: vec![
                Codec::Opus,
                Codec::G722,
                Codec::Pcmu,
                Codec::Pcma,
                Codec::Vp8,
                Codec::H264,
            ],
            extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        },
    }
}
