//! Keys of accounts in a rehearsal.

/// A key for tests; must not be a real one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestKey {
    /// API key.
    pub key: String,
    /// Secret key.
    pub secret: String,
}
