//! What is known of a name without asking anybody. Pure.

use std::{fmt, net::Ipv4Addr};

use domain::{
    base::{
        Message, MessageBuilder, Name, ParsedName, Question, Record, Rtype, Serial, ToName, Ttl,
        iana::{Class, Opcode, Rcode},
        message_builder::{AnswerBuilder, PushError},
        name::ToLabelIter,
    },
    rdata::{A, Soa},
};

/// The domain of services. Its names are known here or do not exist.
const APEX: &str = "svc.cluster.local";
/// How many labels that has.
const APEX_LABELS: usize = 3;
/// How long an answer may be kept, as Kubernetes' name server has it: long enough that a busy client does not ask for
/// every call, short enough that a service which appears is seen at once by one who asked too early.
const KEEP: Ttl = Ttl::from_secs(5);
/// How large an answer may be that comes in one packet of any network.
const PACKET: u16 = 1232;

/// The names of services, all of which have one address.
pub(super) struct Zone {
    address: Ipv4Addr,
    known: Box<dyn Fn(&str) -> bool + Send + Sync>,
    apex: Name<Vec<u8>>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This is the answer.
    Answer(Vec<u8>),
    /// Somebody else has to be asked.
    Forward,
    /// There is nothing to answer.
    Ignore,
}

/// Where a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It has the address.
    Service,
    /// It exists, and has nothing but names below it.
    Empty,
    /// It does not exist.
    Missing,
    /// It is none of ours.
    Foreign,
}

type Asked<'a> = Question<ParsedName<&'a [u8]>>;

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zone")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Zone {
    /// Leads the names that are `known` to an address.
    pub(super) fn new(
        address: Ipv4Addr,
        known: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            address,
            known: Box::new(known),
            apex: APEX.parse().expect("it is a name"),
        }
    }

    /// What becomes of a message that may be anything.
    pub(super) fn judge(&self, message: &[u8]) -> Verdict {
        let Ok(query) = Message::from_octets(message) else {
            return Verdict::Ignore;
        };
        // Who answers answers makes two servers talk forever.
        if query.header().qr() {
            return Verdict::Ignore;
        }
        if query.header().opcode() != Opcode::QUERY {
            return Verdict::Answer(refusal(message, Rcode::NOTIMP));
        }
        let Ok(question) = query.sole_question() else {
            return Verdict::Answer(refusal(message, Rcode::FORMERR));
        };
        let standing = match question.qclass() {
            Class::IN => self.standing(question.qname()),
            _ => Standing::Foreign,
        };
        if standing == Standing::Foreign {
            return Verdict::Forward;
        }
        let answer = self.answer(query, &question, standing);
        Verdict::Answer(answer.unwrap_or_else(|_| refusal(message, Rcode::SERVFAIL)))
    }

    fn standing(&self, name: &ParsedName<&[u8]>) -> Standing {
        let labels = name.iter_labels().count() - 1;
        if name.ends_with(&self.apex) {
            return match labels - APEX_LABELS {
                // Of namespaces there may be any: to deny one would deny what is below it (RFC 8020).
                0 | 1 => Standing::Empty,
                2 if self.knows(name) => Standing::Service,
                _ => Standing::Missing,
            };
        }
        let last = name.iter_labels().nth(2);
        let svc = last.is_some_and(|label| label.as_slice().eq_ignore_ascii_case(b"svc"));
        match labels {
            2 if self.knows(name) => Standing::Service,
            3 if svc && self.knows(name) => Standing::Service,
            _ => Standing::Foreign,
        }
    }

    fn knows(&self, name: &ParsedName<&[u8]>) -> bool {
        text(name).is_some_and(|name| (self.known)(&name))
    }

    fn answer(
        &self,
        query: Message<&[u8]>,
        question: &Asked<'_>,
        standing: Standing,
    ) -> Result<Vec<u8>, PushError> {
        let rcode = match standing {
            Standing::Missing => Rcode::NXDOMAIN,
            _ => Rcode::NOERROR,
        };
        let mut answer = MessageBuilder::new_vec().start_answer(&query, rcode)?;
        answer.header_mut().set_aa(true);
        answer.header_mut().set_ra(true);
        let name = question.qname();
        let is_apex = name.name_eq(&self.apex);
        match question.qtype() {
            Rtype::A | Rtype::ANY if standing == Standing::Service => {
                answer.push((name, Class::IN, KEEP, A::new(self.address)))?;
                finish(query, answer, None::<Record<&Name<Vec<u8>>, _>>)
            }
            Rtype::SOA | Rtype::ANY if is_apex => {
                answer.push(self.authority(&self.apex))?;
                finish(query, answer, None::<Record<&Name<Vec<u8>>, _>>)
            }
            _ if name.ends_with(&self.apex) => {
                finish(query, answer, Some(self.authority(&self.apex)))
            }
            // The authority has to be above the name, and of a short name nothing else is ours.
            _ => finish(query, answer, Some(self.authority(name))),
        }
    }

    /// Who says so, and how long it may be believed that there is nothing.
    fn authority<N: ToName>(&self, owner: N) -> Record<N, Soa<&Name<Vec<u8>>>> {
        let day = Ttl::from_secs(86_400);
        let soa = Soa::new(&self.apex, &self.apex, Serial(1), day, day, day, KEEP);
        Record::new(owner, Class::IN, KEEP, soa)
    }
}

fn finish<N: ToName>(
    query: Message<&[u8]>,
    answer: AnswerBuilder<Vec<u8>>,
    authority: Option<Record<N, Soa<&Name<Vec<u8>>>>>,
) -> Result<Vec<u8>, PushError> {
    let mut builder = answer.authority();
    if let Some(authority) = authority {
        builder.push(authority)?;
    }
    let mut builder = builder.additional();
    // Who speaks EDNS is answered in EDNS (RFC 6891 §6.1.1).
    if query.opt().is_some() {
        builder.opt(|opt| {
            opt.set_udp_payload_size(PACKET);
            Ok(())
        })?;
    }
    Ok(builder.finish())
}

/// A name in lower case with dots; `None` if it has what no name of a service has.
fn text(name: &ParsedName<&[u8]>) -> Option<String> {
    let labels = name.iter_labels().filter(|label| !label.is_root());
    let labels = labels.map(|label| {
        let bytes = label.as_slice();
        let usual = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let text = bytes.iter().all(usual).then(|| str::from_utf8(bytes).ok());
        text.flatten().map(str::to_ascii_lowercase)
    });
    Some(labels.collect::<Option<Vec<_>>>()?.join("."))
}

/// An answer of a bare code to a message that has a header.
pub(super) fn refusal(message: &[u8], rcode: Rcode) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    if let Ok(message) = Message::from_octets(message) {
        let (asked, header) = (message.header(), builder.header_mut());
        header.set_id(asked.id());
        header.set_opcode(asked.opcode());
        header.set_rd(asked.rd());
        header.set_qr(true);
        header.set_ra(true);
        header.set_rcode(rcode);
    }
    builder.finish()
}

#[cfg(test)]
mod tests;
