//! Reading tables without trusting them. A disk may return a page in the place of another one: its bytes and
//! checksum are intact, but it holds other keys.
//!
//! Therefore a record is checked against its key as well as its checksum; keys must be in order and inside
//! the requested range; and a key counts as missing only if the keys on both sides, each looked up on its
//! own, are neighbours of each other. A panic of the database on a misplaced page is reported as damage too.

use super::codec::{self, CodecError, Stored};
use super::error::during;
use super::guard::guarded;
use super::{Store, StoreError};
use redb::{
    AccessGuard, Key, ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction,
};
use std::cmp::Ordering;
use std::ops::{Bound, ControlFlow};

const READING: &str = "reading the store";

/// A table: its name and types, how values are decoded, and how a value is checked against its key.
pub struct TableOf<K: Key + 'static, T> {
    /// Definition for the database.
    pub definition: TableDefinition<'static, K, &'static [u8]>,
    location: for<'a, 'k> fn(&'a K::SelfType<'k>) -> String,
    decode: fn(&[u8]) -> Result<T, CodecError>,
    is_kind: fn(&[u8]) -> bool,
    belongs: for<'a, 'k> fn(&'a K::SelfType<'k>, &'a T) -> bool,
}

impl<K: Key + 'static, T> Clone for TableOf<K, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key + 'static, T> Copy for TableOf<K, T> {}

impl<K: Key + 'static, T: Stored> TableOf<K, T> {
    /// A table of records. `location` describes a key for messages, `belongs` checks a value against its key.
    pub const fn records(
        name: &'static str,
        location: for<'a, 'k> fn(&'a K::SelfType<'k>) -> String,
        belongs: for<'a, 'k> fn(&'a K::SelfType<'k>, &'a T) -> bool,
    ) -> Self {
        let (decode, is_kind) = (codec::decode::<T>, codec::is_kind::<T>);
        TableOf { definition: TableDefinition::new(name), location, decode, is_kind, belongs }
    }
}

impl<K: Key + 'static> TableOf<K, Vec<u8>> {
    /// A table of other values.
    pub const fn bytes(
        name: &'static str,
        location: for<'a, 'k> fn(&'a K::SelfType<'k>) -> String,
        is_kind: fn(&[u8]) -> bool,
        belongs: for<'a, 'k> fn(&'a K::SelfType<'k>, &'a Vec<u8>) -> bool,
    ) -> Self {
        TableOf {
            definition: TableDefinition::new(name),
            location,
            decode: |bytes| Ok(bytes.to_vec()),
            is_kind,
            belongs,
        }
    }
}

impl<K: Key + 'static, T> TableOf<K, T> {
    /// Describes where a value is, for messages.
    pub fn location(&self, key: &K::SelfType<'_>) -> String {
        (self.location)(key)
    }

    /// Decodes a value and checks it against its key.
    pub fn read(&self, key: &K::SelfType<'_>, bytes: &[u8]) -> Result<T, String> {
        let value = (self.decode)(bytes).map_err(|error| error.to_string())?;
        if (self.belongs)(key, &value) {
            Ok(value)
        } else {
            Err("what is stored there belongs elsewhere".to_owned())
        }
    }

    /// Opens the table for writing.
    pub fn write<'t>(
        &self,
        txn: &'t WriteTransaction,
        doing: &'static str,
    ) -> Result<Table<'t, K, &'static [u8]>, StoreError> {
        txn.open_table(self.definition).map_err(during(doing))
    }

    /// Reads a table opened for writing.
    pub fn within<'a, 't>(
        &self,
        table: &'a Table<'t, K, &'static [u8]>,
    ) -> Checked<'a, K, T, Table<'t, K, &'static [u8]>> {
        Checked { table, of: *self }
    }
}

impl Store {
    /// The table's current state.
    pub(super) fn table<K: Key + 'static, T>(
        &self,
        of: TableOf<K, T>,
    ) -> Result<TableSnapshot<K, T>, StoreError> {
        guarded(|| TableSnapshot::new(&self.read()?, of))
    }
}

/// A table as of one transaction.
pub struct TableSnapshot<K: Key + 'static, T> {
    table: ReadOnlyTable<K, &'static [u8]>,
    of: TableOf<K, T>,
}

impl<K: Key + 'static, T> TableSnapshot<K, T> {
    /// The table's state in a transaction.
    pub fn new(read: &ReadTransaction, of: TableOf<K, T>) -> Result<Self, StoreError> {
        Ok(TableSnapshot { table: read.open_table(of.definition).map_err(during(READING))?, of })
    }

    /// The table for checked reading.
    pub fn checked(&self) -> Checked<'_, K, T, ReadOnlyTable<K, &'static [u8]>> {
        Checked { table: &self.table, of: self.of }
    }
}

