//! Version of the engine's decisions.

/// Raised whenever the same events and settings may lead to different decisions.
///
/// Sessions and results store it, so that a replay by another version is recognised. `tests/it/digests.rs`
/// holds the digests of this version and fails when they change while the version does not.
pub const ENGINE_VERSION: u32 = 3;
