//! Session records: what ran and how it ended.

use super::error::during;
use super::records::SessionV1;
use super::tables::SESSIONS;
use super::{Store, StoreError, decode, encode};
use redb::ReadableTable;

const READING: &str = "reading a session";
const WRITING: &str = "writing a session";

impl Store {
    /// Keeps a session; one of the same id is replaced.
    pub fn put_session(&self, session: &SessionV1) -> Result<(), StoreError> {
        let (id, bytes) = (session.id.clone(), encode(session)?);
        self.write(move |txn| {
            let mut table = txn.open_table(SESSIONS).map_err(during(WRITING))?;
            table.insert(id.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// A session.
    pub fn session(&self, id: &str) -> Result<SessionV1, StoreError> {
        let table = self.read()?.open_table(SESSIONS).map_err(during(READING))?;
        let found = table.get(id).map_err(during(READING))?;
        found.map_or_else(|| Err(StoreError::NotFound { what: "session", id: id.to_owned() }), |bytes| decode(bytes.value(), id))
    }

    /// All sessions, newest first.
    pub fn sessions(&self) -> Result<Vec<SessionV1>, StoreError> {
        let table = self.read()?.open_table(SESSIONS).map_err(during(READING))?;
        let mut all = Vec::new();
        for row in table.iter().map_err(during(READING))? {
            let (id, bytes) = row.map_err(during(READING))?;
            all.push(decode::<SessionV1>(bytes.value(), id.value())?);
        }
        all.sort_by(|a, b| (b.created_us, &b.id).cmp(&(a.created_us, &a.id)));
        Ok(all)
    }
}
