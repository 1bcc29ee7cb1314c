//! What holds for every tape.
