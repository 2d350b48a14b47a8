use domain::base::{MessageBuilder, iana::Class};
use proptest::{collection, prelude::*};

use super::*;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 1);

fn zone() -> Zone {
    let known = [
        "hello.default",
        "hello.default.svc",
        "hello.default.svc.cluster.local",
        // A domain that is mapped to a service, were it asked for.
        "www.example.com",
    ];
    Zone::new(ADDRESS, move |name| known.contains(&name))
}

fn query(name: &str, rtype: Rtype) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(77);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    let name: Name<Vec<u8>> = name.parse().unwrap();
    builder.push((name, rtype, Class::IN)).unwrap();
    builder.finish()
}

/// The code, the addresses and the authority of an answer.
type Said = (Rcode, Vec<Ipv4Addr>, Option<String>);

/// A question, and what is said to it.
type Row<'a> = (&'a str, Rtype, Rcode, &'a [Ipv4Addr], Option<&'a str>);

fn read(answer: &[u8]) -> Said {
    let answer = Message::from_octets(answer).unwrap();
    let records = answer.answer().unwrap().limit_to::<A>();
    let addresses = records.map(|record| record.unwrap().data().addr());
    let mut authority = answer.authority().unwrap();
    let owner = authority
        .next()
        .map(|record| record.unwrap().owner().to_string());
    (answer.header().rcode(), addresses.collect(), owner)
}

#[test]
fn a_name_is_a_service_or_empty_or_missing_or_none_of_ours() {
    use Standing::{Empty, Foreign, Missing, Service};
    let rows = [
        ("hello.default", Service),
        ("hello.default.svc", Service),
        ("hello.default.svc.cluster.local", Service),
        ("HELLO.Default.SVC.cluster.LOCAL.", Service),
        ("none.default.svc.cluster.local", Missing),
        ("deep.hello.default.svc.cluster.local", Missing),
        ("he\\.llo.default.svc.cluster.local", Missing),
        ("default.svc.cluster.local", Empty),
        ("none.svc.cluster.local", Empty),
        ("svc.cluster.local", Empty),
        ("cluster.local", Foreign),
        ("none.default", Foreign),
        ("none.default.svc", Foreign),
        ("hello.default.other", Foreign),
        ("www.example.com", Foreign),
        ("hello", Foreign),
        (".", Foreign),
    ];
    for (name, expected) in rows {
        let message = query(name, Rtype::A);
        let message = Message::from_octets(&*message).unwrap();
        let question = message.sole_question().unwrap();
        assert_eq!(zone().standing(question.qname()), expected, "{name}");
    }
}

#[test]
fn answers_say_what_there_is_and_for_how_long_there_is_nothing() {
    let apex = Some("svc.cluster.local");
    let (full, none) = (
        "Hello.default.svc.cluster.local",
        "none.default.svc.cluster.local",
    );
    let rows: [Row<'_>; 11] = [
        (full, Rtype::A, Rcode::NOERROR, &[ADDRESS], None),
        (full, Rtype::ANY, Rcode::NOERROR, &[ADDRESS], None),
        (full, Rtype::AAAA, Rcode::NOERROR, &[], apex),
        (full, Rtype::from_int(65_000), Rcode::NOERROR, &[], apex),
        ("hello.default", Rtype::A, Rcode::NOERROR, &[ADDRESS], None),
        (
            "hello.default",
            Rtype::AAAA,
            Rcode::NOERROR,
            &[],
            Some("hello.default"),
        ),
        (none, Rtype::A, Rcode::NXDOMAIN, &[], apex),
        (none, Rtype::AAAA, Rcode::NXDOMAIN, &[], apex),
        (
            "default.svc.cluster.local",
            Rtype::A,
            Rcode::NOERROR,
            &[],
            apex,
        ),
        ("svc.cluster.local", Rtype::A, Rcode::NOERROR, &[], apex),
        ("svc.cluster.local", Rtype::SOA, Rcode::NOERROR, &[], None),
    ];
    for (name, rtype, rcode, addresses, authority) in rows {
        let asked = query(name, rtype);
        let Verdict::Answer(answer) = zone().judge(&asked) else {
            panic!("{name} {rtype} is answered here");
        };
        let expected = (rcode, addresses.to_vec(), authority.map(str::to_owned));
        assert_eq!(read(&answer), expected, "{name} {rtype}");
        let (answer, asked) = (
            Message::from_octets(&*answer),
            Message::from_octets(&*asked),
        );
        let (answer, asked) = (answer.unwrap(), asked.unwrap());
        assert!(answer.is_answer(&asked), "{name} {rtype}");
        let header = answer.header();
        assert!(header.aa() && header.rd() && header.ra() && !header.tc());
        assert!(answer.opt().is_none(), "{name} {rtype}");
        for record in &answer {
            assert_eq!(record.unwrap().0.ttl(), KEEP);
        }
    }
}

