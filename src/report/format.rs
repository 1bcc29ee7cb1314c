//! Numbers, spans and times as people read them.
