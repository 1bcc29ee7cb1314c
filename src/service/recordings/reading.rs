//! What the user says of the files of an import.

use crate::domain::contract_facts::Declared;
use crate::domain::time::Span;

/// How the files of an import are interpreted.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Reading {
    /// Contract facts declared by the user.
    pub declared: Declared,
    /// Bar length declared by the user.
    pub bar: Option<Span>,
}
