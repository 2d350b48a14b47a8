//! Over real sockets, with resolvers of its own.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicUsize, Ordering},
};

use domain::{
    base::{Message, MessageBuilder, Name, Rtype, iana::Class},
    rdata::A,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;

const LOOPBACK: &str = "127.0.0.0/8";
/// What the resolvers here say.
const FOREIGN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

/// How a resolver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Answers,
    Refuses,
    Silent,
    /// Has room for an answer over TCP only.
    Truncates,
    /// Sends what is no answer to the query before the answer.
    Babbles,
}

/// A server, its resolvers, and who asks; all end when it is dropped.
struct Bench {
    server: Arc<NameServer>,
    address: SocketAddr,
    /// How many packets the resolvers got.
    asked: Arc<AtomicUsize>,
    /// The resolvers' port.
    port: u16,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    _dir: TempDir,
}

impl Bench {
    /// Resolvers at 127.0.0.2, 127.0.0.3 …, all at one port.
    async fn new(manners: &[Manner], sources: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("resolv.conf");
        let (mut lines, mut port, mut tasks) = (Vec::new(), 0, JoinSet::new());
        let asked = Arc::new(AtomicUsize::new(0));
        for (host, manner) in (2..).zip(manners) {
            let ip = IpAddr::from([127, 0, 0, host]);
            let tcp = TcpListener::bind((ip, port)).await.unwrap();
            port = tcp.local_addr().unwrap().port();
            let udp = UdpSocket::bind((ip, port)).await.unwrap();
            tasks.spawn(resolve_udp(udp, *manner, Arc::clone(&asked)));
            tasks.spawn(resolve_tcp(tcp));
            lines.push(format!("nameserver {ip}\n"));
        }
        std::fs::write(&file, lines.concat()).unwrap();
        let server = NameServer::bind(
            (SocketAddr::from(([127, 0, 0, 1], 0)), Presence::Now),
            Subnet::parse(sources).unwrap(),
            |name| name == "hello.default",
            Resolvers::new(file, port),
        );
        let server = Arc::new(server.unwrap());
        let (address, shutdown) = (server.address(), CancellationToken::new());
        let (serving, token) = (Arc::clone(&server), shutdown.clone());
        tasks.spawn(async move { serving.serve(token).await });
        Self {
            server,
            address,
            asked,
            port,
            shutdown,
            tasks,
            _dir: dir,
        }
    }

    async fn client(&self) -> UdpSocket {
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(self.address).await.unwrap();
        client
    }

    async fn over_udp(&self, name: &str) -> Said {
        let client = self.client().await;
        client.send(&query(name)).await.unwrap();
        receive(&client).await
    }

    async fn over_tcp(&self, name: &str) -> Said {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        frame::write(&mut stream, &query(name)).await.unwrap();
        read(&frame::read(&mut stream).await.unwrap())
    }
}

async fn receive(client: &UdpSocket) -> Said {
    let mut buffer = [0; 4096];
    let length = client.recv(&mut buffer).await.unwrap();
    read(&buffer[..length])
}

/// The code, the address, and whether the answer is truncated.
type Said = (Rcode, Option<Ipv4Addr>, bool);

fn read(answer: &[u8]) -> Said {
    let answer = Message::from_octets(answer).unwrap();
    let mut records = answer.answer().unwrap().limit_to::<A>();
    let address = records.next().map(|record| record.unwrap().data().addr());
    (answer.header().rcode(), address, answer.header().tc())
}

fn query(name: &str) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(0x1234);
    let mut builder = builder.question();
    let name: Name<Vec<u8>> = name.parse().unwrap();
    builder.push((name, Rtype::A, Class::IN)).unwrap();
    builder.finish()
}

fn answer(query: &[u8], rcode: Rcode, truncated: bool) -> Vec<u8> {
    let query = Message::from_octets(query).unwrap();
    let mut builder = MessageBuilder::new_vec()
        .start_answer(&query, rcode)
        .unwrap();
    builder.header_mut().set_tc(truncated);
    if rcode == Rcode::NOERROR && !truncated {
        let name = query.sole_question().unwrap().into_qname();
        builder.push((name, 60, A::new(FOREIGN))).unwrap();
    }
    builder.finish()
}

