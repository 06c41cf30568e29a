//! The wire under an endpoint: ICE, DTLS and the SRTP keys that come of them.

pub(crate) mod dtls;
pub(crate) mod ice;
mod sctp;

use std::time::Instant;

use parley_rtp::error::RtpError;
use parley_rtp::srtp::{Master, Opener, OpenerState, Profile, Sealer};
use parley_rtp::time::Micros;
use parley_wire::{DtlsParameters, IceParameters};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::limits;
use dtls::{Association, DtlsEvent, Identity, KeyingMaterial};
use ice::{Ice, IceSnapshot};

/// Where a transport stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No keys yet.
    Connecting,
    /// Media flows.
    Connected,
    /// Nothing valid has come for a while; nothing is written.
    Silent,
}

/// SRTP both ways.
pub(crate) struct Keys {
    pub(crate) sealer: Sealer,
    pub(crate) opener: Opener,
    masters: Masters,
}

#[derive(Clone, Serialize, Deserialize)]
struct Masters {
    open: Master,
    seal: Master,
}

impl Keys {
    fn new(masters: Masters, state: OpenerState, rtcp_index: u32) -> Result<Self, RtpError> {
        Ok(Self {
            sealer: Sealer::new(&masters.seal, rtcp_index)?,
            opener: Opener::new(&masters.open, state)?,
            masters,
        })
    }

    /// What a side makes of the exported material: it opens what the other writes.
    fn from_dtls(material: &KeyingMaterial, is_client: bool) -> Result<Self, RtpError> {
        let profile = match material.profile {
            dimpl::SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128Sha80,
            dimpl::SrtpProfile::AEAD_AES_128_GCM => Profile::AesGcm128,
            dimpl::SrtpProfile::AEAD_AES_256_GCM => Profile::AesGcm256,
            // A profile that the library learned after us has other key lengths.
            _ => return Err(RtpError::KeyLength),
        };
        let (client, server) = Master::from_dtls(profile, &material.bytes)?;
        let (open, seal) = if is_client {
            (server, client)
        } else {
            (client, server)
        };
        Self::new(Masters { open, seal }, OpenerState::default(), 0)
    }

    fn profile_name(&self) -> &'static str {
        match self.masters.seal.profile() {
            Profile::AesCm128Sha80 => "AES_CM_128_HMAC_SHA1_80",
            Profile::AesGcm128 => "AEAD_AES_128_GCM",
            Profile::AesGcm256 => "AEAD_AES_256_GCM",
        }
    }
}

/// What came of a step of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Nothing,
    /// There are keys, or new ones after a restart.
    Keyed,
    /// close_notify came.
    Closed,
    FingerprintMismatch,
    Failed,
}

/// The transport of one endpoint.
pub(crate) struct Transport {
    pub(crate) ice: Ice,
    pub(crate) keys: Option<Box<Keys>>,
    pub(crate) state: State,
    /// When the endpoint was opened.
    pub(crate) opened: Micros,
    /// When something valid came last: a check, SRTP, SRTCP.
    pub(crate) heard: Micros,
    association: Option<Box<Association>>,
    /// A handshake timer is running.
    pub(crate) timer_armed: bool,
    /// The packet that begins a handshake, while its address is not proven: when it came, from
    /// where.
    held: Option<(Micros, Address, Vec<u8>)>,
    /// A timer for checks of ours and for what is held is running.
    pub(crate) path_timer_armed: bool,
}

/// What survives the worker.
#[derive(Serialize, Deserialize)]
pub(crate) struct TransportSnapshot {
    ice: IceSnapshot,
    masters: Masters,
    opener: OpenerState,
    rtcp_index: u32,
}

impl Transport {
    pub(crate) fn new(
        ice: Ice,
        dtls: DtlsParameters,
        identity: &Identity,
        now: Micros,
        instant: Instant,
    ) -> Self {
        Self {
            ice,
            keys: None,
            state: State::Connecting,
            opened: now,
            heard: now,
            association: Association::new(identity, dtls, instant).map(Box::new),
            timer_armed: false,
            held: None,
            path_timer_armed: false,
        }
    }

    /// Begins a new association beside the keys in use.
    pub(crate) fn restart_dtls(
        &mut self,
        identity: &Identity,
        dtls: DtlsParameters,
        instant: Instant,
    ) {
        self.association = Association::new(identity, dtls, instant).map(Box::new);
        self.held = None;
        self.timer_armed = false;
    }

    /// Where packets may be written now: a consenting address, and keys.
    pub(crate) fn writable(&self) -> Option<(Address, &Keys)> {
        if self.state != State::Connected {
            return None;
        }
        Some((self.ice.lead()?, self.keys.as_deref()?))
    }

