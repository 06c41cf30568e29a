//! Profiles, master keys, and the derivation of the keys that packets see.

use std::fmt;

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use serde::{Deserialize, Serialize};

use crate::bytes::hex;
use crate::error::RtpError;

/// How packets are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// `AES_CM_128_HMAC_SHA1_80`: what every SIP phone and every browser has.
    AesCm128Sha80,
    /// `AEAD_AES_128_GCM`.
    AesGcm128,
    /// `AEAD_AES_256_GCM`: the cheapest for us.
    AesGcm256,
}

impl Profile {
    /// Bytes of a master key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCm128Sha80 | Self::AesGcm128 => 16,
            Self::AesGcm256 => 32,
        }
    }

    /// Bytes of a master salt.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AesCm128Sha80 => 14,
            Self::AesGcm128 | Self::AesGcm256 => 12,
        }
    }

    /// Bytes that sealing adds to an RTP packet.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AesCm128Sha80 => 10,
            Self::AesGcm128 | Self::AesGcm256 => 16,
        }
    }

    /// Bytes of keying material that a DTLS-SRTP handshake exports for both directions.
    #[must_use]
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }
}

/// The master key and salt of one direction: all that is needed to take a direction over.
///
/// A secret: it prints as `***`, and serialises only for a snapshot that stays in memory.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Master {
    profile: Profile,
    #[serde(with = "hex")]
    key: [u8; 32],
    #[serde(with = "hex")]
    salt: [u8; 14],
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Master({:?}, ***)", self.profile)
    }
}

impl Master {
    /// Takes a key and a salt, e.g. those of an SDES line.
    ///
    /// Errors: `KeyLength`.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, RtpError> {
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(RtpError::KeyLength);
        }
        let mut master = Self {
            profile,
            key: [0; 32],
            salt: [0; 14],
        };
        master.key[..key.len()].copy_from_slice(key);
        master.salt[..salt.len()].copy_from_slice(salt);
        Ok(master)
    }

    /// Splits what a DTLS-SRTP handshake exported: first what the DTLS client writes with, then
    /// what the server writes with.
    ///
    /// Errors: `KeyLength`. Source: RFC 5764 section 4.2.
    pub fn from_dtls(profile: Profile, material: &[u8]) -> Result<(Self, Self), RtpError> {
        if material.len() != profile.keying_material_len() {
            return Err(RtpError::KeyLength);
        }
        let (keys, salts) = material.split_at(2 * profile.key_len());
        let (client_key, server_key) = keys.split_at(profile.key_len());
        let (client_salt, server_salt) = salts.split_at(profile.salt_len());
        Ok((
            Self::new(profile, client_key, client_salt)?,
            Self::new(profile, server_key, server_salt)?,
        ))
    }

    /// How packets under this key are protected.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Derives the keys of one direction for RTP.
    pub(super) fn rtp_keys(&self) -> Result<Derived, RtpError> {
        self.derive([0, 1, 2])
    }

    /// Derives the keys of one direction for RTCP.
    pub(super) fn rtcp_keys(&self) -> Result<Derived, RtpError> {
        self.derive([3, 4, 5])
    }

    /// Key derivation with a rate of zero. A 12-byte salt of RFC 7714 counts as padded with zeros.
    ///
    /// Source: RFC 3711 section 4.3.
    fn derive(&self, [key, auth, salt]: [u8; 3]) -> Result<Derived, RtpError> {
        let mut derived = Derived {
            profile: self.profile,
            key: [0; 32],
            auth: [0; 20],
            salt: [0; 14],
        };
        self.expand(key, &mut derived.key[..self.profile.key_len()])?;
        self.expand(auth, &mut derived.auth)?;
        self.expand(salt, &mut derived.salt[..self.profile.salt_len()])?;
        Ok(derived)
    }

    fn expand(&self, label: u8, out: &mut [u8]) -> Result<(), RtpError> {
        let algorithm = if self.profile.key_len() == 32 {
            &AES_256
        } else {
            &AES_128
        };
        let key = UnboundCipherKey::new(algorithm, &self.key[..self.profile.key_len()])
            .and_then(EncryptingKey::ctr)
            .map_err(|_| RtpError::KeyLength)?;
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        iv[7] ^= label;
        out.fill(0);
        key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map_err(|_| RtpError::KeyLength)?;
        Ok(())
    }
}

/// Keys as packets see them. The lengths are those of the profile; the rest is zero.
pub(super) struct Derived {
    pub(super) profile: Profile,
    pub(super) key: [u8; 32],
    pub(super) auth: [u8; 20],
    pub(super) salt: [u8; 14],
}
