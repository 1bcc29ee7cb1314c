//! Sockets to MEXC: opened, kept alive, subscribed, taken apart into rows, opened again.
//!
//! Never: a wait inside an intake, a row without its exchange's time, a book that is not known to be whole.
