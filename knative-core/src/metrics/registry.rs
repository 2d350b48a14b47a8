//! The parts of a platform that count.

use std::{fmt, sync::Arc};

use parking_lot::RwLock;

use super::Exposition;

/// A part that counts.
pub trait Collect: fmt::Debug + Send + Sync + 'static {
    /// Tells the numbers of now. Names are those of the whole platform: parts that share one have other labels.
    fn collect(&self, exposition: &mut Exposition);
}

/// The parts of one platform that count. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    parts: Arc<RwLock<Vec<Arc<dyn Collect>>>>,
}

impl Registry {
    /// A registry with no part.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part, for as long as the registry lives.
    pub fn register(&self, part: Arc<dyn Collect>) {
        self.parts.write().push(part);
    }

    /// The numbers of all parts, as [`CONTENT_TYPE`](super::CONTENT_TYPE) says.
    pub fn render(&self) -> String {
        // Parts may take locks of their own.
        let parts = self.parts.read().clone();
        let mut exposition = Exposition::default();
        for part in parts {
            part.collect(&mut exposition);
        }
        exposition.into_text()
    }
}
