//! The three transforms: bytes in, bytes out, no counter and no state that changes.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::master::{Derived, Profile};
use crate::error::RtpError;

/// Set in the SRTCP index word of an encrypted packet.
pub(super) const ENCRYPTED: u32 = 0x8000_0000;
/// Bytes of SRTCP that stay readable: the first header and the sender's SSRC.
pub(super) const RTCP_CLEAR: usize = 8;
const GCM_TAG: usize = 16;
const SHA1_TAG: usize = 10;

/// An expanded key of one direction, for RTP or for RTCP.
pub(super) enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    CounterMode(Box<CounterMode>),
}

/// AES counter mode with a separate HMAC. Boxed: it is the rarer and the larger kind.
pub(super) struct CounterMode {
    key: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

impl Cipher {
    pub(super) fn new(keys: &Derived) -> Result<Self, RtpError> {
        let key = &keys.key[..keys.profile.key_len()];
        let gcm = match keys.profile {
            Profile::AesGcm128 => &AES_128_GCM,
            Profile::AesGcm256 => &AES_256_GCM,
            Profile::AesCm128Sha80 => {
                let key = UnboundCipherKey::new(&AES_128, key)
                    .and_then(EncryptingKey::ctr)
                    .map_err(|_| RtpError::KeyLength)?;
                let auth = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &keys.auth);
                return Ok(Self::CounterMode(Box::new(CounterMode {
                    key,
                    auth,
                    salt: keys.salt,
                })));
            }
        };
        let key = UnboundKey::new(gcm, key).map_err(|_| RtpError::KeyLength)?;
        let mut salt = [0; 12];
        salt.copy_from_slice(&keys.salt[..12]);
        Ok(Self::Gcm {
            key: LessSafeKey::new(key),
            salt,
        })
    }

