//! DTLS: proves who the far side is and agrees on the SRTP keys, whichever side begins.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parley_wire::{Certificate, DtlsParameters, DtlsRole, Fingerprint};

use crate::limits;
use crate::transport::sctp;

/// The worker's certificate and key, and the settings every association shares.
#[derive(Clone)]
pub struct Identity {
    certificate: dimpl::DtlsCertificate,
    config: Arc<dimpl::Config>,
}

/// A certificate that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityError(pub String);

impl std::fmt::Display for IdentityError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for IdentityError {}

impl Identity {
    /// Makes a new ECDSA key and a certificate signed by itself.
    /// Errors: the system has no randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|error| IdentityError(format!("no certificate could be made: {error}")))?;
        Self::with(certificate)
    }

    /// Takes the identity of an earlier worker.
    /// Errors: not base64.
    pub fn from_wire(wire: &Certificate) -> Result<Self, IdentityError> {
        let decode = |text: &str, what: &str| {
            STANDARD
                .decode(text)
                .map_err(|error| IdentityError(format!("{what}: {error}")))
        };
        Self::with(dimpl::DtlsCertificate {
            certificate: decode(&wire.certificate, "certificate")?,
            private_key: decode(&wire.private_key, "private_key")?,
        })
    }

    /// The identity as the next worker will need it.
    #[must_use]
    pub fn to_wire(&self) -> Certificate {
        Certificate {
            certificate: STANDARD.encode(&self.certificate.certificate),
            private_key: STANDARD.encode(&self.certificate.private_key),
        }
    }

    /// What an SDP answer says of it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let hash = digest::digest(&digest::SHA256, &self.certificate.certificate);
        Fingerprint {
            algorithm: "sha-256".to_owned(),
            value: colon_hex(hash.as_ref()),
        }
    }

    fn with(certificate: dimpl::DtlsCertificate) -> Result<Self, IdentityError> {
        let config = dimpl::Config::builder()
            .mtu(limits::DTLS_PACKET_BYTES_MAX)
            // Only addresses that passed an ICE check get here; the cookie's extra round trip
            // would prove the same thing again.
            .use_server_cookie(false)
            .flight_start_rto(Duration::from_millis(limits::DTLS_RETRANSMIT_MS))
            .flight_retries(limits::DTLS_RETRIES_MAX)
            .handshake_timeout(Duration::from_micros(limits::CONNECT_TIMEOUT_US))
            .build()
            .map_err(|error| IdentityError(format!("DTLS settings: {error}")))?;
        Ok(Self {
            certificate,
            config: Arc::new(config),
        })
    }
}

/// Master keys and salts of both directions, as exported (RFC 5764 section 4.2).
pub(crate) struct KeyingMaterial {
    pub(crate) profile: dimpl::SrtpProfile,
    pub(crate) bytes: Vec<u8>,
}

/// What an association tells.
pub(crate) enum DtlsEvent {
    /// The handshake is done and the certificate is the offered one.
    Keys(KeyingMaterial),
    /// close_notify came.
    Closed,
    /// The certificate is not the offered one.
    FingerprintMismatch,
    /// The handshake failed; the association is of no more use.
    Failed,
}

/// One association.
pub(crate) struct Association {
    inner: dimpl::Dtls,
    fingerprints: Vec<Fingerprint>,
    is_client: bool,
    /// It has been stepped: where we begin, that is when we do.
    begun: bool,
    verified: bool,
    established: bool,
    failed: bool,
    /// How often something under DTLS was answered, and since when that is counted.
    answered: Option<(Instant, u32)>,
    /// When `step` wants to be called again.
    pub(crate) deadline: Option<Instant>,
}

impl Association {
    /// None: neither side wants to begin.
    pub(crate) fn new(
        identity: &Identity,
        parameters: DtlsParameters,
        now: Instant,
    ) -> Option<Self> {
        let is_client = match parameters.role {
            DtlsRole::Server => false,
            DtlsRole::Client => true,
            DtlsRole::Hold => return None,
        };
        // DTLS 1.2 only: in 1.3 the library takes the client's first SRTP profile, which in
        // Chromium is the slow AES-CM.
        let mut inner =
            dimpl::Dtls::new_12(identity.config.clone(), identity.certificate.clone(), now);
        inner.set_active(is_client);
        Some(Self {
            inner,
            fingerprints: parameters.fingerprints,
            is_client,
            begun: false,
            verified: false,
            established: false,
            failed: false,
            answered: None,
            deadline: None,
        })
    }

    /// Whether we are the side that begins.
    pub(crate) fn is_client(&self) -> bool {
        self.is_client
    }

    /// Whether nothing has happened yet.
    pub(crate) fn is_fresh(&self) -> bool {
        !self.begun
    }

