//! Who is asking: passwords, access tokens, CSRF tokens, roles. Values in, values out; times come in as values.
//!
//! Never: a user table (the store has it), HTTP, or a default secret.

mod role;

pub use role::Role;