    pub(super) const fn tag_len(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG,
            Self::CounterMode(_) => SHA1_TAG,
        }
    }

    /// Seals an RTP payload into `body`, whose length is that of the payload, and the tag into
    /// `tag`. One pass where the payload is whole; two where it begins with replaced bytes.
    #[inline]
    pub(super) fn seal_rtp(
        &self,
        header: &[u8],
        [prefix, payload]: [&[u8]; 2],
        body: &mut [u8],
        tag: &mut [u8],
        (ssrc, index): (u32, u64),
    ) -> Result<(), RtpError> {
        if let (Self::Gcm { key, salt }, true) = (self, prefix.is_empty()) {
            let nonce = gcm_nonce(salt, ssrc, index);
            return key
                .seal_out_of_place_scatter(nonce, Aad::from(header), payload, body, &[], tag)
                .map_err(|_| RtpError::NoRoom);
        }
        let (first, rest) = body
            .split_at_mut_checked(prefix.len())
            .ok_or(RtpError::NoRoom)?;
        first.copy_from_slice(prefix);
        if rest.len() != payload.len() {
            return Err(RtpError::NoRoom);
        }
        rest.copy_from_slice(payload);
        match self {
            Self::Gcm { key, salt } => key
                .seal_in_place_scatter(
                    gcm_nonce(salt, ssrc, index),
                    Aad::from(header),
                    body,
                    &[],
                    tag,
                )
                .map_err(|_| RtpError::NoRoom),
            Self::CounterMode(mode) => {
                mode.crypt(body, ssrc, index)?;
                let mac = mode.mac([header, body, &((index >> 16) as u32).to_be_bytes()]);
                tag.copy_from_slice(mac.as_ref().get(..SHA1_TAG).ok_or(RtpError::NoRoom)?);
                Ok(())
            }
        }
    }

    /// Opens `header` + ciphertext + tag in place; returns the length of the payload.
    #[inline]
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        (ssrc, index): (u32, u64),
    ) -> Result<usize, RtpError> {
        let body_len = packet
            .len()
            .checked_sub(header_len + self.tag_len())
            .ok_or(RtpError::Truncated)?;
        match self {
            Self::Gcm { key, salt } => {
                let (header, body) = packet.split_at_mut(header_len);
                key.open_in_place(gcm_nonce(salt, ssrc, index), Aad::from(&*header), body)
                    .map_err(|_| RtpError::Unauthenticated)?;
            }
            Self::CounterMode(mode) => {
                let (signed, tag) = packet.split_at_mut(header_len + body_len);
                let mac = mode.mac([&*signed, &[], &((index >> 16) as u32).to_be_bytes()]);
                check(mac, tag)?;
                mode.crypt(&mut signed[header_len..], ssrc, index)?;
            }
        }
        Ok(body_len)
    }

    /// Seals a compound RTCP packet and appends tag and index word.
    pub(super) fn seal_rtcp(&self, packet: &mut Vec<u8>, index: u32) -> Result<(), RtpError> {
        let ssrc = crate::bytes::be32(packet, 4).ok_or(RtpError::Truncated)?;
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let (clear, body) = packet.split_at_mut(RTCP_CLEAR);
                let aad = rtcp_aad(clear, word);
                let tag = key
                    .seal_in_place_separate_tag(
                        gcm_nonce(salt, ssrc, u64::from(index)),
                        Aad::from(aad),
                        body,
                    )
                    .map_err(|_| RtpError::TooLong)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
            }
            Self::CounterMode(mode) => {
                mode.crypt(&mut packet[RTCP_CLEAR..], ssrc, u64::from(index))?;
                packet.extend_from_slice(&word);
                let mac = mode.mac([&*packet, &[], &[]]);
                packet.extend_from_slice(mac.as_ref().get(..SHA1_TAG).ok_or(RtpError::NoRoom)?);
            }
        }
        Ok(())
    }

    /// Where the index word of a sealed RTCP packet stands.
    pub(super) fn rtcp_index_word(&self, packet: &[u8]) -> Result<u32, RtpError> {
        let behind = match self {
            Self::Gcm { .. } => 0,
            Self::CounterMode(_) => SHA1_TAG,
        };
        let minimum = RTCP_CLEAR + 4 + self.tag_len();
        if packet.len() < minimum {
            return Err(RtpError::Truncated);
        }
        crate::bytes::be32(packet, packet.len() - behind - 4).ok_or(RtpError::Truncated)
    }

    /// Opens a sealed RTCP packet in place; returns the length of the compound packet.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        ssrc: u32,
        word: u32,
    ) -> Result<usize, RtpError> {
        let index = u64::from(word & !ENCRYPTED);
        let is_encrypted = word & ENCRYPTED != 0;
        match self {
            Self::Gcm { key, salt } => {
                let body_end = packet.len() - 4;
                let nonce = gcm_nonce(salt, ssrc, index);
                let (clear, body) = packet[..body_end].split_at_mut(RTCP_CLEAR);
                if is_encrypted {
                    let aad = rtcp_aad(clear, word.to_be_bytes());
                    key.open_in_place(nonce, Aad::from(aad), body)
                        .map_err(|_| RtpError::Unauthenticated)?;
                } else {
                    // RFC 7714 section 9.3: all is associated data, the tag stands alone.
                    let signed_end = body_end - GCM_TAG;
                    let mut aad = packet[..signed_end].to_vec();
                    aad.extend_from_slice(&word.to_be_bytes());
                    key.open_in_place(nonce, Aad::from(aad), &mut packet[signed_end..body_end])
                        .map_err(|_| RtpError::Unauthenticated)?;
                }
                Ok(body_end - GCM_TAG)
            }
            Self::CounterMode(mode) => {
                let (signed, tag) = packet.split_at_mut(packet.len() - SHA1_TAG);
                check(mode.mac([&*signed, &[], &[]]), tag)?;
                let end = signed.len() - 4;
                if is_encrypted {
                    mode.crypt(&mut signed[RTCP_CLEAR..end], ssrc, index)?;
                }
                Ok(end)
            }
        }
    }
}

impl CounterMode {
    /// Applies the keystream; the same call encrypts and decrypts.
    ///
    /// Source: RFC 3711 section 4.1.1.
    fn crypt(&self, body: &mut [u8], ssrc: u32, index: u64) -> Result<(), RtpError> {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        for (byte, add) in iv[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
            *byte ^= add;
        }
        for (byte, add) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= add;
        }
        self.key
            .less_safe_encrypt(body, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map_err(|_| RtpError::TooLong)?;
        Ok(())
    }

    fn mac(&self, parts: [&[u8]; 3]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.auth);
        for part in parts {
            if !part.is_empty() {
                context.update(part);
            }
        }
        context.sign()
    }
}

fn check(mac: hmac::Tag, tag: &[u8]) -> Result<(), RtpError> {
    let expected = mac
        .as_ref()
        .get(..SHA1_TAG)
        .ok_or(RtpError::Unauthenticated)?;
    verify_slices_are_equal(expected, tag).map_err(|_| RtpError::Unauthenticated)
}

/// Source: RFC 7714 sections 8.1 and 9.1; an SRTCP index is an RTP index without a high part.
#[inline]
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    for (byte, add) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
        *byte ^= add;
    }
    for (byte, add) in nonce[6..12].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *byte ^= add;
    }
    Nonce::assume_unique_for_key(nonce)
}

fn rtcp_aad(clear: &[u8], word: [u8; 4]) -> [u8; RTCP_CLEAR + 4] {
    let mut aad = [0; RTCP_CLEAR + 4];
    aad[..RTCP_CLEAR].copy_from_slice(clear);
    aad[RTCP_CLEAR..].copy_from_slice(&word);
    aad
}
