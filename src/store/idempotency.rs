//! Answers stored under idempotency keys: for a day, and a limited number per user.

use super::error::during;
use super::records::IdempotencyV1;
use super::tables::IDEMPOTENCY;
use super::{Store, StoreError, decode, encode};
use crate::domain::time::{Span, Timestamp};
use crate::limits::USER_IDEMPOTENCY_KEYS;
use redb::{ReadableTable, Table};

const WRITING: &str = "writing an answer";

/// How long an answer is valid.
const KEPT: Span = Span::from_seconds(86_400);
/// Number of answers per user between two prunings.
const PRUNE_EVERY: usize = 64;

impl Store {
    /// A user's answer stored under a key in the last 24 hours.
    pub fn answer(&self, user: &str, key: &str, now: Timestamp) -> Result<Option<IdempotencyV1>, StoreError> {
        let answer = self.table(IDEMPOTENCY)?.checked().get((user, key))?;
        Ok(answer.filter(|answer| answer.created_us > oldest_us(now)))
    }

    /// Stores an answer under a user's key. At times removes the user's answers that are older than 24 hours,
    /// and the oldest if there are too many.
    pub fn put_answer(
        &self,
        user: &str,
        key: &str,
        answer: &IdempotencyV1,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (user, key, bytes) = (user.to_owned(), key.to_owned(), encode(answer)?);
        self.write(move |txn| {
            let mut table = IDEMPOTENCY.write(txn, WRITING)?;
            prune(&mut table, &user, now)?;
            table.insert((user.as_str(), key.as_str()), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// Removes the answer under a user's key.
    pub fn remove_answer(&self, user: &str, key: &str) -> Result<(), StoreError> {
        let (user, key) = (user.to_owned(), key.to_owned());
        self.write(move |txn| {
            let mut table = IDEMPOTENCY.write(txn, WRITING)?;
            table.remove((user.as_str(), key.as_str())).map_err(during(WRITING))?;
            Ok(())
        })
    }
}

/// Removes a user's old and surplus answers. Decoding them all is expensive, so it is done only when their
/// number is a multiple of `PRUNE_EVERY`.
fn prune(
    table: &mut Table<'_, (&'static str, &'static str), &'static [u8]>,
    user: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    // The smallest string greater than the user's name: the upper end of all keys that begin with it.
    let behind = format!("{user}\0");
    let range = (user, "")..(behind.as_str(), "");
    let count = table.range(range.clone()).map_err(during(WRITING))?.count();
    if !count.is_multiple_of(PRUNE_EVERY) {
        return Ok(());
    }
    let mut kept = Vec::new();
    for row in table.range(range).map_err(during(WRITING))? {
        let (key, bytes) = row.map_err(during(WRITING))?;
        let created = decode::<IdempotencyV1>(bytes.value(), key.value().1)
            .map_or(i64::MIN, |answer| answer.created_us);
        kept.push((created, key.value().1.to_owned()));
    }
    kept.sort_unstable();
    let surplus = (count + PRUNE_EVERY).saturating_sub(USER_IDEMPOTENCY_KEYS);
    for (index, (created, key)) in kept.into_iter().enumerate() {
        if index < surplus || created <= oldest_us(now) {
            table.remove((user, key.as_str())).map_err(during(WRITING))?;
        }
    }
    Ok(())
}

fn oldest_us(now: Timestamp) -> i64 {
    (now - KEPT).micros()
}
