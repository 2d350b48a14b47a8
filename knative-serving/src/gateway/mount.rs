//! Services of the platform's own parts in the gateway's routing.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use knative_core::http::{HttpService, MountError, Mounted};

use super::matcher;

type Table = BTreeMap<Box<str>, Vec<Mount>>;

#[derive(Clone)]
struct Mount {
    prefix: Box<str>,
    service: HttpService,
}

/// Mounted services by host, the longest prefix first.
#[derive(Default)]
pub(super) struct Mounts(ArcSwap<Table>);

impl std::fmt::Debug for Mounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.load().keys()).finish()
    }
}

impl Mounts {
    pub(super) fn knows(&self, host: &str) -> bool {
        self.0.load().contains_key(host)
    }

    pub(super) fn find(&self, host: &str, path: &str) -> Option<HttpService> {
        let table = self.0.load();
        if table.is_empty() {
            return None;
        }
        let mut mounts = table.get(host)?.iter();
        let found = mounts.find(|mount| path.starts_with(&*mount.prefix))?;
        Some(found.service.clone())
    }

    pub(super) fn mount(
        self: &Arc<Self>,
        host: &str,
        path: &str,
        service: &HttpService,
    ) -> Result<Box<dyn Mounted>, MountError> {
        let host: Box<str> = matcher::normalize(host).into();
        let mut taken = false;
        self.0.rcu(|table| {
            let mut table = Table::clone(table);
            taken = !insert(table.entry(host.clone()).or_default(), path, service);
            table
        });
        if taken {
            let (host, path) = (host.into(), path.to_owned());
            return Err(MountError::Taken { host, path });
        }
        let prefix = path.into();
        let mounts = Arc::clone(self);
        Ok(Box::new(Guard {
            mounts,
            host,
            prefix,
        }))
    }

    fn unmount(&self, host: &str, prefix: &str) {
        self.0.rcu(|table| {
            let mut table = Table::clone(table);
            if let Some(mounts) = table.get_mut(host) {
                mounts.retain(|mount| *mount.prefix != *prefix);
                if mounts.is_empty() {
                    table.remove(host);
                }
            }
            table
        });
    }
}

/// Whether the place was free.
fn insert(mounts: &mut Vec<Mount>, path: &str, service: &HttpService) -> bool {
    if mounts.iter().any(|mount| *mount.prefix == *path) {
        return false;
    }
    let longer = |mount: &Mount| mount.prefix.len() > path.len();
    let place = mounts.partition_point(longer);
    let mount = Mount {
        prefix: path.into(),
        service: service.clone(),
    };
    mounts.insert(place, mount);
    true
}

/// Takes the service away when dropped.
#[derive(Debug)]
struct Guard {
    mounts: Arc<Mounts>,
    host: Box<str>,
    prefix: Box<str>,
}

impl Mounted for Guard {}

impl Drop for Guard {
    fn drop(&mut self) {
        self.mounts.unmount(&self.host, &self.prefix);
    }
}
