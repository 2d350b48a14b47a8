//! platform-local
fn main() {}
