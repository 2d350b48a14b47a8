//! A request from its arrival to the head of its response.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, StatusCode, request};
use hyper::upgrade::OnUpgrade;
use knative_core::http::{Body, HttpService, Request, Response};
use tower::ServiceExt;

use super::{
    Gateway,
    access::Record,
    deadline::Deadline,
    exchange::{self, Answer, Failure},
    headers,
    hold::{self, Unserved},
    live::{Arrival, Revision},
    matcher,
    peer::Peer,
    probe, reply,
    rule::Rule,
    stream::Stream,
    tunnel,
    visit::Visit,
};

/// Tries to reach an instance for one request.
const TRIES: u32 = 10;
/// The pause after the first failed try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Where a request goes.
enum Way {
    Answer(Response),
    Mount(HttpService),
    Revision(Arc<Revision>, Option<HeaderValue>),
}

impl Gateway {
    /// Answers a request of `peer`.
    pub(super) async fn handle_request(&self, request: Request, peer: &Peer) -> Response {
        let mut record = Record::begin(&request, peer);
        let response = self.respond(request, peer, &mut record).await;
        self.shared.signals.metrics.answered(response.status());
        match record {
            Some(record) => record.follow(response),
            None => response,
        }
    }

    async fn respond(
        &self,
        request: Request,
        peer: &Peer,
        record: &mut Option<Box<Record>>,
    ) -> Response {
        let (mut parts, body) = request.into_parts();
        match self.way(&mut parts, peer) {
            Way::Answer(response) => response,
            Way::Mount(service) => {
                let Ok(response) = service.oneshot(Request::from_parts(parts, body)).await;
                response
            }
            Way::Revision(revision, host) => {
                if let Some(record) = record {
                    record.revision = Some(revision.key().clone());
                }
                headers::prepare(&mut parts, host.as_ref(), peer);
                self.serve(&revision, Request::from_parts(parts, body))
                    .await
            }
        }
    }

    /// Finds out where a request goes, and adds the headers that its route asks for.
    fn way(&self, request: &mut request::Parts, peer: &Peer) -> Way {
        let Some(host) = matcher::host(&request.uri, &request.headers) else {
            return Way::Answer(reply::no_host());
        };
        let host = matcher::normalize(host);
        let path = request.uri.path();
        if let Some(service) = self.shared.mounts.find(&host, path) {
            return Way::Mount(service);
        }
        if let Some(response) = probe::answer(&request.headers) {
            return Way::Answer(response);
        }
        if request.method == Method::CONNECT {
            return Way::Answer(reply::no_tunnels());
        }
        let table = self.shared.table.load();
        // From outside a local host is like one that is not there. Where a public host leads to it, its own rule is not asked.
        let visible = |rule: &&Rule| !(peer.outside && rule.local);
        let Some(rule) = table.rule(&host).filter(visible) else {
            return Way::Answer(reply::not_found());
        };
        let random = || self.shared.ids.next();
        let Some(route) = table.route(rule, path, &mut request.headers, random) else {
            return Way::Answer(reply::not_found());
        };
        match self.shared.registry.get(route.revision) {
            Some(revision) => Way::Revision(revision, route.host.cloned()),
            None => Way::Answer(reply::no_revision()),
        }
    }

    async fn serve(&self, revision: &Arc<Revision>, request: Request) -> Response {
        let mut arrival = revision.arrive();
        let mut deadline = match &arrival {
            Arrival::Served(visit) => Deadline::new(&visit.config),
            Arrival::Waits(wait) => Deadline::new(wait.config()),
            Arrival::Refused => return reply::overload(),
        };
        let mut request = request;
        let mut tries = 0;
        loop {
            let visit = match settle(arrival, &mut request, &mut deadline).await {
                Ok(visit) => visit,
                Err(response) => return response,
            };
            let (unreached, visit) = match self.attempt(visit, request, &mut deadline).await {
                Attempt::Answered(visit, answer, client) => {
                    return self.pass_on(answer, visit, deadline, client);
                }
                Attempt::Failed(response) => return response,
                Attempt::Unreached(request, visit) => (request, visit),
            };
            tries += 1;
            if tries == TRIES {
                return reply::unreachable();
            }
            request = *unreached;
            let pause = (FIRST_PAUSE * 2_u32.saturating_pow(tries - 1)).min(LONGEST_PAUSE);
            if deadline.bound(tokio::time::sleep(pause)).await.is_none() {
                return reply::not_answered();
            }
            arrival = visit.again();
        }
    }

