//! `kubectl exec`: a command in a container, over a WebSocket.

mod channel;
mod session;
mod upgrade;

use std::sync::Arc;

use http::{Method, request::Parts};
use knative_core::runtime::{ExecOptions, InstanceId};

use self::session::Session;
use crate::{
    api::{Api, Call},
    pod,
    query::Query,
    status::Failure,
    verbs::Reply,
};

/// Switches to a WebSocket and runs the command there. All that can be refused before the command runs is refused by an
/// answer, whichever protocol the client would like: clients show the answer to their last try.
pub(crate) async fn exec(api: &Api, call: &Call, parts: Parts) -> Reply {
    if !matches!(parts.method, Method::GET | Method::POST) {
        return Err(Failure::method_not_allowed());
    }
    let pod = pod::read(api, call).await?;
    let container = pod::container(&call.query, &pod)?;
    let options = options(&call.query, container)?;
    let runtime = api.runtime.as_ref();
    let runtime = runtime
        .filter(|runtime| runtime.capabilities().exec)
        .ok_or_else(|| {
            Failure::not_supported(
                "exec is not offered: this platform runs no commands in instances",
            )
        })?;
    let (answer, upgraded) = upgrade::accept(parts, &call.headers)?;
    let session = Session {
        runtime: Arc::clone(runtime),
        id: InstanceId::new(call.key()?.name),
        options,
        stdout: call.query.flag("stdout"),
        stderr: call.query.flag("stderr"),
        shutdown: api.shutdown.clone(),
    };
    api.sessions.spawn(async move {
        match upgraded.await {
            Ok(connection) => session.run(connection).await,
            Err(error) => tracing::debug!(%error, "a client left before its command began"),
        }
    });
    Ok(answer)
}

fn options(query: &Query, container: String) -> Result<ExecOptions, Failure> {
    if !["stdin", "stdout", "stderr"]
        .iter()
        .any(|stream| query.flag(stream))
    {
        return Err(Failure::bad_request(
            "you must specify at least 1 of stdin, stdout, stderr",
        ));
    }
    let mut options = ExecOptions::command(query.all("command"));
    if options.command.is_empty() {
        return Err(Failure::bad_request(
            "you must specify at least one command for the container",
        ));
    }
    options.container = Some(container);
    options.stdin = query.flag("stdin");
    options.tty = query.flag("tty");
    Ok(options)
}
