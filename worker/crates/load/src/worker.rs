//! A worker process under measurement, driven over its channel as the server does.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use parley_wire::{
    Command, Configure, Confinement, Message, Reply, Request, RoomId, Stats, WorkerLimits,
};
use uuid::Uuid;

use crate::Failure;

/// The room of every measurement.
pub(crate) const ROOM: RoomId = RoomId(Uuid::from_u128(1));
/// A worker that does not answer for so long has failed.
const ANSWER: Duration = Duration::from_secs(20);

pub(crate) struct Worker {
    child: Child,
    input: ChildStdin,
    replies: Receiver<Message>,
    next_id: u64,
    pub(crate) address: SocketAddr,
}

impl Worker {
    /// Starts a worker with an open room.
    pub(crate) fn start(binary: &str) -> Result<Self, Failure> {
        let mut child = Process::new(binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take().ok_or("the worker has no input")?;
        let output = child.stdout.take().ok_or("the worker has no output")?;
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let message = serde_json::from_str::<Message>(&line);
                // Snapshots, heartbeats and news are read so that the worker is never blocked.
                if let Ok(message @ (Message::Reply { .. } | Message::Error { .. })) = message
                    && sender.send(message).is_err()
                {
                    return;
                }
            }
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut worker = Self {
            child,
            input,
            replies,
            next_id: 0,
            address,
        };
        let configure = Configure {
            udp: address,
            tcp: None,
            certificate: None,
            seed: Some(1),
            limits: WorkerLimits {
                unproven_bytes_max: 3_000,
                tcp_unconfirmed_max: 512,
                tcp_unconfirmed_per_address_max: 32,
            },
            // As it is run.
            confinement: Confinement {
                uid: Some(65_533),
                filter: true,
            },
        };
        match worker.ask(Request::Configure(configure))? {
            Reply::Configured(configured) => worker.address = configured.udp,
            other => return Err(format!("not an answer to Configure: {other:?}").into()),
        }
        worker.ask(Request::RoomOpen { room: ROOM })?;
        Ok(worker)
    }

    pub(crate) fn ask(&mut self, request: Request) -> Result<Reply, Failure> {
        self.next_id += 1;
        let command = Command {
            id: self.next_id,
            request,
        };
        let mut line = serde_json::to_vec(&command)?;
        line.push(b'\n');
        self.input.write_all(&line)?;
        match self.replies.recv_timeout(ANSWER)? {
            Message::Reply { reply, .. } => Ok(reply),
            other => Err(format!("refused: {other:?}").into()),
        }
    }

    pub(crate) fn stats(&mut self) -> Result<Box<Stats>, Failure> {
        match self.ask(Request::Stats)? {
            Reply::Stats(stats) => Ok(stats),
            other => Err(format!("not an answer to Stats: {other:?}").into()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends when its input closes; this is for one that hangs.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("parley-load: the worker could not be ended: {error}");
        }
    }
}