async fn resolve_udp(socket: UdpSocket, manner: Manner, asked: Arc<AtomicUsize>) {
    let mut buffer = [0; 4096];
    loop {
        let (length, source) = socket.recv_from(&mut buffer).await.unwrap();
        asked.fetch_add(1, Ordering::Relaxed);
        let query = &buffer[..length];
        let answer = match manner {
            Manner::Silent => continue,
            Manner::Refuses => answer(query, Rcode::REFUSED, false),
            Manner::Truncates => answer(query, Rcode::NOERROR, true),
            Manner::Answers => answer(query, Rcode::NOERROR, false),
            Manner::Babbles => {
                let mut other = answer(query, Rcode::NXDOMAIN, false);
                other[0] ^= 1;
                socket.send_to(&other, source).await.unwrap();
                socket.send_to(query, source).await.unwrap();
                socket.send_to(b"?", source).await.unwrap();
                answer(query, Rcode::NOERROR, false)
            }
        };
        socket.send_to(&answer, source).await.unwrap();
    }
}

async fn resolve_tcp(socket: TcpListener) {
    loop {
        let (mut stream, _) = socket.accept().await.unwrap();
        let query = frame::read(&mut stream).await.unwrap();
        let answer = answer(&query, Rcode::NOERROR, false);
        frame::write(&mut stream, &answer).await.unwrap();
    }
}

#[tokio::test]
async fn services_are_known_here_and_the_world_is_asked_for() {
    let bench = Bench::new(&[Manner::Babbles], LOOPBACK).await;
    let own = Some(Ipv4Addr::LOCALHOST);
    assert_eq!(
        bench.over_udp("hello.default").await,
        (Rcode::NOERROR, own, false)
    );
    assert_eq!(
        bench.over_tcp("hello.default").await,
        (Rcode::NOERROR, own, false)
    );
    let missing = bench.over_udp("none.default.svc.cluster.local").await;
    assert_eq!(missing, (Rcode::NXDOMAIN, None, false));
    assert_eq!(bench.asked.load(Ordering::Relaxed), 0);
    let foreign = (Rcode::NOERROR, Some(FOREIGN), false);
    assert_eq!(bench.over_udp("example.com").await, foreign);
    assert_eq!(bench.over_tcp("example.com").await, foreign);
    assert_eq!(bench.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_long_answer_is_asked_for_by_tcp_when_it_can_be_passed_on() {
    let bench = Bench::new(&[Manner::Truncates], LOOPBACK).await;
    assert_eq!(
        bench.over_udp("example.com").await,
        (Rcode::NOERROR, None, true)
    );
    let whole = (Rcode::NOERROR, Some(FOREIGN), false);
    assert_eq!(bench.over_tcp("example.com").await, whole);
}

#[tokio::test]
async fn the_next_resolver_is_asked_where_one_is_of_no_use() {
    let answered = (Rcode::NOERROR, Some(FOREIGN), false);
    let rows: [(&[Manner], Said); 5] = [
        (&[Manner::Refuses, Manner::Answers], answered),
        (&[Manner::Silent, Manner::Answers], answered),
        (&[Manner::Refuses], (Rcode::REFUSED, None, false)),
        (&[Manner::Silent], (Rcode::SERVFAIL, None, false)),
        (&[], (Rcode::SERVFAIL, None, false)),
    ];
    for (manners, expected) in rows {
        let bench = Bench::new(manners, LOOPBACK).await;
        assert_eq!(bench.over_udp("example.com").await, expected, "{manners:?}");
    }
}

#[tokio::test]
async fn it_never_asks_itself() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("resolv.conf");
    std::fs::write(&file, "nameserver 127.0.0.1\n").unwrap();
    let own = SocketAddr::from(([127, 0, 0, 1], 53));
    let forwarder = Forwarder::new(Resolvers::new(file, own.port()), own);
    let began = tokio::time::Instant::now();
    assert_eq!(
        forwarder.ask(&query("example.com"), Transport::Udp).await,
        None
    );
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "somebody was waited for"
    );
}

