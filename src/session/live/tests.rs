//! Tables of what the desk does.
