//! ICE as a browser does it toward a lite agent: checks that nominate, then consent; and answers to
//! the checks that come.

use std::net::SocketAddr;

use parley_rtp::time::Micros;
use parley_wire::IceParameters;
use stun_types::attribute::{AttributeType, RawAttribute, Username, XorMappedAddress};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageIntegrityCredentials, MessageType,
    MessageWrite as _, MessageWriteExt as _, MessageWriteVec, ShortTermCredentials,
};

const PRIORITY: AttributeType = AttributeType::new(0x0024);
const USE_CANDIDATE: AttributeType = AttributeType::new(0x0025);
const ICE_CONTROLLING: AttributeType = AttributeType::new(0x802a);
/// Between two checks before the first answer, and after.
const CHECK_US: u64 = 50_000;
const CONSENT_US: u64 = 2_500_000;

/// One far end's checks.
#[derive(Debug)]
pub(super) struct FarIce {
    /// As the server has them: `local` is the server's.
    parameters: IceParameters,
    next_check: Micros,
    is_answered: bool,
}

impl FarIce {
    pub(super) fn new(now: Micros, parameters: IceParameters) -> Self {
        Self {
            parameters,
            next_check: now,
            is_answered: false,
        }
    }

    pub(super) fn deadline(&self) -> Micros {
        self.next_check
    }

    /// The check that is due, if one is.
    pub(super) fn advance(&mut self, now: Micros) -> Option<Vec<u8>> {
        if now < self.next_check {
            return None;
        }
        let interval = if self.is_answered {
            CONSENT_US
        } else {
            CHECK_US
        };
        self.next_check = Micros(now.0 + interval);
        check(&self.parameters)
    }

    pub(super) fn parameters(&self) -> &IceParameters {
        &self.parameters
    }

    /// Takes a STUN message; answers whether it was the first success.
    pub(super) fn handle(&mut self, now: Micros, bytes: &[u8]) -> bool {
        let Ok(message) = Message::from_bytes(bytes) else {
            return false;
        };
        let success = MessageType::from_class_method(MessageClass::Success, BINDING);
        if message.get_type() != success
            || message
                .validate_integrity(&key_of(&self.parameters))
                .is_err()
        {
            return false;
        }
        let is_first = !self.is_answered;
        self.is_answered = true;
        if is_first {
            self.next_check = Micros(now.0 + CONSENT_US);
        }
        is_first
    }
}

/// The answer to a check of the server's; none where it is no check, or not for us.
pub(super) fn answer(parameters: &IceParameters, bytes: &[u8]) -> Option<Vec<u8>> {
    let request = Message::from_bytes(bytes).ok()?;
    let is_check =
        request.get_type() == MessageType::from_class_method(MessageClass::Request, BINDING);
    let password = parameters.remote_pwd.clone();
    let key = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(password));
    let name = format!("{}:{}", parameters.remote_ufrag, parameters.local_ufrag);
    let is_ours = request.attribute::<Username>().ok()?.username() == name;
    if !is_check || !is_ours || request.validate_integrity(&key).is_err() {
        return None;
    }
    let mut reply = Message::builder_success(&request, MessageWriteVec::new());
    let seen = SocketAddr::from(([192, 0, 2, 1], 1));
    reply
        .add_attribute(&XorMappedAddress::new(seen, request.transaction_id()))
        .ok()?;
    reply
        .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
        .ok()?;
    reply.add_fingerprint().ok()?;
    Some(reply.finish())
}

/// A nominating check toward the server that owns these parameters.
pub(super) fn check(parameters: &IceParameters) -> Option<Vec<u8>> {
    let name = format!("{}:{}", parameters.local_ufrag, parameters.remote_ufrag);
    let mut message = Message::builder_request(BINDING, MessageWriteVec::new());
    message.add_attribute(&Username::new(&name).ok()?).ok()?;
    message
        .add_attribute(&RawAttribute::new(PRIORITY, &[110, 127, 30, 255]))
        .ok()?;
    message
        .add_attribute(&RawAttribute::new(ICE_CONTROLLING, &[7; 8]))
        .ok()?;
    message
        .add_attribute(&RawAttribute::new(USE_CANDIDATE, &[]))
        .ok()?;
    message
        .add_message_integrity(&key_of(parameters), IntegrityAlgorithm::Sha1)
        .ok()?;
    message.add_fingerprint().ok()?;
    Some(message.finish())
}

fn key_of(parameters: &IceParameters) -> MessageIntegrityCredentials {
    let password = parameters.local_pwd.clone();
    MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(password))
}
