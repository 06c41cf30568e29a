//! ICE, the lite side: answers checks and learns addresses by them.
//!
//! A check proves who wrote it, not where that is. So each new address is asked back, by a check of
//! ours, and media goes there only after an answer, or after a packet from there that only the
//! keys' owner could have made. Until then it gets three bytes for each that came.
//!
//! Source: RFC 8445 sections 2.5 and 7.3, RFC 8489 section 9.1, RFC 7675, RFC 9000 section 8.1.

use std::net::SocketAddr;
use std::time::Duration;

use parley_rtp::time::Micros;
use parley_wire::IceParameters;
use serde::{Deserialize, Serialize};
use stun_types::attribute::{
    Attribute as _, AttributeStaticType as _, AttributeType, ErrorCode, Fingerprint, RawAttribute,
    Username, XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageIntegrityCredentials, MessageType,
    MessageWrite as _, MessageWriteExt as _, MessageWriteVec, ShortTermCredentials, TransactionId,
};

use crate::address::Address;
use crate::limits;

/// The controlled side's attribute: whoever sends it to us has mistaken the roles.
const ICE_CONTROLLED: AttributeType = AttributeType::new(0x8029);
const USE_CANDIDATE: AttributeType = AttributeType::new(0x0025);
const PRIORITY: AttributeType = AttributeType::new(0x0024);
/// RFC 8445 section 5.1.2.1 for a peer-reflexive candidate; nobody chooses by it.
const OWN_PRIORITY: u32 = 1_862_270_975;

/// A parsed check: what is known before anybody is asked.
pub(crate) struct Check<'a> {
    message: Message<'a>,
    username: String,
    length: usize,
}

/// Why a datagram that looks like STUN is no check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotACheck {
    /// It cannot be parsed, or lacks FINGERPRINT or USERNAME.
    Malformed,
    /// A response or an indication.
    NotARequest,
}

impl<'a> Check<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, NotACheck> {
        let message = Message::from_bytes(bytes).map_err(|_| NotACheck::Malformed)?;
        if message.get_type() != MessageType::from_class_method(MessageClass::Request, BINDING) {
            return Err(NotACheck::NotARequest);
        }
        // Checks always carry it (RFC 8445 section 7.1), and without it this is hardly STUN. Its
        // value has been verified by the parser.
        if !message.has_attribute(Fingerprint::TYPE) {
            return Err(NotACheck::Malformed);
        }
        let username = message
            .attribute::<Username>()
            .map_err(|_| NotACheck::Malformed)?;
        Ok(Self {
            username: username.username().to_owned(),
            length: bytes.len(),
            message,
        })
    }

    /// The name of ours that the check is addressed to.
    pub(crate) fn local_ufrag(&self) -> &str {
        self.username
            .split_once(':')
            .map_or(self.username.as_str(), |(local, _)| local)
    }

    fn remote_ufrag(&self) -> Option<&str> {
        self.username.split_once(':').map(|(_, remote)| remote)
    }
}

/// A parsed answer to a check of ours.
pub(crate) struct Answer<'a>(Message<'a>);

impl<'a> Answer<'a> {
    /// None: it is no success.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let message = Message::from_bytes(bytes).ok()?;
        let success = MessageType::from_class_method(MessageClass::Success, BINDING);
        (message.get_type() == success).then_some(Self(message))
    }
}

/// What came of a check.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is theirs; answer it.
    Valid {
        reply: Vec<u8>,
        /// The first check with new credentials: the old ones are gone.
        restarted: bool,
        /// An address that had to make room for this one.
        forgotten: Option<Address>,
    },
    /// Authenticated, but refused with this answer.
    Refused(Vec<u8>),
    /// Not authenticated. The answer is never longer than what came.
    Unauthenticated(Option<Vec<u8>>),
}

/// Why packets may go to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// They may not: anybody can write an address into a packet.
    None,
    /// A DTLS or SRTP packet that authenticates came from there. Whoever has the keys can still
    /// have written a foreign address: an endpoint that answers checks has to answer one from
    /// there, too, until then.
    Packet { until: Micros },
    /// A check of ours to there was answered; TCP's own handshake is as good.
    Answered,
}

#[derive(Clone, Debug)]
struct Path {
    address: Address,
    checked: Micros,
    proof: Proof,
    /// Packets are to go there as soon as there is a proof.
    wanted: bool,
    /// It did not answer in time; packets alone are no proof any more.
    doubted: bool,
    /// Bytes from and to there while there is no proof; of the latter, those that are no answers.
    received: usize,
    sent: usize,
    begun: usize,
    /// Our last check: its transaction, when it went out, how often since theirs.
    asked: Option<(TransactionId, Micros)>,
    asks: u32,
}

