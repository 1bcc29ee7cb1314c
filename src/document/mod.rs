//! JSON forms of what people read and edit.
//!
//! Never: files, sockets or the store; text in, values out, and back.

pub mod result;
