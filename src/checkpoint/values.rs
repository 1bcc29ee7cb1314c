//! Numbers, texts and collections as bytes: little-endian, floating-point numbers by their bits, lengths
//! before contents.

use super::{Damaged, Plain};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

/// Reads bytes from the first to the last.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Before the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// Whether everything has been read.
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The length of something whose parts take a byte or more each.
    fn length(&mut self) -> Result<usize, Damaged> {
        usize::decode(self).ok().filter(|length| *length <= self.0.len()).ok_or(Damaged)
    }

    fn items<T: Plain, C: FromIterator<T>>(&mut self) -> Result<C, Damaged> {
        (0..self.length()?).map(|_| T::decode(self)).collect()
    }
}

fn put_all<'a, T: Plain + 'a>(items: impl ExactSizeIterator<Item = &'a T>, to: &mut Vec<u8>) {
    items.len().encode(to);
    items.for_each(|item| item.encode(to));
}

macro_rules! integers {
    ($($type:ty),+) => {
        $(impl Plain for $type {
            fn encode(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                let bytes = from.take(size_of::<$type>())?;
                bytes.try_into().map(<$type>::from_le_bytes).map_err(|_| Damaged)
            }
        })+
    };
}

integers!(u8, u16, u32, u64, i64, i128);

impl Plain for usize {
    fn encode(&self, to: &mut Vec<u8>) {
        (*self as u64).encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        usize::try_from(u64::decode(from)?).map_err(|_| Damaged)
    }
}

impl Plain for f64 {
    fn encode(&self, to: &mut Vec<u8>) {
        self.to_bits().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        u64::decode(from).map(f64::from_bits)
    }
}

impl Plain for bool {
    fn encode(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        match u8::decode(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Damaged),
        }
    }
}

impl Plain for String {
    fn encode(&self, to: &mut Vec<u8>) {
        self.len().encode(to);
        to.extend_from_slice(self.as_bytes());
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let length = from.length()?;
        String::from_utf8(from.take(length)?.to_vec()).map_err(|_| Damaged)
    }
}

impl<T: Plain> Plain for Option<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.is_some().encode(to);
        if let Some(value) = self {
            value.encode(to);
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        bool::decode(from)?.then(|| T::decode(from)).transpose()
    }
}

impl<T: Plain> Plain for Reverse<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.0.encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        T::decode(from).map(Reverse)
    }
}

macro_rules! tuples {
    ($(($($name:ident),+)),+) => {
        $(#[allow(non_snake_case)]
        impl<$($name: Plain),+> Plain for ($($name,)+) {
            fn encode(&self, to: &mut Vec<u8>) {
                let ($($name,)+) = self;
                $($name.encode(to);)+
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                Ok(($($name::decode(from)?,)+))
            }
        })+
    };
}

tuples!((A, B), (A, B, C));

impl<T: Plain + Default + Copy, const N: usize> Plain for [T; N] {
    fn encode(&self, to: &mut Vec<u8>) {
        self.iter().for_each(|item| item.encode(to));
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::decode(from)?;
        }
        Ok(items)
    }
}

macro_rules! collections {
    ($($type:ident),+) => {
        $(impl<T: Plain> Plain for $type<T> {
            fn encode(&self, to: &mut Vec<u8>) {
                put_all(self.iter(), to);
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                from.items()
            }
        })+
    };
}

collections!(Vec, VecDeque);

impl<T: Plain> Plain for Box<[T]> {
    fn encode(&self, to: &mut Vec<u8>) {
        put_all(self.iter(), to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        from.items()
    }
}

impl<T: Plain + Ord> Plain for BTreeSet<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        put_all(self.iter(), to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        from.items()
    }
}

impl<K: Plain + Ord, V: Plain> Plain for BTreeMap<K, V> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.len().encode(to);
        for (key, value) in self {
            key.encode(to);
            value.encode(to);
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        from.items::<(K, V), _>()
    }
}

/// In order, because where a heap keeps its items depends on how they came in. Items that are equal must be
/// the same.
impl<T: Plain + Ord> Plain for BinaryHeap<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        let mut items: Vec<&T> = self.iter().collect();
        items.sort_unstable();
        put_all(items.into_iter(), to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        from.items()
    }
}