impl Path {
    fn new(address: Address, proof: Proof, now: Micros) -> Self {
        Self {
            address,
            checked: now,
            proof,
            wanted: false,
            doubted: false,
            received: 0,
            sent: 0,
            begun: 0,
            asked: None,
            asks: 0,
        }
    }

    fn is_proven(&self) -> bool {
        self.proof != Proof::None
    }
}

/// The ICE state of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Ice {
    current: IceParameters,
    next: Option<IceParameters>,
    /// Addresses that a valid check came from, the selected one first: a proven one where there
    /// is one.
    paths: Vec<Path>,
    /// The first path, where it is proven: where media goes.
    lead: Option<Address>,
    /// The far side has answered a check of ours, so it can.
    answers: bool,
    /// Most bytes that we begin to send to an address without proof.
    unproven_bytes_max: usize,
}

/// What survives the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IceSnapshot {
    local_ufrag: String,
    local_pwd: String,
    remote_ufrag: String,
    remote_pwd: String,
    udp: Option<SocketAddr>,
}

impl Ice {
    pub(crate) fn new(parameters: IceParameters, unproven_bytes_max: usize) -> Self {
        Self {
            current: parameters,
            next: None,
            paths: Vec::new(),
            lead: None,
            answers: false,
            unproven_bytes_max,
        }
    }

