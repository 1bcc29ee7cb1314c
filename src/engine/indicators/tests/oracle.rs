//! Slow answers straight from the definitions.
