//! Which decisions this engine makes.

/// Version of the decisions: raised whenever the same events and settings may lead to other ones.
///
/// Sessions and results keep it, so that a replay by another version is known for what it is. `tests/it/digests.rs` guards it:
/// it holds the digests of this version and fails when they change without it.
pub const ENGINE_VERSION: u32 = 2;