    /// Our names that checks may be addressed to.
    pub(crate) fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        let next = self.next.as_ref().map(|next| next.local_ufrag.as_str());
        std::iter::once(self.current.local_ufrag.as_str()).chain(next)
    }

    /// Takes new credentials; those in use stay valid until the first check with the new. Returns
    /// the name of ours that was waiting to be used and no longer is.
    pub(crate) fn restart(&mut self, parameters: IceParameters) -> Option<String> {
        if parameters.local_ufrag == self.current.local_ufrag {
            self.current = parameters;
            return None;
        }
        let replaced = self.next.replace(parameters);
        let next = self.next.as_ref().map(|next| next.local_ufrag.as_str());
        replaced
            .map(|old| old.local_ufrag)
            .filter(|old| Some(old.as_str()) != next)
    }

    /// Whether `parameters` are those in use or awaited.
    pub(crate) fn knows(&self, parameters: &IceParameters) -> bool {
        same(&self.current, parameters)
            || self
                .next
                .as_ref()
                .is_some_and(|next| same(next, parameters))
    }

    /// Where media goes: the nominated address, once there is a proof of it.
    pub(crate) fn lead(&self) -> Option<Address> {
        self.lead
    }

    /// Where the handshake goes: as for media, or to what was nominated, as far as
    /// [`Ice::allowance`] lets it.
    pub(crate) fn selected(&self) -> Option<Address> {
        self.paths.first().map(|path| path.address)
    }

    /// Every address that a valid check came from.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.paths.iter().map(|path| path.address)
    }

    /// Forgets an address whose connection is gone.
    pub(crate) fn forget(&mut self, address: Address) {
        self.paths.retain(|path| path.address != address);
        self.prefer_proven();
    }

    pub(crate) fn is_proven(&self, address: Address) -> bool {
        self.lead == Some(address) || self.path(address).is_some_and(Path::is_proven)
    }

    /// Notes that so many bytes came from an address.
    pub(crate) fn receive(&mut self, from: Address, bytes: usize) {
        if let Some(path) = self.path_mut(from)
            && !path.is_proven()
        {
            path.received += bytes;
        }
    }

    /// How many bytes that are no answers may be sent to an address now.
    pub(crate) fn allowance(&self, to: Address) -> usize {
        match self.path(to) {
            Some(path) if path.is_proven() => usize::MAX,
            Some(path) => {
                let by_share = (path.received * limits::UNPROVEN_FACTOR).saturating_sub(path.sent);
                by_share.min(self.unproven_bytes_max.saturating_sub(path.begun))
            }
            None => 0,
        }
    }

    /// Notes that so many bytes, which are no answers, were sent to an address.
    pub(crate) fn spend(&mut self, to: Address, bytes: usize) {
        if let Some(path) = self.path_mut(to)
            && !path.is_proven()
        {
            path.sent += bytes;
            path.begun += bytes;
        }
    }

    /// A check of ours to an address that still has to answer one; none where it need not, was just
    /// asked, or has got as much as it may. A repeat leaves `reserve` bytes of that.
    pub(crate) fn ask(&mut self, to: Address, reserve: usize, now: Micros) -> Option<Vec<u8>> {
        let allowance = self.allowance(to);
        let path = self.paths.iter().position(|path| path.address == to)?;
        let path = self.paths.get_mut(path)?;
        let is_recent = path
            .asked
            .is_some_and(|(_, at)| now.micros_since(at) < limits::CHECK_BACK_INTERVAL_US);
        if path.proof == Proof::Answered || is_recent || path.asks >= limits::CHECKS_BACK_MAX {
            return None;
        }
        // The same one again is a retransmission: an answer to either will do.
        let transaction = match path.asked {
            Some((transaction, _)) => transaction,
            None => TransactionId::generate(),
        };
        let check = own_check(&self.current, transaction)?;
        let reserve = if path.asks == 0 { 0 } else { reserve };
        if check.len() + reserve > allowance {
            return None;
        }
        path.asked = Some((transaction, now));
        path.asks += 1;
        self.spend(to, check.len());
        Some(check)
    }

    /// Addresses that have been asked, have not answered, and may be asked again.
    pub(crate) fn unanswered(&self) -> Vec<Address> {
        let waiting = self.paths.iter().filter(|path| {
            path.proof != Proof::Answered
                && path.asked.is_some()
                && path.asks < limits::CHECKS_BACK_MAX
        });
        waiting.map(|path| path.address).collect()
    }

    /// Takes an answer to a check of ours. True: it is one, and came from where the check had gone.
    pub(crate) fn take_answer(&mut self, answer: &Answer<'_>, from: Address) -> bool {
        let credentials = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(
            self.current.remote_pwd.clone(),
        ));
        // Who has the password can be anywhere. That it knows the transaction shows that it is
        // where the check went.
        let Some(place) = self.paths.iter().position(|path| {
            path.address == from
                && path
                    .asked
                    .is_some_and(|(transaction, _)| transaction == answer.0.transaction_id())
        }) else {
            return false;
        };
        if answer.0.validate_integrity(&credentials).is_err() {
            return false;
        }
        self.answers = true;
        self.paths[place].asked = None;
        self.prove(place, Proof::Answered);
        true
    }

    /// Notes a packet that authenticates. True: that is the proof of its address.
    pub(crate) fn take_authentic(&mut self, from: Address, now: Micros) -> bool {
        let Some(place) = self.paths.iter().position(|path| path.address == from) else {
            return false;
        };
        let path = &self.paths[place];
        if path.is_proven() || (path.doubted && self.answers) {
            return false;
        }
        let until = now + Duration::from_micros(limits::PROOF_BY_PACKET_US);
        self.prove(place, Proof::Packet { until });
        true
    }

    /// Takes back what packets alone have proven where the far side answers checks elsewhere and
    /// did not answer there.
    pub(crate) fn doubt(&mut self, now: Micros) {
        if !self.answers {
            return;
        }
        for path in &mut self.paths {
            if let Proof::Packet { until } = path.proof
                && until <= now
            {
                path.proof = Proof::None;
                path.doubted = true;
                path.asked = None;
            }
        }
        self.prefer_proven();
    }

    fn path(&self, address: Address) -> Option<&Path> {
        self.paths.iter().find(|path| path.address == address)
    }

    fn path_mut(&mut self, address: Address) -> Option<&mut Path> {
        self.paths.iter_mut().find(|path| path.address == address)
    }

    fn prove(&mut self, place: usize, proof: Proof) {
        let path = &mut self.paths[place];
        path.proof = proof;
        path.doubted = false;
        if std::mem::take(&mut path.wanted) {
            let path = self.paths.remove(place);
            self.paths.insert(0, path);
        }
        self.prefer_proven();
    }

    /// Puts a proven path first, the last checked, unless the first is one.
    fn prefer_proven(&mut self) {
        if !self.paths.first().is_some_and(Path::is_proven) {
            let proven = (0..self.paths.len()).filter(|at| self.paths[*at].is_proven());
            if let Some(best) = proven.max_by_key(|at| self.paths[*at].checked) {
                let path = self.paths.remove(best);
                self.paths.insert(0, path);
            }
        }
        self.lead = self
            .paths
            .first()
            .filter(|path| path.is_proven())
            .map(|path| path.address);
    }

    /// Judges a check addressed to one of our names.
    pub(crate) fn check(&mut self, check: &Check<'_>, from: Address, now: Micros) -> Verdict {
        let restarted = self
            .next
            .as_ref()
            .is_some_and(|n| n.local_ufrag == check.local_ufrag());
        let parameters = if restarted {
            self.next.as_ref()
        } else {
            Some(&self.current)
        };
        let Some(parameters) = parameters else {
            return Verdict::Unauthenticated(None);
        };
        let credentials = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(
            parameters.local_pwd.clone(),
        ));
        let authentic = check.remote_ufrag() == Some(parameters.remote_ufrag.as_str())
            && check.message.validate_integrity(&credentials).is_ok();
        if !authentic {
            let reply = error_reply(&check.message, 401, "Unauthorized", None);
            return Verdict::Unauthenticated(reply.filter(|reply| reply.len() <= check.length));
        }
        if check.message.has_attribute(ICE_CONTROLLED) {
            return match error_reply(&check.message, 487, "Role Conflict", Some(&credentials)) {
                Some(reply) if reply.len() <= check.length => Verdict::Refused(reply),
                _ => Verdict::Unauthenticated(None),
            };
        }
        let unknown = check.message.iter_attributes().any(|(_, attribute)| {
            let kind = attribute.get_type();
            kind.comprehension_required() && !is_understood(kind)
        });
        if unknown && let Some(reply) = unknown_attribute_reply(&check.message, &credentials) {
            return Verdict::Refused(reply);
        }
        let Some(reply) = success_reply(&check.message, from.socket_address(), &credentials) else {
            return Verdict::Unauthenticated(None);
        };
        if restarted && let Some(next) = self.next.take() {
            self.current = next;
        }
        let nominated = check.message.has_attribute(USE_CANDIDATE);
        let forgotten = self.learn(from, nominated || restarted, now);
        if let Some(path) = self.path_mut(from) {
            path.asks = 0;
            if !path.is_proven() {
                path.received += check.length;
                path.sent += reply.len();
            }
        }
        Verdict::Valid {
            reply,
            restarted,
            forgotten,
        }
    }

    /// Notes a checked path and decides whether packets are to go there from now on.
    fn learn(&mut self, from: Address, nominated: bool, now: Micros) -> Option<Address> {
        let mut forgotten = None;
        // An agent that nominates once and then moves (a NAT that changed its mind) shows it only
        // by the silence of the old path.
        let stale = self.paths.first().is_some_and(|first| {
            first.address != from && now.micros_since(first.checked) > limits::PATH_STALE_US
        });
        let place = match self.paths.iter().position(|path| path.address == from) {
            Some(place) => {
                self.paths[place].checked = now;
                place
            }
            None => {
                if self.paths.len() >= limits::PATHS_MAX {
                    let worst = (1..self.paths.len())
                        .min_by_key(|at| (self.paths[*at].is_proven(), self.paths[*at].checked));
                    forgotten = worst.map(|worst| self.paths.remove(worst).address);
                }
                let proof = match from {
                    Address::Udp(_) => Proof::None,
                    Address::Tcp { .. } => Proof::Answered,
                };
                self.paths.push(Path::new(from, proof, now));
                self.paths.len() - 1
            }
        };
        if nominated || stale {
            for path in &mut self.paths {
                path.wanted = false;
            }
            let is_free = self.lead.is_none();
            let path = &mut self.paths[place];
            path.wanted = !path.is_proven();
            if path.is_proven() || is_free {
                let path = self.paths.remove(place);
                self.paths.insert(0, path);
            }
        }
        self.prefer_proven();
        forgotten
    }

    pub(crate) fn snapshot(&self) -> IceSnapshot {
        let proven = self.paths.iter().filter(|path| path.is_proven());
        let udp = proven
            .map(|path| path.address)
            .find_map(|address| match address {
                Address::Udp(address) => Some(address),
                Address::Tcp { .. } => None, // the connection dies with the worker
            });
        IceSnapshot {
            local_ufrag: self.current.local_ufrag.clone(),
            local_pwd: self.current.local_pwd.clone(),
            remote_ufrag: self.current.remote_ufrag.clone(),
            remote_pwd: self.current.remote_pwd.clone(),
            udp,
        }
    }

    /// Goes on where a dead worker stopped. `wanted` are the credentials of the last restart,
    /// which may not have been used yet.
    pub(crate) fn restore(
        snapshot: IceSnapshot,
        wanted: IceParameters,
        unproven_bytes_max: usize,
        now: Micros,
    ) -> Self {
        let current = IceParameters {
            local_ufrag: snapshot.local_ufrag,
            local_pwd: snapshot.local_pwd,
            remote_ufrag: snapshot.remote_ufrag,
            remote_pwd: snapshot.remote_pwd,
        };
        let next = (!same(&current, &wanted)).then_some(wanted);
        // Media went there a moment ago.
        let path = |udp| Path::new(Address::Udp(udp), Proof::Answered, now);
        Self {
            current,
            next,
            paths: snapshot.udp.map(path).into_iter().collect(),
            lead: snapshot.udp.map(Address::Udp),
            answers: false,
            unproven_bytes_max,
        }
    }
}

