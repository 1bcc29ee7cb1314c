//! The state of a run as bytes, and back: plain values are made anew, everything else is built from its
//! definition as at a fresh start and then given the part that changes.
//!
//! Invariants: a type names all of its fields, those that are kept and those that its definition fixes, so
//! one that is added later cannot be forgotten; saving what was loaded gives the same bytes.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod domain;
mod values;

pub use values::Reader;

/// The bytes are no state of this program for this definition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damaged;

/// A value that its bytes say all of.
pub trait Plain: Sized {
    /// Appends the value.
    fn encode(&self, to: &mut Vec<u8>);

    /// Reads the next value.
    ///
    /// # Errors
    /// The bytes hold none.
    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged>;
}

/// Something built from a definition, of which a part changes.
pub trait Saved {
    /// Appends the part that changes.
    fn save(&self, to: &mut Vec<u8>);

    /// Takes that part over into what was built from the same definition. After an error it must not be used.
    ///
    /// # Errors
    /// The bytes do not fit.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged>;
}

/// Implements [`Plain`] by all fields of a structure or all variants of an enumeration.
macro_rules! plain {
    (struct $type:ident($field:ident)) => {
        impl $crate::checkpoint::Plain for $type {
            fn encode(&self, to: &mut Vec<u8>) {
                let $type($field) = self;
                $crate::checkpoint::Plain::encode($field, to);
            }

            fn decode(
                from: &mut $crate::checkpoint::Reader<'_>,
            ) -> Result<Self, $crate::checkpoint::Damaged> {
                Ok($type($crate::checkpoint::Plain::decode(from)?))
            }
        }
    };
    (struct $type:ident { $($field:ident),+ $(,)? }) => {
        $crate::checkpoint::plain!([impl] struct $type { $($field),+ });
    };
    (<$generic:ident> struct $type:ident { $($field:ident),+ $(,)? }) => {
        $crate::checkpoint::plain!([impl<$generic: $crate::checkpoint::Plain>] struct $type<$generic> { $($field),+ });
    };
    ([$($generics:tt)+] struct $name:ident $(<$generic:ident>)? { $($field:ident),+ }) => {
        $($generics)+ $crate::checkpoint::Plain for $name $(<$generic>)? {
            fn encode(&self, to: &mut Vec<u8>) {
                let $name { $($field),+ } = self;
                $($crate::checkpoint::Plain::encode($field, to);)+
            }

            fn decode(
                from: &mut $crate::checkpoint::Reader<'_>,
            ) -> Result<Self, $crate::checkpoint::Damaged> {
                Ok($name { $($field: $crate::checkpoint::Plain::decode(from)?),+ })
            }
        }
    };
    (enum $type:ident { $($variant:ident $(($($item:ident),+))? $({ $($name:ident),+ })?),+ $(,)? }) => {
        impl $crate::checkpoint::Plain for $type {
            fn encode(&self, to: &mut Vec<u8>) {
                #[derive(Clone, Copy)]
                enum Tag { $($variant),+ }
                match self {
                    $($type::$variant $(($($item),+))? $({ $($name),+ })? => {
                        to.push(Tag::$variant as u8);
                        $($($crate::checkpoint::Plain::encode($item, to);)+)?
                        $($($crate::checkpoint::Plain::encode($name, to);)+)?
                    })+
                }
            }

            fn decode(
                from: &mut $crate::checkpoint::Reader<'_>,
            ) -> Result<Self, $crate::checkpoint::Damaged> {
                #[derive(Clone, Copy)]
                enum Tag { $($variant),+ }
                let tag = <u8 as $crate::checkpoint::Plain>::decode(from)?;
                $(if tag == Tag::$variant as u8 {
                    $($(let $item = $crate::checkpoint::Plain::decode(from)?;)+)?
                    $($(let $name = $crate::checkpoint::Plain::decode(from)?;)+)?
                    return Ok($type::$variant $(($($item),+))? $({ $($name),+ })?);
                })+
                Err($crate::checkpoint::Damaged)
            }
        }
    };
}

