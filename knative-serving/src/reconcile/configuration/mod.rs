//! Configuration: a Revision for each generation of its template.

pub mod plan;
