//! DTLS as a browser does it: mostly the client side, and the SRTP keys that come of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use parley_rtp::error::RtpError;
use parley_rtp::srtp::{Master, Opener, OpenerState, Profile, Sealer};
use parley_wire::Fingerprint;

/// Why a far end cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FarError(pub String);

impl std::fmt::Display for FarError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FarError {}

/// A certificate that any number of far ends may share: making one costs more than a handshake.
#[derive(Clone)]
pub struct FarIdentity {
    certificate: DtlsCertificate,
    config: Arc<Config>,
}

impl FarIdentity {
    /// Makes one.
    /// Errors: the system has no randomness.
    pub fn generate() -> Result<Self, FarError> {
        let certificate =
            dimpl::certificate::generate_self_signed_certificate().map_err(refused)?;
        let config = Config::builder()
            .mtu(1_150)
            .flight_start_rto(RETRANSMIT)
            .build()
            .map_err(refused)?;
        Ok(Self {
            certificate,
            config: Arc::new(config),
        })
    }

    /// What an offer says of it.
    pub fn fingerprint(&self) -> Fingerprint {
        let hash = digest::digest(&digest::SHA256, &self.certificate.certificate);
        let value: Vec<String> = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        Fingerprint {
            algorithm: "sha-256".to_owned(),
            value: value.join(":"),
        }
    }
}

/// First retransmission of a flight; Chromium's is 50 ms too.
const RETRANSMIT: Duration = Duration::from_millis(50);

/// SRTP both ways.
pub(super) struct FarKeys {
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
}

pub(super) struct FarDtls {
    inner: Dtls,
    is_client: bool,
    pub(super) deadline: Option<Instant>,
    pub(super) is_closed: bool,
    /// What came under DTLS that is not of its own.
    pub(super) data: Vec<Vec<u8>>,
}

impl FarDtls {
    pub(super) fn new(identity: &FarIdentity, is_client: bool, now: Instant) -> Self {
        let mut inner = Dtls::new_12(identity.config.clone(), identity.certificate.clone(), now);
        inner.set_active(is_client);
        Self {
            inner,
            is_client,
            deadline: Some(now),
            is_closed: false,
            data: Vec::new(),
        }
    }

    /// Sends something of the next layer up, such as SCTP; `step` hands it out.
    pub(super) fn send(&mut self, data: &[u8]) -> Result<(), FarError> {
        self.inner.send_application_data(data).map_err(refused)?;
        Ok(())
    }

    /// Handles a packet or the time; hands out packets, and the keys once.
    pub(super) fn step(
        &mut self,
        packet: Option<&[u8]>,
        now: Instant,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<Option<FarKeys>, FarError> {
        self.inner.handle_timeout(now).map_err(refused)?;
        if let Some(packet) = packet {
            self.inner.handle_packet(packet).map_err(refused)?;
        }
        let mut keys = None;
        let mut buffer = vec![0; 2_048];
        loop {
            match self.inner.poll_output(&mut buffer) {
                Output::Packet(packet) => out.push(packet.to_vec()),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::KeyingMaterial(material, profile) => {
                    keys = Some(keys_of(&material, profile, self.is_client)?);
                }
                Output::ApplicationData(data) => self.data.push(data.to_vec()),
                Output::CloseNotify => self.is_closed = true,
                Output::Timeout(at) => {
                    self.deadline = Some(at);
                    return Ok(keys);
                }
                _ => {}
            }
        }
    }
}

fn keys_of(material: &[u8], profile: SrtpProfile, is_client: bool) -> Result<FarKeys, FarError> {
    let profile = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128Sha80,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AesGcm128,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AesGcm256,
        _ => return Err(FarError(format!("no such profile here: {profile:?}"))),
    };
    let make = || -> Result<FarKeys, RtpError> {
        let (client, server) = Master::from_dtls(profile, material)?;
        let (seal, open) = if is_client {
            (client, server)
        } else {
            (server, client)
        };
        Ok(FarKeys {
            sealer: Sealer::new(&seal, 0)?,
            opener: Opener::new(&open, OpenerState::default())?,
        })
    };
    make().map_err(|error| FarError(format!("{error:?}")))
}

fn refused(error: impl std::fmt::Display) -> FarError {
    FarError(error.to_string())
}
