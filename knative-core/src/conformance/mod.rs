//! Conformance kits: one named case per behaviour that a trait promises, for our backends and for those of others
//! (feature `conformance`).

pub mod runtime;
