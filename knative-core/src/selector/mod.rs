//! Which objects a client or a controller means: by label and by field.

/// Which objects, by label; all by default.
#[derive(Clone, Debug, Default)]
pub struct LabelSelector {}

/// Which objects, by field; all by default.
#[derive(Clone, Debug, Default)]
pub struct FieldSelector {}
