//! Several rules for one kind.

use std::sync::Arc;

use crate::{object::Object, store::StoreError};

use super::{Admission, AdmissionRequest};

/// Rules that are applied one after the other; the first refusal counts.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    links: Vec<Arc<dyn Admission>>,
}

impl Chain {
    /// These rules, in this order.
    pub const fn new(links: Vec<Arc<dyn Admission>>) -> Self {
        Self { links }
    }
}

impl Admission for Chain {
    fn default(
        &self,
        request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        let mut links = self.links.iter();
        links.try_for_each(|link| link.default(request, object))
    }

    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        let mut warnings = Vec::new();
        for link in &self.links {
            warnings.extend(link.validate(request, object)?);
        }
        Ok(warnings)
    }
}
