//! The channel to the server: one JSON object a line, commands in, messages out, both bounded.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use parley_net::Wake;
use parley_wire::{Command, Message};
use serde_json::Value;

/// Longest command, bytes: a `restore` of ten thousand endpoints.
const LINE_BYTES_MAX: u64 = 128 << 20;
/// Commands that wait to be done; then the server's pipe fills and it waits too.
const COMMANDS_MAX: usize = 1024;
/// Messages that wait for the server to read them: a second of a full worker's news.
const MESSAGES_MAX: usize = 8192;
/// Snapshots that wait for the server to read them, endpoints: two rounds of a full worker.
const SNAPSHOTS_MAX: usize = 20_000;

/// What came from the server.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A command.
    Command(Command),
    /// A line that is no command; its id, where it has one.
    Malformed { id: Option<u64>, reason: String },
    /// Standard input has ended: nobody wants this worker any more.
    Closed,
}

/// Commands from the server, read by a thread of their own.
pub(crate) struct Commands(Receiver<Incoming>);

impl Commands {
    /// Starts reading. `wake` ends the wait of whoever does the commands.
    /// Errors: no thread could be started.
    pub(crate) fn read_from(input: impl Read + Send + 'static, wake: Wake) -> io::Result<Self> {
        let (to, from) = sync_channel(COMMANDS_MAX);
        thread::Builder::new()
            .name("commands".to_owned())
            .spawn(move || read_lines(input, &to, &wake))?;
        Ok(Self(from))
    }

    /// The next command, if one has come.
    pub(crate) fn next(&self) -> Option<Incoming> {
        match self.0.try_recv() {
            Ok(incoming) => Some(incoming),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Incoming::Closed),
        }
    }
}

fn read_lines(input: impl Read, to: &SyncSender<Incoming>, wake: &Wake) {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line);
        let incoming = match read {
            Ok(length) if length > 0 && line.ends_with(b"\n") => parse(&line),
            // Ended, broken, or a line without end: none of them can be gone on from.
            _ => Incoming::Closed,
        };
        let is_closed = matches!(incoming, Incoming::Closed);
        if to.send(incoming).is_err() {
            return;
        }
        // A wake that fails costs the wait until the next heartbeat, not the command.
        let _late = wake.wake();
        if is_closed {
            return;
        }
    }
}

fn parse(line: &[u8]) -> Incoming {
    match serde_json::from_slice::<Command>(line) {
        Ok(command) => Incoming::Command(command),
        Err(error) => {
            let value = serde_json::from_slice::<Value>(line).ok();
            let id = value.and_then(|value| value.get("id").and_then(Value::as_u64));
            Incoming::Malformed {
                id,
                reason: error.to_string(),
            }
        }
    }
}

/// The server does not read, or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Too much waits for it.
    TooSlow,
    /// Standard output is closed.
    Closed,
}

/// Messages to the server, written by a thread of their own, so that a slow reader never holds
/// a packet up.
pub(crate) struct Messages {
    to: SyncSender<Message>,
    snapshots: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Messages {
    /// Starts writing.
    /// Errors: no thread could be started.
    pub(crate) fn write_to(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (to, from) = sync_channel::<Message>(MESSAGES_MAX);
        let snapshots = Arc::new(AtomicUsize::new(0));
        let waiting = snapshots.clone();
        let thread = thread::Builder::new()
            .name("messages".to_owned())
            .spawn(move || write_lines(output, &from, &waiting))?;
        Ok(Self {
            to,
            snapshots,
            thread,
        })
    }

    /// Hands a message over.
    /// Errors: the server does not read; the worker is of no more use to it.
    pub(crate) fn send(&self, message: Message) -> Result<(), Unread> {
        let size = snapshot_size(&message);
        if self.snapshots.fetch_add(size, Ordering::Relaxed) + size > SNAPSHOTS_MAX {
            return Err(Unread::TooSlow);
        }
        self.to.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => Unread::TooSlow,
            TrySendError::Disconnected(_) => Unread::Closed,
        })
    }

    /// Waits until everything has been written.
    pub(crate) fn finish(self) {
        drop(self.to);
        // A writer that panicked has been logged by the panic's own line.
        let _panicked = self.thread.join();
    }
}

fn snapshot_size(message: &Message) -> usize {
    match message {
        Message::Event {
            event: parley_wire::Event::Snapshot { endpoints },
            ..
        } => endpoints.len(),
        _ => 0,
    }
}

fn write_lines(mut output: impl Write, from: &Receiver<Message>, snapshots: &AtomicUsize) {
    let mut line = Vec::new();
    while let Ok(first) = from.recv() {
        line.clear();
        let mut next = Some(first);
        while let Some(message) = next {
            snapshots.fetch_sub(snapshot_size(&message), Ordering::Relaxed);
            if serde_json::to_writer(&mut line, &message).is_ok() {
                line.push(b'\n');
            }
            next = if line.len() < (256 << 10) {
                from.try_recv().ok()
            } else {
                None
            };
        }
        if output
            .write_all(&line)
            .and_then(|()| output.flush())
            .is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use parley_net::Ports;
    use parley_wire::{Event, Reply, Request};

    use super::*;

    fn incoming(text: &'static str) -> Vec<Incoming> {
        let ports = Ports::new().unwrap();
        let commands = Commands::read_from(text.as_bytes(), ports.waker()).unwrap();
        let mut got = Vec::new();
        loop {
            match commands.0.recv().unwrap() {
                Incoming::Closed => return got,
                other => got.push(other),
            }
        }
    }

    #[test]
    fn lines_become_commands_and_a_bad_one_keeps_its_id() {
        let got = incoming(
            "{\"id\":1,\"request\":{\"type\":\"ping\"}}\n\
             {\"id\":2,\"request\":{\"type\":\"dance\"}}\n\
             nonsense\n\
             {\"id\":3,\"request\":{\"type\":\"stats\"}}\n\
             {\"id\":4,\"request\":{\"type\":\"ping\"}} and no end of line",
        );
        assert_eq!(got.len(), 4);
        let is_ping = |c: &Command| c.id == 1 && matches!(c.request, Request::Ping);
        assert!(matches!(&got[0], Incoming::Command(command) if is_ping(command)));
        assert!(matches!(&got[1], Incoming::Malformed { id: Some(2), .. }));
        assert!(matches!(&got[2], Incoming::Malformed { id: None, .. }));
        assert!(matches!(&got[3], Incoming::Command(command) if command.id == 3));
    }

    /// An output that lets nothing through until told.
    struct Gate(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .recv()
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.1
                .send(bytes.to_vec())
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_server_that_does_not_read_is_told_apart_from_one_that_does() {
        let (open, gate) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        let messages = Messages::write_to(Gate(gate, written)).unwrap();
        messages
            .send(Message::Reply {
                id: 1,
                reply: Reply::Done,
            })
            .unwrap();
        open.send(()).unwrap();
        assert!(
            lines
                .recv()
                .unwrap()
                .starts_with(b"{\"type\":\"reply\",\"id\":1")
        );
        let mut sent = 0;
        let refused = loop {
            match messages.send(Message::Event {
                seq: 1,
                event: Event::Heartbeat,
            }) {
                Ok(()) => sent += 1,
                Err(refused) => break refused,
            }
            assert!(sent < 3 * MESSAGES_MAX, "nothing bounds the queue");
        };
        assert_eq!(refused, Unread::TooSlow);
        drop(open);
        messages.finish();
    }
}
