//! ICE, the lite side: answers checks, learns addresses by them, never sends one.
//!
//! Source: RFC 8445 sections 2.5 and 7.3, RFC 8489 section 9.1, RFC 7675.

use std::net::SocketAddr;

use parley_rtp::time::Micros;
use parley_wire::IceParameters;
use serde::{Deserialize, Serialize};
use stun_types::attribute::{
    Attribute as _, AttributeStaticType as _, AttributeType, ErrorCode, Fingerprint, Username,
    XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageIntegrityCredentials, MessageType,
    MessageWrite as _, MessageWriteExt as _, MessageWriteVec, ShortTermCredentials,
};

use crate::address::Address;
use crate::limits;

/// The controlled side's attribute: whoever sends it to us has mistaken the roles.
const ICE_CONTROLLED: AttributeType = AttributeType::new(0x8029);
const USE_CANDIDATE: AttributeType = AttributeType::new(0x0025);
const PRIORITY: AttributeType = AttributeType::new(0x0024);

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

#[derive(Clone, Debug)]
struct Path {
    address: Address,
    checked: Micros,
}

/// The ICE state of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Ice {
    current: IceParameters,
    next: Option<IceParameters>,
    /// Addresses that passed a check, the selected one first.
    paths: Vec<Path>,
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
    pub(crate) fn new(parameters: IceParameters) -> Self {
        Self {
            current: parameters,
            next: None,
            paths: Vec::new(),
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

    /// Where packets go: the nominated address.
    pub(crate) fn selected(&self) -> Option<Address> {
        self.paths.first().map(|path| path.address)
    }

    /// Every address that passed a check.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.paths.iter().map(|path| path.address)
    }

    /// Forgets an address whose connection is gone.
    pub(crate) fn forget(&mut self, address: Address) {
        self.paths.retain(|path| path.address != address);
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
                Some(reply) => Verdict::Refused(reply),
                None => Verdict::Unauthenticated(None),
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
        Verdict::Valid {
            reply,
            restarted,
            forgotten,
        }
    }

    /// Notes a checked path and decides whether packets go there from now on.
    fn learn(&mut self, from: Address, nominated: bool, now: Micros) -> Option<Address> {
        let mut forgotten = None;
        let place = match self.paths.iter().position(|path| path.address == from) {
            Some(place) => {
                self.paths[place].checked = now;
                place
            }
            None => {
                if self.paths.len() >= limits::PATHS_MAX {
                    let oldest = (1..self.paths.len()).min_by_key(|i| self.paths[*i].checked);
                    forgotten = oldest.map(|oldest| self.paths.remove(oldest).address);
                }
                self.paths.push(Path {
                    address: from,
                    checked: now,
                });
                self.paths.len() - 1
            }
        };
        // An agent that nominates once and then moves (a NAT that changed its mind) shows it only
        // by the silence of the old path.
        let stale = self
            .paths
            .first()
            .is_some_and(|first| now.micros_since(first.checked) > limits::PATH_STALE_US);
        if place > 0 && (nominated || stale) {
            let path = self.paths.remove(place);
            self.paths.insert(0, path);
        }
        forgotten
    }

    pub(crate) fn snapshot(&self) -> IceSnapshot {
        let udp = self.paths.iter().find_map(|path| match path.address {
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
    pub(crate) fn restore(snapshot: IceSnapshot, wanted: IceParameters, now: Micros) -> Self {
        let current = IceParameters {
            local_ufrag: snapshot.local_ufrag,
            local_pwd: snapshot.local_pwd,
            remote_ufrag: snapshot.remote_ufrag,
            remote_pwd: snapshot.remote_pwd,
        };
        let next = (!same(&current, &wanted)).then_some(wanted);
        let path = |udp| Path {
            address: Address::Udp(udp),
            checked: now,
        };
        Self {
            current,
            next,
            paths: snapshot.udp.map(path).into_iter().collect(),
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

    fn code(reply: &[u8]) -> u16 {
        Message::from_bytes(reply)
            .unwrap()
            .attribute::<ErrorCode>()
            .unwrap()
            .code()
    }

    #[test]
    fn a_good_check_is_answered_with_the_address_it_came_from() {
        let mut ice = Ice::new(parameters("a"));
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
        assert_eq!(ice.selected(), Some(address(1)));
    }

    #[test]
    fn a_wrong_password_or_name_teaches_no_address_and_is_never_amplified() {
        let mut ice = Ice::new(parameters("a"));
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
        let mut ice = Ice::new(parameters("a"));
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
        let mut ice = Ice::new(parameters("a"));
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
    fn packets_go_to_the_nominated_address_and_follow_it() {
        let mut ice = Ice::new(parameters("a"));
        judge(&mut ice, &good("a", false), address(1), 0);
        judge(&mut ice, &good("a", false), address(2), 1);
        assert_eq!(
            ice.selected(),
            Some(address(1)),
            "the first path serves until one is chosen"
        );
        judge(&mut ice, &good("a", true), address(2), 2);
        assert_eq!(ice.selected(), Some(address(2)));
    }

    #[test]
    fn a_silent_path_loses_to_one_that_is_checked() {
        let mut ice = Ice::new(parameters("a"));
        judge(&mut ice, &good("a", true), address(1), 0);
        judge(
            &mut ice,
            &good("a", false),
            address(2),
            limits::PATH_STALE_US + 1,
        );
        assert_eq!(ice.selected(), Some(address(2)));
    }

    #[test]
    fn old_credentials_work_until_the_first_check_with_the_new() {
        let mut ice = Ice::new(parameters("a"));
        judge(&mut ice, &good("a", true), address(1), 0);
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
        assert_eq!(ice.selected(), Some(address(2)));
        assert!(matches!(
            judge(&mut ice, &good("a", true), address(1), 3),
            Verdict::Unauthenticated(_)
        ));
    }

    #[test]
    fn the_number_of_paths_is_bounded_and_the_selected_one_stays() {
        let mut ice = Ice::new(parameters("a"));
        judge(&mut ice, &good("a", true), address(1), 0);
        for port in 2..100 {
            judge(&mut ice, &good("a", false), address(port), u64::from(port));
        }
        assert_eq!(ice.addresses().count(), limits::PATHS_MAX);
        assert_eq!(ice.selected(), Some(address(1)));
    }
}