/// A table read with checks.
pub struct Checked<'a, K: Key + 'static, T, R> {
    table: &'a R,
    of: TableOf<K, T>,
}

/// An encoded key.
type KeyBytes = Vec<u8>;

impl<K: Key + 'static, T, R: ReadableTable<K, &'static [u8]>> Checked<'_, K, T, R> {
    /// The value of a key; `None` when it is missing.
    pub fn get(&self, key: K::SelfType<'_>) -> Result<Option<T>, StoreError> {
        guarded(|| match self.table.get(&key).map_err(during(READING))? {
            Some(bytes) => self.value(&key, bytes.value()).map(Some),
            None => {
                let key = bytes_of::<K>(&key);
                self.adjacent(self.before(&key)?, self.after(&key)?)?;
                Ok(None)
            }
        })
    }

    /// The last value between two keys, both inclusive, with a part of its key.
    pub fn last<U>(
        &self,
        from: K::SelfType<'_>,
        to: K::SelfType<'_>,
        part: impl Fn(&K::SelfType<'_>) -> U,
    ) -> Result<Option<(U, T)>, StoreError> {
        guarded(|| {
            let (from, to) = (bytes_of::<K>(&from), bytes_of::<K>(&to));
            let range = (Bound::Included(K::from_bytes(&from)), Bound::Included(K::from_bytes(&to)));
            let found = self
                .table
                .range(range)
                .map_err(during(READING))?
                .next_back()
                .transpose()
                .map_err(during(READING))?;
            let Some((key, bytes)) = found else {
                self.adjacent(self.before(&from)?, self.after(&to)?)?;
                return Ok(None);
            };
            let found = bytes_of::<K>(&key.value());
            self.inside(&found, &from, &to)?;
            self.adjacent(Some(found), self.after(&to)?)?;
            Ok(Some((part(&key.value()), self.value(&key.value(), bytes.value())?)))
        })
    }

    /// Visits the values between two keys, both inclusive, in order, until the visitor breaks.
    pub fn visit(
        &self,
        from: K::SelfType<'_>,
        to: K::SelfType<'_>,
        mut visitor: impl FnMut(&K::SelfType<'_>, T) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        guarded(|| {
            let (from, to) = (bytes_of::<K>(&from), bytes_of::<K>(&to));
            let mut last: Option<KeyBytes> = None;
            let range = (Bound::Included(K::from_bytes(&from)), Bound::Included(K::from_bytes(&to)));
            for row in self.table.range(range).map_err(during(READING))? {
                let (key, bytes) = row.map_err(during(READING))?;
                let found = bytes_of::<K>(&key.value());
                self.inside(&found, &from, &to)?;
                match &last {
                    None => self.adjacent(self.before(&from)?, Some(found.clone()))?,
                    Some(last) => self.in_order(last, &found)?,
                }
                last = Some(found);
                if visitor(&key.value(), self.value(&key.value(), bytes.value())?)?.is_break() {
                    return Ok(());
                }
            }
            let last = if last.is_some() { last } else { self.before(&from)? };
            self.adjacent(last, self.after(&to)?)
        })
    }

    /// All values in key order, each with a part of its key.
    pub fn all<U>(&self, part: impl Fn(&K::SelfType<'_>) -> U) -> Result<Vec<(U, T)>, StoreError> {
        guarded(|| {
            let (mut all, mut last) = (Vec::new(), None::<KeyBytes>);
            for row in self.table.iter().map_err(during(READING))? {
                let (key, bytes) = row.map_err(during(READING))?;
                let found = bytes_of::<K>(&key.value());
                if let Some(last) = &last {
                    self.in_order(last, &found)?;
                }
                last = Some(found);
                all.push((part(&key.value()), self.value(&key.value(), bytes.value())?));
            }
            self.counted(all.len() as u64)?;
            Ok(all)
        })
    }

    /// All values in key order.
    pub fn values(&self) -> Result<Vec<T>, StoreError> {
        Ok(self.all(|_| ())?.into_iter().map(|((), value)| value).collect())
    }

    /// Number of values, as stated by the table.
    pub fn len(&self) -> Result<u64, StoreError> {
        guarded(|| self.table.len().map_err(during(READING)))
    }

    /// Visits the values before a key (all for `None`) in descending order, until the visitor breaks.
    pub fn visit_back(
        &self,
        before: Option<K::SelfType<'_>>,
        mut visitor: impl FnMut(&K::SelfType<'_>, T) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        guarded(|| {
            let before = before.as_ref().map(bytes_of::<K>);
            let to = before.as_deref().map_or(Bound::Unbounded, |key| Bound::Excluded(K::from_bytes(key)));
            let mut behind = match &before {
                Some(key) => self.from(key)?,
                None => None,
            };
            for row in self.table.range((Bound::Unbounded, to)).map_err(during(READING))?.rev() {
                let (key, bytes) = row.map_err(during(READING))?;
                let found = bytes_of::<K>(&key.value());
                self.adjacent(Some(found.clone()), behind)?;
                behind = Some(found);
                if visitor(&key.value(), self.value(&key.value(), bytes.value())?)?.is_break() {
                    return Ok(());
                }
            }
            self.adjacent(None, behind)
        })
    }

    fn value(&self, key: &K::SelfType<'_>, bytes: &[u8]) -> Result<T, StoreError> {
        self.of.read(key, bytes).map_err(|what| StoreError::damaged(self.of.location(key), what))
    }

    /// The key before `key`.
    fn before(&self, key: &[u8]) -> Result<Option<KeyBytes>, StoreError> {
        let range = self
            .table
            .range((Bound::Unbounded, Bound::Excluded(K::from_bytes(key))))
            .map_err(during(READING))?;
        self.neighbour({ range }.next_back(), key, Ordering::Less)
    }

    /// The key after `key`.
    fn after(&self, key: &[u8]) -> Result<Option<KeyBytes>, StoreError> {
        let range = self
            .table
            .range((Bound::Excluded(K::from_bytes(key)), Bound::Unbounded))
            .map_err(during(READING))?;
        self.neighbour({ range }.next(), key, Ordering::Greater)
    }

    /// `key` itself if present, else the key after it.
    fn from(&self, key: &[u8]) -> Result<Option<KeyBytes>, StoreError> {
        let is_there = self.table.get(K::from_bytes(key)).map_err(during(READING))?.is_some();
        if is_there { Ok(Some(key.to_vec())) } else { self.after(key) }
    }

    fn neighbour(
        &self,
        row: Option<Row<'_, K>>,
        key: &[u8],
        side: Ordering,
    ) -> Result<Option<KeyBytes>, StoreError> {
        let Some((found, bytes)) = row.transpose().map_err(during(READING))? else { return Ok(None) };
        let found = bytes_of::<K>(&found.value());
        if K::compare(&found, key) != side || !(self.of.is_kind)(bytes.value()) {
            return Err(self.misplaced(&found));
        }
        Ok(Some(found))
    }

    /// Checks that no key lies between two keys, looked up from both sides; `None` is an end of the table.
    fn adjacent(&self, left: Option<KeyBytes>, right: Option<KeyBytes>) -> Result<(), StoreError> {
        let key = |row: Option<(AccessGuard<'_, K>, _)>| {
            row.map(|(key, _): (_, AccessGuard<'_, &'static [u8]>)| bytes_of::<K>(&key.value()))
        };
        let behind_left = match &left {
            Some(left) => self.after(left)?,
            None => key(self.table.first().map_err(during(READING))?),
        };
        let before_right = match &right {
            Some(right) => self.before(right)?,
            None => key(self.table.last().map_err(during(READING))?),
        };
        if behind_left == right && before_right == left {
            return Ok(());
        }
        Err(self.misplaced(left.or(right).or(behind_left).or(before_right).as_deref().unwrap_or_default()))
    }

    fn inside(&self, key: &[u8], from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        let is_inside = K::compare(from, key).is_le() && K::compare(key, to).is_le();
        if is_inside { Ok(()) } else { Err(self.misplaced(key)) }
    }

    fn in_order(&self, last: &[u8], key: &[u8]) -> Result<(), StoreError> {
        if K::compare(last, key).is_lt() { Ok(()) } else { Err(self.misplaced(key)) }
    }

    /// Checks the number of values seen against the number the table states.
    fn counted(&self, seen: u64) -> Result<(), StoreError> {
        let len = self.table.len().map_err(during(READING))?;
        let name = redb::TableHandle::name(&self.of.definition);
        if seen == len {
            Ok(())
        } else {
            Err(StoreError::damaged(
                format!("table {name}"),
                format!("it holds {seen} entries and says {len}"),
            ))
        }
    }

    fn misplaced(&self, key: &[u8]) -> StoreError {
        let location =
            if key.is_empty() { "the store file".to_owned() } else { self.of.location(&K::from_bytes(key)) };
        StoreError::damaged(location, "a page of the store file is not where it belongs")
    }
}

type Row<'a, K> = Result<(AccessGuard<'a, K>, AccessGuard<'a, &'static [u8]>), redb::StorageError>;

fn bytes_of<K: Key + 'static>(key: &K::SelfType<'_>) -> KeyBytes {
    K::as_bytes(key).as_ref().to_vec()
}
