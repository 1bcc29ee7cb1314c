//! Start requests that a user saved under a name. They may be incomplete: only a start judges them.

use super::{Refusal, Service, problems_text};
use crate::domain::time::Timestamp;
use crate::limits::{NAME_CHARS, PRESET_BYTES};
use crate::store::StoreError;
use crate::store::records::PresetV1;
use serde_json::{Value, json};

impl Service {
    /// The presets of a user, sorted by name: `{"name","request","updated_at"}`.
    ///
    /// # Errors
    /// What the store reports.
    pub fn presets(&self, user: &str) -> Result<Vec<Value>, Refusal> {
        Ok(self.store.presets(user)?.iter().map(shown).collect())
    }

    /// Keeps a request under a name, replacing the one that has it; returns it and whether the name is new.
    ///
    /// # Errors
    /// `invalid_request`: a name or request that cannot be kept, or too many presets.
    pub fn put_preset(
        &self,
        user: &str,
        name: &str,
        request: &Value,
        now: Timestamp,
    ) -> Result<(Value, bool), Refusal> {
        let text = request.to_string();
        let mut problems = Vec::new();
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS {
            problems.push(("/path/name".to_owned(), format!("must be 1 to {NAME_CHARS} characters of text")));
        }
        if !request.is_object() {
            problems.push(("/request".to_owned(), "must be the body of POST /sessions/start".to_owned()));
        } else if text.len() > PRESET_BYTES {
            problems.push(("/request".to_owned(), format!("has more than {PRESET_BYTES} bytes")));
        }
        if !problems.is_empty() {
            let message = format!("the preset cannot be saved: {}", problems_text(&problems));
            return Err(Refusal::invalid("invalid_request", message, problems));
        }
        let preset = PresetV1 {
            user: user.to_owned(),
            name: name.to_owned(),
            request: text,
            updated_us: now.micros(),
        };
        let is_new = self.store.put_preset(&preset)?;
        Ok((shown(&preset), is_new))
    }

    /// Deletes a preset.
    ///
    /// # Errors
    /// `preset_not_found`.
    pub fn delete_preset(&self, user: &str, name: &str) -> Result<(), Refusal> {
        match self.store.delete_preset(user, name) {
            Err(StoreError::NotFound { .. }) => {
                Err(Refusal::not_found("preset_not_found", format!("you have no preset {name:?}")))
            }
            deleted => Ok(deleted?),
        }
    }
}

fn shown(preset: &PresetV1) -> Value {
    json!({
        "name": preset.name,
        "request": serde_json::from_str::<Value>(&preset.request).unwrap_or_default(),
        "updated_at": Timestamp::from_micros(preset.updated_us).map(Timestamp::rfc3339_millis),
    })
}
