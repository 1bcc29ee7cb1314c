//! MEXC futures: REST and WebSocket as the exchange speaks them.
//!
//! Never: a price through a float, a key in a log line, a write that is repeated without being looked up first.
