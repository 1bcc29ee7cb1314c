//! Start requests that users saved. A preset goes with its user.

use super::error::during;
use super::records::PresetV1;
use super::tables::PRESETS;
use super::{Store, StoreError, encode};
use crate::limits::USER_PRESETS;
use redb::WriteTransaction;
use std::ops::ControlFlow;

const WRITING: &str = "writing a preset";

impl Store {
    /// The presets of a user, sorted by name.
    pub fn presets(&self, user: &str) -> Result<Vec<PresetV1>, StoreError> {
        let (mut presets, behind) = (Vec::new(), format!("{user}\0"));
        self.table(PRESETS)?.checked().visit((user, ""), (&behind, ""), |_, preset| {
            presets.push(preset);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(presets)
    }

    /// Stores a preset, replacing the user's one of that name; returns whether it is new.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the user has [`USER_PRESETS`].
    pub fn put_preset(&self, preset: &PresetV1) -> Result<bool, StoreError> {
        let (preset, bytes) = (preset.clone(), encode(preset)?);
        self.write(move |txn| {
            let (user, name) = (preset.user.as_str(), preset.name.as_str());
            let mut table = PRESETS.write(txn, WRITING)?;
            let is_new = PRESETS.within(&table).get((user, name))?.is_none();
            let (mut count, behind) = (0, format!("{user}\0"));
            PRESETS.within(&table).visit((user, ""), (&behind, ""), |_, _| {
                count += 1;
                Ok(ControlFlow::Continue(()))
            })?;
            if is_new && count >= USER_PRESETS {
                return Err(StoreError::Refused(format!(
                    "{user} has {USER_PRESETS} presets, which is the most: delete one first"
                )));
            }
            table.insert((user, name), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(is_new)
        })
    }

    /// Removes a preset.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn delete_preset(&self, user: &str, name: &str) -> Result<(), StoreError> {
        let (user, name) = (user.to_owned(), name.to_owned());
        self.write(move |txn| {
            let mut table = PRESETS.write(txn, WRITING)?;
            let gone = table.remove((user.as_str(), name.as_str())).map_err(during(WRITING))?;
            gone.map(drop).ok_or_else(|| StoreError::NotFound { what: "preset", id: name.clone() })
        })
    }
}

/// Removes all presets of a user.
pub(super) fn remove_presets(txn: &WriteTransaction, user: &str) -> Result<(), StoreError> {
    let behind = format!("{user}\0");
    let mut table = PRESETS.write(txn, WRITING)?;
    table.retain_in((user, "")..(behind.as_str(), ""), |key, _| key.0 != user).map_err(during(WRITING))
}