/// Implements [`Saved`]: the fields that are kept, those (after `each`) that are lists of as many parts as
/// the definition says, and those that the definition fixes or that hold nothing between two events.
macro_rules! saved {
    ([$($generics:tt)+] $type:ty {
        $($field:tt),* $(,)?
    } $(each { $($list:tt),+ $(,)? })? $(fixed { $($fixed:tt),+ $(,)? })?) => {
        $($generics)+ $crate::checkpoint::Saved for $type {
            fn save(&self, to: &mut Vec<u8>) {
                let Self { $($field: _,)* $($($list: _,)+)? $($($fixed: _,)+)? } = self;
                let _ = &to;
                $($crate::checkpoint::Saved::save(&self.$field, to);)*
                $($($crate::checkpoint::Saved::save(&self.$list[..], to);)+)?
            }

            fn load(
                &mut self,
                from: &mut $crate::checkpoint::Reader<'_>,
            ) -> Result<(), $crate::checkpoint::Damaged> {
                let _ = &from;
                $($crate::checkpoint::Saved::load(&mut self.$field, from)?;)*
                $($($crate::checkpoint::Saved::load(&mut self.$list[..], from)?;)+)?
                Ok(())
            }
        }
    };
    ($type:ident $($rest:tt)+) => {
        $crate::checkpoint::saved!([impl] $type $($rest)+);
    };
}

pub(crate) use {plain, saved};

impl<T: Plain> Saved for T {
    fn save(&self, to: &mut Vec<u8>) {
        self.encode(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = T::decode(from)?;
        Ok(())
    }
}

/// As many as the definition says.
impl<T: Saved> Saved for [T] {
    fn save(&self, to: &mut Vec<u8>) {
        self.len().encode(to);
        self.iter().for_each(|one| one.save(to));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        if usize::decode(from)? != self.len() {
            return Err(Damaged);
        }
        self.iter_mut().try_for_each(|one| one.load(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Debug)]
    enum Kind {
        Nothing,
        One(u8),
        Two { first: i64, second: Option<f64> },
    }
    plain!(enum Kind { Nothing, One(value), Two { first, second } });

    struct Part {
        sum: i64,
        width: usize,
    }
    saved!(Part { sum } fixed { width });

    struct Whole {
        kind: Kind,
        parts: Vec<Part>,
    }
    saved!(Whole { kind } each { parts });

    fn whole(kind: Kind, sums: [i64; 2]) -> Whole {
        Whole { kind, parts: sums.into_iter().map(|sum| Part { sum, width: 7 }).collect() }
    }

    #[test]
    fn what_is_loaded_is_what_was_saved_and_the_rest_stays() {
        let kinds = [Kind::Nothing, Kind::One(3), Kind::Two { first: -1, second: Some(-0.0) }];
        for kind in kinds {
            let (mut bytes, mut again) = (Vec::new(), Vec::new());
            whole(kind.clone(), [4, -5]).save(&mut bytes);
            let mut other = whole(Kind::One(9), [0, 0]);
            other.parts[0].width = 8;
            let mut reader = Reader::new(&bytes);
            other.load(&mut reader).unwrap();
            assert!(reader.is_at_end());
            assert_eq!((other.kind.clone(), other.parts[0].sum, other.parts[1].sum), (kind, 4, -5));
            assert_eq!(other.parts[0].width, 8, "the definition says it");
            other.save(&mut again);
            assert_eq!(bytes, again);
            for cut in 0..bytes.len() {
                assert_eq!(other.load(&mut Reader::new(&bytes[..cut])), Err(Damaged), "{cut} bytes");
            }
        }
    }

    #[test]
    fn another_number_of_parts_and_an_unknown_variant_do_not_fit() {
        let mut bytes = Vec::new();
        whole(Kind::Nothing, [1, 2]).save(&mut bytes);
        let mut fewer = whole(Kind::Nothing, [0, 0]);
        fewer.parts.pop();
        assert_eq!(fewer.load(&mut Reader::new(&bytes)), Err(Damaged));
        bytes[0] = 3;
        assert_eq!(whole(Kind::Nothing, [0, 0]).load(&mut Reader::new(&bytes)), Err(Damaged));
    }
}