    /// Handles a DTLS packet, or the time. Answers go out through `send`.
    pub(crate) fn dtls(
        &mut self,
        packet: Option<&[u8]>,
        now: Instant,
        send: &mut dyn FnMut(&[u8]),
    ) -> Progress {
        let Some(association) = &mut self.association else {
            return Progress::Nothing;
        };
        let is_client = association.is_client();
        match association.step(packet, now, send) {
            None => Progress::Nothing,
            Some(DtlsEvent::Keys(material)) => match Keys::from_dtls(&material, is_client) {
                Ok(keys) => {
                    self.keys = Some(Box::new(keys));
                    self.state = State::Connected;
                    Progress::Keyed
                }
                Err(_) => Progress::Failed,
            },
            Some(DtlsEvent::Closed) => Progress::Closed,
            Some(DtlsEvent::FingerprintMismatch) => Progress::FingerprintMismatch,
            Some(DtlsEvent::Failed) => Progress::Failed,
        }
    }

    /// Whether the handshake waits for us to begin it.
    pub(crate) fn is_to_begin(&self) -> bool {
        self.association
            .as_ref()
            .is_some_and(|association| association.is_to_begin())
    }

    /// Whether the handshake has not begun, so that its first packet can wait.
    fn is_fresh(&self) -> bool {
        self.association
            .as_ref()
            .is_some_and(|association| association.is_fresh())
    }

    /// Keeps the packet that begins a handshake until its address is proven. False: it need not
    /// wait.
    pub(crate) fn hold(&mut self, from: Address, packet: &[u8], now: Micros) -> bool {
        let is_to_wait = self.is_fresh() && !self.ice.is_proven(from);
        if is_to_wait {
            // A repeat waits no longer than the first would have.
            let since = self.held.take().map_or(now, |(since, _, _)| since);
            self.held = Some((since, from, packet.to_vec()));
        }
        is_to_wait
    }

    /// The packet that was held, once its address is proven or it has waited long enough.
    pub(crate) fn release(&mut self, now: Micros) -> Option<(Address, Vec<u8>)> {
        let (since, from, packet) = self.held.take()?;
        if self.ice.is_proven(from) || now.micros_since(since) >= limits::HANDSHAKE_HELD_US {
            return Some((from, packet));
        }
        self.held = Some((since, from, packet));
        None
    }

    /// Whether the path timer has something to do.
    pub(crate) fn wants_path_timer(&self) -> bool {
        self.held.is_some() || self.is_to_begin() || !self.ice.unanswered().is_empty()
    }

    /// When the handshake wants to go on; none once it is done.
    pub(crate) fn dtls_deadline(&self) -> Option<Instant> {
        let association = self.association.as_ref()?;
        if association.is_established() {
            None
        } else {
            association.deadline
        }
    }

    /// Says goodbye by DTLS.
    pub(crate) fn close(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        if let Some(association) = &mut self.association {
            association.close(now, send);
        }
    }

    /// DTLS version, SRTP profile and far address.
    pub(crate) fn detail(&self) -> String {
        let profile = self
            .keys
            .as_ref()
            .map_or("no keys", |keys| keys.profile_name());
        match self.ice.selected() {
            Some(to) => {
                format!(
                    "DTLS 1.2, {profile}, {} {}",
                    to.protocol(),
                    to.socket_address()
                )
            }
            None => format!("DTLS 1.2, {profile}"),
        }
    }

    /// Notes that something valid came. True: it had been silent.
    pub(crate) fn hear(&mut self, now: Micros) -> bool {
        self.heard = now;
        if self.state == State::Silent {
            self.state = State::Connected;
            return true;
        }
        false
    }

    /// Whether silence has lasted long enough to stop writing.
    pub(crate) fn fell_silent(&mut self, now: Micros) -> bool {
        let silent = self.state == State::Connected
            && now.micros_since(self.heard) > limits::SILENT_AFTER_US;
        if silent {
            self.state = State::Silent;
        }
        silent
    }

    /// None before there are keys.
    pub(crate) fn snapshot(&self) -> Option<TransportSnapshot> {
        let keys = self.keys.as_ref()?;
        Some(TransportSnapshot {
            ice: self.ice.snapshot(),
            masters: keys.masters.clone(),
            opener: keys.opener.state().clone(),
            rtcp_index: keys.sealer.rtcp_index(),
        })
    }

    /// Goes on with the keys of a dead worker. DTLS has no state that could be moved: without it
    /// only close_notify is lost.
    pub(crate) fn restore(
        snapshot: TransportSnapshot,
        wanted: IceParameters,
        unproven_bytes_max: usize,
        now: Micros,
    ) -> Result<Self, RtpError> {
        let rtcp_index = Sealer::rtcp_index_after_take_over(snapshot.rtcp_index);
        let keys = Keys::new(snapshot.masters, snapshot.opener, rtcp_index)?;
        Ok(Self {
            ice: Ice::restore(snapshot.ice, wanted, unproven_bytes_max, now),
            keys: Some(Box::new(keys)),
            state: State::Connected,
            opened: now,
            heard: now,
            association: None,
            timer_armed: false,
            held: None,
            path_timer_armed: false,
        })
    }
}