fn same(a: &IceParameters, b: &IceParameters) -> bool {
    a.local_ufrag == b.local_ufrag
        && a.local_pwd == b.local_pwd
        && a.remote_ufrag == b.remote_ufrag
        && a.remote_pwd == b.remote_pwd
}

/// Attributes with a number below 0x8000 that a check may carry.
fn is_understood(kind: AttributeType) -> bool {
    const KNOWN: [u16; 5] = [0x0006, 0x0008, 0x001c, 0x0024, 0x0025];
    debug_assert!(KNOWN.contains(&PRIORITY.value()) && KNOWN.contains(&USE_CANDIDATE.value()));
    KNOWN.contains(&kind.value())
}

/// A check toward the far side, in the controlled role, which a lite agent always has.
fn own_check(parameters: &IceParameters, transaction: TransactionId) -> Option<Vec<u8>> {
    let name = format!("{}:{}", parameters.remote_ufrag, parameters.local_ufrag);
    let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
    let mut check = Message::builder(kind, transaction, MessageWriteVec::with_capacity(128));
    check.add_attribute(&Username::new(&name).ok()?).ok()?;
    check
        .add_attribute(&RawAttribute::new(PRIORITY, &OWN_PRIORITY.to_be_bytes()))
        .ok()?;
    check
        .add_attribute(&RawAttribute::new(ICE_CONTROLLED, &[0; 8]))
        .ok()?;
    let password = parameters.remote_pwd.clone();
    let credentials = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(password));
    check
        .add_message_integrity(&credentials, IntegrityAlgorithm::Sha1)
        .ok()?;
    check.add_fingerprint().ok()?;
    Some(check.finish())
}

