//! Results of backtests and sessions. A result and its document are kept or missing together.

use super::error::during;
use super::records::{ResultDocumentV1, ResultV1};
use super::tables::{RESULT_DOCUMENTS, RESULTS};
use super::{Store, StoreError, decode, encode};
use redb::ReadableTable;

const READING: &str = "reading a result";
const WRITING: &str = "writing a result";

impl Store {
    /// Keeps a result with its document (JSON); one of the same id is replaced.
    pub fn put_result(&self, result: &ResultV1, document: &str) -> Result<(), StoreError> {
        let summary = encode(result)?;
        let document = encode(&ResultDocumentV1 { id: result.id.clone(), document: document.to_owned() })?;
        let id = result.id.clone();
        self.write(move |txn| {
            let mut results = txn.open_table(RESULTS).map_err(during(WRITING))?;
            results.insert(id.as_str(), summary.as_slice()).map_err(during(WRITING))?;
            let mut documents = txn.open_table(RESULT_DOCUMENTS).map_err(during(WRITING))?;
            documents.insert(id.as_str(), document.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// The summary of a result.
    pub fn result(&self, id: &str) -> Result<ResultV1, StoreError> {
        let table = self.read()?.open_table(RESULTS).map_err(during(READING))?;
        let found = table.get(id).map_err(during(READING))?;
        found.map_or_else(|| Err(not_found(id)), |bytes| decode(bytes.value(), id))
    }

    /// The whole result as JSON.
    pub fn result_document(&self, id: &str) -> Result<String, StoreError> {
        let table = self.read()?.open_table(RESULT_DOCUMENTS).map_err(during(READING))?;
        let found = table.get(id).map_err(during(READING))?.ok_or_else(|| not_found(id))?;
        decode::<ResultDocumentV1>(found.value(), id).map(|kept| kept.document)
    }

    /// All results, newest first.
    pub fn results(&self) -> Result<Vec<ResultV1>, StoreError> {
        let table = self.read()?.open_table(RESULTS).map_err(during(READING))?;
        let mut all = Vec::new();
        for row in table.iter().map_err(during(READING))? {
            let (id, bytes) = row.map_err(during(READING))?;
            all.push(decode::<ResultV1>(bytes.value(), id.value())?);
        }
        all.sort_by(|a, b| (b.created_us, &b.id).cmp(&(a.created_us, &a.id)));
        Ok(all)
    }
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "result", id: id.to_owned() }
}
