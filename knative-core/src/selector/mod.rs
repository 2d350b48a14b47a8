//! Which objects a client or a controller means: by label and by field.