fn success_reply(
    request: &Message<'_>,
    from: SocketAddr,
    credentials: &MessageIntegrityCredentials,
) -> Option<Vec<u8>> {
    let mut reply = Message::builder_success(request, MessageWriteVec::with_capacity(96));
    reply
        .add_attribute(&XorMappedAddress::new(from, request.transaction_id()))
        .ok()?;
    reply
        .add_message_integrity(credentials, IntegrityAlgorithm::Sha1)
        .ok()?;
    reply.add_fingerprint().ok()?;
    Some(reply.finish())
}

fn error_reply(
    request: &Message<'_>,
    code: u16,
    reason: &str,
    credentials: Option<&MessageIntegrityCredentials>,
) -> Option<Vec<u8>> {
    let mut reply = Message::builder_error(request, MessageWriteVec::with_capacity(96));
    reply
        .add_attribute(&ErrorCode::new(code, reason).ok()?)
        .ok()?;
    if let Some(credentials) = credentials {
        reply
            .add_message_integrity(credentials, IntegrityAlgorithm::Sha1)
            .ok()?;
    }
    reply.add_fingerprint().ok()?;
    Some(reply.finish())
}

fn unknown_attribute_reply(
    request: &Message<'_>,
    credentials: &MessageIntegrityCredentials,
) -> Option<Vec<u8>> {
    error_reply(request, 420, "Unknown Attribute", Some(credentials))
}

#[cfg(test)]
mod tests {
    use stun_types::message::TransactionId;

    use super::*;

    fn parameters(tag: &str) -> IceParameters {
        IceParameters {
            local_ufrag: format!("local{tag}"),
            local_pwd: format!("local password of {tag} 1234567"),
            remote_ufrag: format!("remote{tag}"),
            remote_pwd: format!("remote password of {tag} 123456"),
        }
    }

    fn address(port: u16) -> Address {
        Address::Udp(([127, 0, 0, 1], port).into())
    }