#[test]
fn the_spelling_of_a_question_is_kept_and_extensions_are_answered() {
    let mut builder = MessageBuilder::new_vec().question();
    let name: Name<Vec<u8>> = "hElLo.DeFaUlT".parse().unwrap();
    builder.push((name, Rtype::A, Class::IN)).unwrap();
    let mut builder = builder.additional();
    builder
        .opt(|opt| {
            opt.set_udp_payload_size(4096);
            Ok(())
        })
        .unwrap();
    let Verdict::Answer(answer) = zone().judge(&builder.finish()) else {
        panic!("it is answered here");
    };
    let answer = Message::from_octets(&*answer).unwrap();
    let asked = answer.sole_question().unwrap();
    assert_eq!(asked.qname().to_string(), "hElLo.DeFaUlT");
    assert_eq!(answer.opt().unwrap().udp_payload_size(), PACKET);
}

#[test]
fn what_is_no_query_is_refused_or_not_answered_at_all() {
    let good = query("hello.default", Rtype::A);
    let changed = |at: usize, to: u8| {
        let mut message = good.clone();
        message[at] = to;
        message
    };
    let rows: [(&str, Vec<u8>, Option<Rcode>); 9] = [
        ("nothing", vec![], None),
        ("half a header", good[..11].to_vec(), None),
        ("an answer", changed(2, 0x81), None),
        ("an update", changed(2, 5 << 3), Some(Rcode::NOTIMP)),
        ("a header only", good[..12].to_vec(), Some(Rcode::FORMERR)),
        ("no question", changed(5, 0), Some(Rcode::FORMERR)),
        ("two questions", changed(5, 2), Some(Rcode::FORMERR)),
        (
            "a cut question",
            good[..good.len() - 1].to_vec(),
            Some(Rcode::FORMERR),
        ),
        (
            "a name that points at itself",
            {
                let mut message = changed(12, 0xc0);
                message[13] = 12;
                message
            },
            Some(Rcode::FORMERR),
        ),
    ];
    for (what, message, expected) in rows {
        match (zone().judge(&message), expected) {
            (Verdict::Ignore, None) => {}
            (Verdict::Answer(answer), Some(rcode)) => {
                let (read, _, _) = read(&answer);
                assert_eq!((read, &answer[..2]), (rcode, &message[..2]), "{what}");
            }
            (verdict, _) => panic!("{what}: {verdict:?}"),
        }
    }
}

#[test]
fn other_classes_are_for_others() {
    let mut message = query("hello.default", Rtype::A);
    *message.last_mut().unwrap() = 3;
    assert_eq!(zone().judge(&message), Verdict::Forward);
}

/// A zone that knows whatever it is asked for, so that no name is too long for its answer.
fn all_knowing() -> Zone {
    Zone::new(ADDRESS, |_| true)
}

fn holds(message: &[u8]) -> Result<(), TestCaseError> {
    if let Verdict::Answer(answer) = all_knowing().judge(message) {
        prop_assert_eq!(&answer[..2], &message[..2]);
        prop_assert!(answer.len() <= 512, "{} bytes fit no packet", answer.len());
        prop_assert!(Message::from_octets(&*answer).unwrap().header().qr());
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_judged(message in collection::vec(any::<u8>(), 0..600)) {
        holds(&message)?;
    }

    #[test]
    fn spoilt_queries_are_judged(
        labels in collection::vec(collection::vec(any::<u8>(), 1..64), 0..4),
        suffix in prop::sample::select(vec![&b""[..], b"\x03svc", b"\x03svc\x07cluster\x05local"]),
        spoil in collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        rtype in any::<u16>(),
    ) {
        let mut message = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
        for label in &labels {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label);
        }
        message.extend(suffix);
        message.push(0);
        message.extend(rtype.to_be_bytes());
        message.extend([0, 1]);
        holds(&message)?;
        for (at, to) in spoil {
            let at = at.index(message.len());
            message[at] = to;
        }
        holds(&message)?;
    }
}
