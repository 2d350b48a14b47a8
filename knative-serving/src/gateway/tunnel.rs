//! Connections that switched to another protocol, as WebSocket.

use std::{io, sync::Arc};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional};

use super::{deadline::Deadline, link::Link, shared::Shared, visit::Visit};

/// Passes bytes both ways until one side ends, the request's total time is over or the gateway ends. The request counts
/// as long.
pub(super) fn open(
    client: OnUpgrade,
    link: Box<Link>,
    visit: Visit,
    mut deadline: Deadline,
    shared: &Arc<Shared>,
) {
    let ending = shared.ending.clone();
    deadline.begun();
    deadline.ignore_idle();
    shared.tasks.spawn(async move {
        let end = ending.run_until_cancelled(deadline.bound(pass(client, link))).await;
        if let Some(Some(Err(error))) = end {
            tracing::debug!(%error, revision = %visit.revision().key(), "upgraded connection broke");
        }
        drop(visit);
    });
}

async fn pass(client: OnUpgrade, link: Box<Link>) -> io::Result<()> {
    let (mut instance, read_ahead) = link.into_socket().await?;
    let client = client.await.map_err(io::Error::other)?;
    let mut client = TokioIo::new(client);
    client.write_all(&read_ahead).await?;
    copy_bidirectional(&mut client, &mut instance).await?;
    Ok(())
}