    struct Options<'a> {
        username: &'a str,
        password: &'a str,
        extra: &'a [(u16, &'a [u8])],
        fingerprint: bool,
    }

    fn check_bytes(options: &Options<'_>) -> Vec<u8> {
        let mut request = Message::builder_request(BINDING, MessageWriteVec::new());
        request
            .add_attribute(&Username::new(options.username).unwrap())
            .unwrap();
        for (kind, value) in options.extra {
            let raw = stun_types::attribute::RawAttribute::new(AttributeType::new(*kind), value);
            request.add_attribute(&raw).unwrap();
        }
        let credentials = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(
            options.password.to_owned(),
        ));
        request
            .add_message_integrity(&credentials, IntegrityAlgorithm::Sha1)
            .unwrap();
        if options.fingerprint {
            request.add_fingerprint().unwrap();
        }
        request.finish()
    }

    fn good(tag: &str, nominate: bool) -> Vec<u8> {
        let p = parameters(tag);
        let extra: &[(u16, &[u8])] = if nominate {
            &[(0x25, &[]), (0x802a, &[1; 8]), (0x24, &[0, 0, 0, 1])]
        } else {
            &[(0x802a, &[1; 8]), (0x24, &[0, 0, 0, 1])]
        };
        check_bytes(&Options {
            username: &format!("{}:{}", p.local_ufrag, p.remote_ufrag),
            password: &p.local_pwd,
            extra,
            fingerprint: true,
        })
    }

    fn judge(ice: &mut Ice, bytes: &[u8], from: Address, now: u64) -> Verdict {
        ice.check(&Check::parse(bytes).unwrap(), from, Micros(now))
    }

    fn fresh() -> Ice {
        Ice::new(parameters("a"), 3_000)
    }

    /// What the far side says to a check of ours.
    fn answer_to(check: &[u8], tag: &str) -> Vec<u8> {
        let request = Message::from_bytes(check).unwrap();
        let password = parameters(tag).remote_pwd;
        let key = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(password));
        assert!(request.validate_integrity(&key).is_ok());
        success_reply(&request, address(9).socket_address(), &key).unwrap()
    }

    fn take(ice: &mut Ice, reply: &[u8], from: Address) -> bool {
        ice.take_answer(&Answer::parse(reply).unwrap(), from)
    }

    /// An address is asked, and answers.
    fn prove(ice: &mut Ice, tag: &str, at: Address, now: u64) {
        let check = ice.ask(at, 0, Micros(now)).unwrap();
        assert!(take(ice, &answer_to(&check, tag), at));
    }

    fn code(reply: &[u8]) -> u16 {
        Message::from_bytes(reply)
            .unwrap()
            .attribute::<ErrorCode>()
            .unwrap()
            .code()
    }

    #[test]
    fn a_good_check_is_answered_with_the_address_it_came_from() {
        let mut ice = fresh();
        let bytes = good("a", true);
        let Verdict::Valid {
            reply,
            restarted,
            forgotten,
        } = judge(&mut ice, &bytes, address(1), 0)
        else {
            panic!("refused");
        };
        assert!(!restarted && forgotten.is_none());
        assert!(reply.len() <= bytes.len());
        let request = Message::from_bytes(&bytes).unwrap();
        let reply = Message::from_bytes(&reply).unwrap();
        let id: TransactionId = reply.transaction_id();
        assert_eq!(id, request.transaction_id());
        let mapped = reply.attribute::<XorMappedAddress>().unwrap();
        assert_eq!(mapped.addr(id), address(1).socket_address());
        assert_eq!((ice.selected(), ice.lead()), (Some(address(1)), None));
    }

    #[test]
    fn a_wrong_password_or_name_teaches_no_address_and_is_never_amplified() {
        let mut ice = fresh();
        let p = parameters("a");
        let cases = [
            (
                format!("{}:{}", p.local_ufrag, p.remote_ufrag),
                "wrong".to_owned(),
            ),
            (format!("{}:someone", p.local_ufrag), p.local_pwd.clone()),
            (p.local_ufrag.clone(), p.local_pwd),
        ];
        for (username, password) in cases {
            let options = Options {
                username: &username,
                password: &password,
                extra: &[],
                fingerprint: true,
            };
            let bytes = check_bytes(&options);
            match judge(&mut ice, &bytes, address(1), 0) {
                Verdict::Unauthenticated(reply) => {
                    let reply = reply.unwrap();
                    assert_eq!(code(&reply), 401);
                    assert!(reply.len() <= bytes.len());
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ice.selected(), None);
    }

    #[test]
    fn a_check_without_fingerprint_or_username_is_malformed() {
        let p = parameters("a");
        let username = format!("{}:{}", p.local_ufrag, p.remote_ufrag);
        let options = Options {
            username: &username,
            password: &p.local_pwd,
            extra: &[],
            fingerprint: false,
        };
        assert_eq!(
            Check::parse(&check_bytes(&options)).err(),
            Some(NotACheck::Malformed)
        );
        assert_eq!(Check::parse(&[0; 20]).err(), Some(NotACheck::Malformed));
    }

    #[test]
    fn the_other_side_in_the_controlled_role_gets_487() {
        let mut ice = fresh();
        let p = parameters("a");
        let username = format!("{}:{}", p.local_ufrag, p.remote_ufrag);
        let options = Options {
            username: &username,
            password: &p.local_pwd,
            extra: &[(0x8029, &[1; 8])],
            fingerprint: true,
        };
        match judge(&mut ice, &check_bytes(&options), address(1), 0) {
            Verdict::Refused(reply) => assert_eq!(code(&reply), 487),
            other => panic!("{other:?}"),
        }
        assert_eq!(ice.selected(), None);
    }

    #[test]
    fn an_attribute_that_must_be_understood_and_is_not_gets_420() {
        let mut ice = fresh();
        let p = parameters("a");
        let username = format!("{}:{}", p.local_ufrag, p.remote_ufrag);
        let options = Options {
            username: &username,
            password: &p.local_pwd,
            extra: &[(0x7abc, &[0; 4])],
            fingerprint: true,
        };
        match judge(&mut ice, &check_bytes(&options), address(1), 0) {
            Verdict::Refused(reply) => assert_eq!(code(&reply), 420),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn media_goes_to_the_nominated_address_once_that_has_answered() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", false), address(1), 0);
        assert_eq!(ice.lead(), None, "a check alone shows no address");
        prove(&mut ice, "a", address(1), 0);
        judge(&mut ice, &good("a", false), address(2), 1);
        prove(&mut ice, "a", address(2), 1);
        assert_eq!(
            ice.lead(),
            Some(address(1)),
            "the first path serves until one is chosen"
        );
        judge(&mut ice, &good("a", true), address(2), 2);
        assert_eq!(ice.lead(), Some(address(2)));
        judge(&mut ice, &good("a", true), address(3), 3);
        assert_eq!(ice.lead(), Some(address(2)), "nobody answered there");
        prove(&mut ice, "a", address(3), 4);
        assert_eq!(ice.lead(), Some(address(3)));
    }

    #[test]
    fn only_the_last_nominated_address_is_moved_to() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", true), address(1), 0);
        prove(&mut ice, "a", address(1), 0);
        judge(&mut ice, &good("a", true), address(2), 1);
        judge(&mut ice, &good("a", true), address(3), 2);
        prove(&mut ice, "a", address(2), 3);
        assert_eq!(ice.lead(), Some(address(1)));
        prove(&mut ice, "a", address(3), 4);
        assert_eq!(ice.lead(), Some(address(3)));
    }

    #[test]
    fn an_answer_proves_only_the_address_that_was_asked_by_who_has_the_password() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", true), address(1), 0);
        judge(&mut ice, &good("a", true), address(2), 0);
        let check = ice.ask(address(2), 0, Micros(0)).unwrap();
        let right = answer_to(&check, "a");
        assert!(!take(&mut ice, &right, address(1)), "from elsewhere");
        assert!(!take(&mut ice, &right, address(7)), "from nowhere");
        let request = Message::from_bytes(&check).unwrap();
        let other = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(
            "somebody else's password".to_owned(),
        ));
        let forged = success_reply(&request, address(9).socket_address(), &other).unwrap();
        assert!(!take(&mut ice, &forged, address(2)), "by who does not know");
        let invented = own_check(&parameters("a"), TransactionId::generate()).unwrap();
        let guessed = answer_to(&invented, "a");
        assert!(
            !take(&mut ice, &guessed, address(2)),
            "to what nobody asked"
        );
        let key = MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(
            parameters("a").remote_pwd,
        ));
        let error = error_reply(&request, 487, "Role Conflict", Some(&key)).unwrap();
        assert!(Answer::parse(&error).is_none(), "an error is no answer");
        assert_eq!(ice.lead(), None);
        assert!(take(&mut ice, &right, address(2)));
        assert_eq!(ice.lead(), Some(address(2)));
        assert!(!take(&mut ice, &right, address(2)), "once");
    }

    #[test]
    fn an_answer_later_than_the_next_check_counts_still() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", true), address(1), 0);
        judge(&mut ice, &good("a", true), address(1), 1);
        let first = ice.ask(address(1), 0, Micros(2)).unwrap();
        assert_eq!(ice.ask(address(1), 0, Micros(3)), None, "not so soon");
        let later = 2 + limits::CHECK_BACK_INTERVAL_US;
        let second = ice.ask(address(1), 0, Micros(later)).unwrap();
        assert_eq!(first, second);
        assert!(take(&mut ice, &answer_to(&first, "a"), address(1)));
    }

    #[test]
    fn a_packet_that_authenticates_proves_its_address_but_not_for_ever_against_silence() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", true), address(1), 0);
        assert!(ice.take_authentic(address(1), Micros(1)));
        assert_eq!(ice.lead(), Some(address(1)));
        // It never answered a check: that it does not answer here says nothing.
        ice.doubt(Micros(60_000_000));
        assert_eq!(ice.lead(), Some(address(1)));

        prove(&mut ice, "a", address(1), 60_000_000);
        judge(&mut ice, &good("a", true), address(2), 60_000_001);
        assert!(ice.take_authentic(address(2), Micros(60_000_002)));
        assert_eq!(ice.lead(), Some(address(2)));
        let until = 60_000_002 + limits::PROOF_BY_PACKET_US;
        ice.doubt(Micros(until - 1));
        assert_eq!(ice.lead(), Some(address(2)));
        ice.doubt(Micros(until));
        assert_eq!(
            ice.lead(),
            Some(address(1)),
            "it answers elsewhere, not here"
        );
        assert!(!ice.take_authentic(address(2), Micros(until + 1)));
        judge(&mut ice, &good("a", true), address(2), until + 2);
        prove(&mut ice, "a", address(2), until + 2);
        assert_eq!(ice.lead(), Some(address(2)));
        assert!(
            !ice.take_authentic(address(8), Micros(until + 3)),
            "unchecked"
        );
    }

    #[test]
    fn a_tcp_connection_is_its_own_proof() {
        let mut ice = fresh();
        let tcp = Address::Tcp {
            connection: 1,
            from: address(1).socket_address(),
        };
        judge(&mut ice, &good("a", true), tcp, 0);
        assert_eq!(ice.lead(), Some(tcp));
        ice.forget(tcp);
        assert_eq!(ice.lead(), None);
    }

    #[test]
    fn a_silent_path_loses_to_one_that_is_checked() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", true), address(1), 0);
        prove(&mut ice, "a", address(1), 0);
        let later = limits::PATH_STALE_US + 1;
        judge(&mut ice, &good("a", false), address(2), later);
        assert_eq!(ice.lead(), Some(address(1)));
        prove(&mut ice, "a", address(2), later);
        assert_eq!(ice.lead(), Some(address(2)));
    }

    #[test]
    fn old_credentials_work_until_the_first_check_with_the_new() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", true), address(1), 0);
        prove(&mut ice, "a", address(1), 0);
        assert_eq!(ice.restart(parameters("b")), None);
        assert!(matches!(
            judge(&mut ice, &good("a", true), address(1), 1),
            Verdict::Valid {
                restarted: false,
                ..
            }
        ));
        assert!(matches!(
            judge(&mut ice, &good("b", false), address(2), 2),
            Verdict::Valid {
                restarted: true,
                ..
            }
        ));
        prove(&mut ice, "b", address(2), 2);
        assert_eq!(ice.lead(), Some(address(2)));
        assert!(matches!(
            judge(&mut ice, &good("a", true), address(1), 3),
            Verdict::Unauthenticated(_)
        ));
    }

    #[test]
    fn the_number_of_paths_is_bounded_and_the_selected_one_stays() {
        let mut ice = fresh();
        judge(&mut ice, &good("a", true), address(1), 0);
        prove(&mut ice, "a", address(1), 0);
        for port in 2..100 {
            judge(&mut ice, &good("a", true), address(port), u64::from(port));
        }
        assert_eq!(ice.addresses().count(), limits::PATHS_MAX);
        assert_eq!(ice.lead(), Some(address(1)));
    }

    /// Something that happens on one address.
    #[derive(Clone, Copy, Debug)]
    enum Happens {
        Check { port: u16, nominates: bool },
        Packet { port: u16, bytes: usize },
        Handshake { bytes: usize },
        Time { us: u64 },
    }

    fn happens() -> impl proptest::strategy::Strategy<Value = Happens> {
        use proptest::prelude::*;
        prop_oneof![
            (1..12_u16, any::<bool>())
                .prop_map(|(port, nominates)| Happens::Check { port, nominates }),
            (1..12_u16, 13..1_500_usize).prop_map(|(port, bytes)| Happens::Packet { port, bytes }),
            (13..1_150_usize).prop_map(|bytes| Happens::Handshake { bytes }),
            (1..4_000_000_u64).prop_map(|us| Happens::Time { us }),
        ]
    }

    proptest::proptest! {
        #[test]
        fn an_address_that_proves_nothing_gets_three_bytes_for_one_and_no_media(
            all in proptest::collection::vec(happens(), 1..200),
        ) {
            let mut ice = fresh();
            let mut now = 0;
            let mut seen = std::collections::HashMap::<Address, (usize, usize, usize)>::new();
            for event in all {
                match event {
                    Happens::Check { port, nominates } => {
                        let (bytes, from) = (good("a", nominates), address(port));
                        let Verdict::Valid { reply, forgotten, .. } =
                            judge(&mut ice, &bytes, from, now)
                        else {
                            panic!("refused");
                        };
                        if let Some(forgotten) = forgotten {
                            seen.remove(&forgotten);
                        }
                        let counts = seen.entry(from).or_default();
                        counts.0 += bytes.len();
                        counts.1 += reply.len();
                        if let Some(check) = ice.ask(from, 0, Micros(now)) {
                            counts.1 += check.len();
                            counts.2 += check.len();
                        }
                    }
                    Happens::Packet { port, bytes } => {
                        ice.receive(address(port), bytes);
                        if let Some(counts) = seen.get_mut(&address(port)) {
                            counts.0 += bytes;
                        }
                    }
                    Happens::Handshake { bytes } => {
                        if let Some(to) = ice.selected()
                            && ice.allowance(to) >= bytes
                        {
                            ice.spend(to, bytes);
                            let counts = seen.get_mut(&to).unwrap();
                            counts.1 += bytes;
                            counts.2 += bytes;
                        }
                    }
                    Happens::Time { us } => {
                        now += us;
                        ice.doubt(Micros(now));
                        for to in ice.unanswered() {
                            if let Some(check) = ice.ask(to, 0, Micros(now)) {
                                let counts = seen.get_mut(&to).unwrap();
                                counts.1 += check.len();
                                counts.2 += check.len();
                            }
                        }
                    }
                }
                proptest::prop_assert_eq!(ice.lead(), None);
                for (received, sent, begun) in seen.values() {
                    proptest::prop_assert!(sent <= &(received * limits::UNPROVEN_FACTOR));
                    proptest::prop_assert!(*begun <= 3_000);
                }
            }
        }
    }
}