    async fn attempt(
        &self,
        visit: Visit,
        mut request: Request,
        deadline: &mut Deadline,
    ) -> Attempt {
        let Some(member) = visit.member().map(Arc::clone) else {
            return Attempt::Unreached(Box::new(request), visit);
        };
        let client = take_upgrade(&mut request, &member);
        let protocol = visit.config.protocol;
        let sent = exchange::send(&member, protocol, request, &self.shared);
        match deadline.bound(sent).await {
            None => Attempt::Failed(reply::not_answered()),
            Some(Ok(answer)) => {
                visit.set_reachable(true);
                Attempt::Answered(visit, answer, client)
            }
            Some(Err(Failure::Unreached(mut request, error))) => {
                tracing::debug!(%error, revision = %visit.revision().key(), instance = %member.id(), "instance not reached");
                visit.set_reachable(false);
                if let Some(client) = client {
                    request.extensions_mut().insert(client);
                }
                Attempt::Unreached(request, visit)
            }
            Some(Err(Failure::Broken(error))) => {
                tracing::info!(%error, revision = %visit.revision().key(), instance = %member.id(), "instance broke off");
                Attempt::Failed(reply::broken(&error))
            }
        }
    }

    /// Passes the response on. The visit ends with its body.
    fn pass_on(
        &self,
        answer: Answer,
        visit: Visit,
        deadline: Deadline,
        client: Option<OnUpgrade>,
    ) -> Response {
        let (head, stream) = match answer {
            Answer::Local(response) => {
                let (head, body) = response.into_parts();
                return Response::from_parts(head, Body::new(Stream::local(body, visit, deadline)));
            }
            Answer::Linked(response, link) => {
                let (mut head, body) = response.into_parts();
                if head.status == StatusCode::SWITCHING_PROTOCOLS {
                    headers::strip_hop_by_hop(&mut head.headers, true);
                    if let Some(client) = client {
                        tunnel::open(client, link, visit, deadline, &self.shared);
                        return Response::from_parts(head, Body::empty());
                    }
                    return reply::unasked_switch();
                }
                (head, Stream::linked(body, link, visit, deadline))
            }
            Answer::Shared(response, trunk) => {
                let (head, body) = response.into_parts();
                (head, Stream::shared(body, trunk, visit, deadline))
            }
        };
        let mut response = Response::from_parts(head, Body::new(stream));
        headers::strip_hop_by_hop(response.headers_mut(), false);
        *response.version_mut() = http::Version::HTTP_11;
        response
    }
}

/// What came of a try.
enum Attempt {
    Answered(Visit, Answer, Option<OnUpgrade>),
    Unreached(Box<Request>, Visit),
    Failed(Response),
}

/// Waits until the request has a place at an instance.
async fn settle(
    arrival: Arrival,
    request: &mut Request,
    deadline: &mut Deadline,
) -> Result<Visit, Response> {
    match arrival {
        Arrival::Served(visit) => Ok(visit),
        Arrival::Refused => Err(reply::no_revision()),
        Arrival::Waits(mut wait) => {
            let turn = hold::turn(&mut wait, request.body_mut());
            match deadline.bound(turn).await {
                None => Err(reply::not_woken()),
                Some(Err(Unserved::Refused)) if wait.is_for_nobody() => Err(reply::no_revision()),
                Some(Err(Unserved::Refused)) => Err(reply::outage()),
                Some(Err(Unserved::Left)) => Err(reply::incomplete()),
                Some(Ok(visit)) => Ok(visit),
            }
        }
    }
}

/// The client's side of an upgrade, where it is passed through; a service in this process does it by itself.
fn take_upgrade(request: &mut Request, member: &super::member::Member) -> Option<OnUpgrade> {
    if member.is_local() {
        return None;
    }
    request.extensions_mut().remove::<OnUpgrade>()
}