#[tokio::test]
async fn sources_from_elsewhere_get_no_word() {
    let bench = Bench::new(&[Manner::Answers], "127.0.0.2/32").await;
    let elsewhere = bench.client().await;
    elsewhere.send(&query("hello.default")).await.unwrap();
    // Packets are read in their order: when this one's answer is there, the other was passed over.
    let inside = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    inside.connect(bench.address).await.unwrap();
    inside.send(&query("hello.default")).await.unwrap();
    assert_eq!(receive(&inside).await.0, Rcode::NOERROR);
    let elsewhere = elsewhere.into_std().unwrap();
    let nothing = elsewhere.recv(&mut [0; 512]).unwrap_err();
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    let mut stream = TcpStream::connect(bench.address).await.unwrap();
    let closed = frame::read(&mut stream).await.unwrap_err();
    assert_eq!(closed.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn overload_is_refused_and_services_are_found_all_the_same() {
    let bench = Bench::new(&[Manner::Answers], LOOPBACK).await;
    let places = u32::try_from(WAITING).unwrap();
    let all = bench.server.waiting.try_acquire_many(places).unwrap();
    for _ in 0..2 {
        assert_eq!(bench.over_udp("example.com").await.0, Rcode::SERVFAIL);
        assert_eq!(bench.over_tcp("example.com").await.0, Rcode::SERVFAIL);
        assert_eq!(bench.over_udp("hello.default").await.0, Rcode::NOERROR);
        assert_eq!(bench.over_tcp("hello.default").await.0, Rcode::NOERROR);
    }
    assert_eq!(bench.asked.load(Ordering::Relaxed), 0);
    drop(all);
    assert_eq!(bench.over_udp("example.com").await.0, Rcode::NOERROR);
}

#[tokio::test]
async fn a_query_has_its_place_until_it_is_answered() {
    let bench = Bench::new(&[Manner::Silent], LOOPBACK).await;
    let client = bench.client().await;
    client.send(&query("example.com")).await.unwrap();
    while bench.asked.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(bench.server.waiting.available_permits(), WAITING - 1);
    assert_eq!(receive(&client).await.0, Rcode::SERVFAIL);
    while bench.server.waiting.available_permits() < WAITING {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn connections_are_bounded_and_carry_several_queries() {
    let bench = Bench::new(&[Manner::Answers], LOOPBACK).await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        for name in ["hello.default", "example.com"] {
            frame::write(&mut stream, &query(name)).await.unwrap();
            let answer = frame::read(&mut stream).await.unwrap();
            assert_eq!(read(&answer).0, Rcode::NOERROR);
        }
        open.push(stream);
    }
    let mut further = TcpStream::connect(bench.address).await.unwrap();
    assert!(frame::read(&mut further).await.is_err());
    drop(open.pop());
    loop {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        let sent = frame::write(&mut stream, &query("hello.default")).await;
        if sent.is_ok() && frame::read(&mut stream).await.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn it_ends_while_others_wait() {
    let mut bench = Bench::new(&[Manner::Silent], LOOPBACK).await;
    let idle = TcpStream::connect(bench.address).await.unwrap();
    let client = bench.client().await;
    client.send(&query("example.com")).await.unwrap();
    while bench.asked.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bench.shutdown.cancel();
    // Of all tasks here only the server ever ends.
    let ended = timeout(Duration::from_secs(1), bench.tasks.join_next()).await;
    ended.unwrap().unwrap().unwrap();
    drop(idle);
}

#[tokio::test]
async fn a_port_that_is_taken_or_an_address_elsewhere_is_told() {
    let bench = Bench::new(&[Manner::Answers], LOOPBACK).await;
    let bind = |address| {
        NameServer::bind(
            (address, Presence::Now),
            Subnet::parse(LOOPBACK).unwrap(),
            |_| true,
            Resolvers::of_machine(),
        )
    };
    let taken = SocketAddr::from(([127, 0, 0, 2], bench.port));
    let error = bind(taken).unwrap_err();
    assert!(matches!(error, NamesError::Taken { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        format!("another program listens on {taken}")
    );
    let error = bind("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(error, NamesError::Elsewhere { .. }), "{error}");
}
