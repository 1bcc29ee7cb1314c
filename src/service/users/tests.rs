//! Users and logins as a whole.
