//! A result as JSON.
