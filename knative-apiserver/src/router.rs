//! From a request to the verb that answers it.

use std::{mem, sync::Arc};

use http::{Method, StatusCode, request::Parts};
use knative_core::{
    Kind,
    http::{Request, Response},
    store::UserInfo,
};

use crate::{
    api::{Api, Call, is_pod},
    body::{self, Received},
    exec::exec,
    impersonate::impersonate,
    logs, openapi,
    path::{ResourcePath, Target, parse},
    query::Query,
    reply, reviews,
    status::Failure,
    verbs::{create, delete, get, list, patch, update, watch},
    version,
};

/// Answers a request. Its user is in its extensions; without one it is refused.
pub(crate) async fn serve(api: &Arc<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    tracing::debug!(method = %parts.method, uri = %parts.uri, "request");
    let known = parts.extensions.get::<UserInfo>().is_some();
    let body = tokio::select! {
        biased;
        body = body::read_in_time(body, known) => body,
        // Nothing was begun, so that the drain need not wait for a client that takes its time.
        () = api.shutdown.cancelled() => Err(Failure::shutting_down()),
    };
    match route(api, parts, body).await {
        Ok(response) => response,
        Err(failure) => reply::failure(failure),
    }
}

async fn route(api: &Arc<Api>, parts: Parts, body: Received) -> Result<Response, Failure> {
    let user = parts
        .extensions
        .get::<UserInfo>()
        .ok_or_else(Failure::unauthorized)?;
    let user = impersonate(user, &parts.headers)?;
    let target = parse(parts.uri.path());
    if let Target::Resource(path) = target {
        return resource(api, path, user, parts, body).await;
    }
    if parts.method != Method::GET && target != Target::Unknown {
        return Err(Failure::method_not_allowed());
    }
    let headers = &parts.headers;
    let document = match target {
        Target::Version => Some(version::version()),
        Target::Health => Some(reply::text(StatusCode::OK, "ok")),
        Target::Metrics => Some(reply::metrics(&api.metrics)),
        Target::CoreVersions => Some(api.discovery.core(headers)?),
        Target::Groups => Some(api.discovery.groups(headers)?),
        Target::Group(group) => api.discovery.group(&group),
        Target::Resources(at) => api.discovery.resources(&at),
        Target::OpenApiOld => Some(openapi::old()),
        Target::OpenApiRoot => Some(api.openapi.root()),
        Target::OpenApi(at) => {
            let query = Query::parse(parts.uri.query());
            api.openapi.version(&at, &query, headers, api.now())
        }
        Target::Resource(_) | Target::Unknown => None,
    };
    Ok(document.unwrap_or_else(reply::no_page))
}

async fn resource(
    api: &Arc<Api>,
    path: ResourcePath,
    user: UserInfo,
    mut parts: Parts,
    body: Received,
) -> Result<Response, Failure> {
    if let Some(review) = reviews::find(&path) {
        if parts.method != Method::POST {
            return Err(Failure::method_not_allowed());
        }
        return reviews::review(review, &api.messages, &parts.headers, &user, body);
    }
    let at = &path.group_version;
    let kind = api.kinds.by_plural(&at.group, &at.version, &path.plural);
    let Some(kind) = kind.filter(|kind| fits(kind, &path)) else {
        return Ok(reply::no_page());
    };
    let call = Call {
        kind: Arc::clone(kind),
        store: Arc::clone(api.store_of(kind)),
        query: Query::parse(parts.uri.query()),
        headers: mem::take(&mut parts.headers),
        path,
        user,
    };
    match call.path.subresource.as_deref() {
        None => whole(api, &call, &parts.method, body).await,
        Some("status") if call.kind.status => status(api, &call, &parts.method, body).await,
        Some("log") if is_pod(&call.kind) => match parts.method {
            Method::GET => logs::logs(api, &call).await,
            _ => Err(Failure::method_not_allowed()),
        },
        Some("exec") if is_pod(&call.kind) => exec(api, &call, parts).await,
        Some(part @ ("attach" | "portforward" | "proxy")) if is_pod(&call.kind) => {
            Err(Failure::not_supported(format!(
                "{part} is not offered: this platform does not connect clients to instances; use the service's URL, kubectl logs or kubectl exec"
            )))
        }
        Some(_) => Ok(reply::no_page()),
    }
}

/// Whether the path has a namespace where the kind needs one, and none where it has none.
fn fits(kind: &Kind, path: &ResourcePath) -> bool {
    if kind.is_namespaced() {
        path.namespace.is_some() || path.name.is_none()
    } else {
        path.namespace.is_none()
    }
}

async fn whole(
    api: &Arc<Api>,
    call: &Call,
    method: &Method,
    body: Received,
) -> Result<Response, Failure> {
    let named = call.path.name.is_some();
    let placed = call.path.namespace.is_some() || !call.kind.is_namespaced();
    match *method {
        Method::GET if call.query.flag("watch") => watch::watch(api, call).await,
        Method::GET if named => get::get(api, call).await,
        Method::GET => list::list(api, call).await,
        Method::POST if !named && placed => create::create(api, call, body).await,
        Method::PUT if named => update::update(api, call, body).await,
        Method::PATCH if named => patch::patch(api, call, body).await,
        Method::DELETE if named => delete::delete(api, call, body).await,
        Method::DELETE if placed => delete::delete_collection(api, call, body).await,
        _ => Err(Failure::method_not_allowed()),
    }
}

async fn status(
    api: &Arc<Api>,
    call: &Call,
    method: &Method,
    body: Received,
) -> Result<Response, Failure> {
    match *method {
        Method::GET => get::get(api, call).await,
        Method::PUT => update::update(api, call, body).await,
        Method::PATCH => patch::patch(api, call, body).await,
        _ => Err(Failure::method_not_allowed()),
    }
}