    /// Whether it is for us to begin, and we have not.
    pub(crate) fn is_to_begin(&self) -> bool {
        self.is_client && !self.begun
    }

    /// Whether the handshake is done.
    pub(crate) fn is_established(&self) -> bool {
        self.established
    }

    /// Handles a packet, or only the time, and hands out what is to be sent.
    pub(crate) fn step(
        &mut self,
        packet: Option<&[u8]>,
        now: Instant,
        send: &mut dyn FnMut(&[u8]),
    ) -> Option<DtlsEvent> {
        if self.failed {
            return None;
        }
        self.begun = true;
        let timely = self.inner.handle_timeout(now);
        let handled = timely.and_then(|()| packet.map_or(Ok(()), |p| self.inner.handle_packet(p)));
        if handled.is_err() {
            self.failed = true;
            self.deadline = None;
            // An association that already gave its keys has done its work.
            return (!self.established).then_some(DtlsEvent::Failed);
        }
        self.drain(now, send)
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        if !self.failed && self.inner.close().is_ok() {
            self.drain(now, send);
        }
    }

    fn drain(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) -> Option<DtlsEvent> {
        let mut buffer = vec![0; 2048];
        let mut event = None;
        let mut answers = VecDeque::new();
        loop {
            let needed = match self.inner.poll_output(&mut buffer) {
                dimpl::Output::Packet(packet) => {
                    send(packet);
                    continue;
                }
                dimpl::Output::PeerCert(der) => {
                    self.verified = self.fingerprints.iter().any(|f| matches(f, der));
                    if !self.verified {
                        self.failed = true;
                        self.deadline = None;
                        return Some(DtlsEvent::FingerprintMismatch);
                    }
                    continue;
                }
                dimpl::Output::KeyingMaterial(keys, profile) => {
                    if self.verified {
                        self.established = true;
                        let bytes = keys.to_vec();
                        event = Some(DtlsEvent::Keys(KeyingMaterial { profile, bytes }));
                    }
                    continue;
                }
                dimpl::Output::ApplicationData(data) => {
                    answers.extend(sctp::answers(data));
                    continue;
                }
                dimpl::Output::CloseNotify => {
                    event = event.or(Some(DtlsEvent::Closed));
                    continue;
                }
                dimpl::Output::Timeout(at) => {
                    self.deadline = Some(at);
                    // Each goes when the one before is out: of two records in one datagram aiortc reads the
                    // second only when something else comes.
                    let Some(answer) = answers.pop_front() else {
                        return event;
                    };
                    self.answer_data(&answer, now);
                    continue;
                }
                dimpl::Output::BufferTooSmall { needed } => needed,
                // Connected says nothing that the keys do not.
                _ => continue,
            };
            buffer.resize(needed, 0);
        }
    }

    /// Answers what came under DTLS, unless that was done too often of late.
    fn answer_data(&mut self, answer: &[u8], now: Instant) {
        let interval = Duration::from_micros(limits::CHANNEL_ANSWERS_INTERVAL_US);
        let (since, count) = self
            .answered
            .filter(|(since, _)| now.saturating_duration_since(*since) < interval)
            .unwrap_or((now, 0));
        let may_answer = self.verified && count < limits::CHANNEL_ANSWERS_MAX;
        if may_answer && self.inner.send_application_data(answer).is_ok() {
            self.answered = Some((since, count + 1));
        }
    }
}

/// Whether a certificate is the one a fingerprint names (RFC 8122 section 5).
fn matches(fingerprint: &Fingerprint, der: &[u8]) -> bool {
    let algorithm = match fingerprint.algorithm.as_str() {
        "sha-256" => &digest::SHA256,
        "sha-384" => &digest::SHA384,
        "sha-512" => &digest::SHA512,
        _ => return false,
    };
    colon_hex(digest::digest(algorithm, der).as_ref()).eq_ignore_ascii_case(&fingerprint.value)
}

fn colon_hex(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    hex.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_the_wire() {
        let identity = Identity::generate().unwrap();
        let again = Identity::from_wire(&identity.to_wire()).unwrap();
        assert_eq!(again.fingerprint(), identity.fingerprint());
        assert_eq!(identity.fingerprint().value.len(), 32 * 3 - 1);
    }

    #[test]
    fn a_fingerprint_matches_only_its_certificate_and_algorithm() {
        let identity = Identity::generate().unwrap();
        let der = &identity.certificate.certificate;
        let mut fingerprint = identity.fingerprint();
        assert!(matches(&fingerprint, der));
        fingerprint.value = fingerprint.value.to_lowercase();
        assert!(matches(&fingerprint, der));
        assert!(!matches(&fingerprint, &der[1..]));
        fingerprint.algorithm = "sha-512".to_owned();
        assert!(!matches(&fingerprint, der));
        fingerprint.algorithm = "md5".to_owned();
        assert!(!matches(&fingerprint, der));
    }
}
