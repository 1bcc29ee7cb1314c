//! Checkpoints of a session: which one it may go on from after a restart, and when another one is kept.
//!
//! Invariant: a session goes on only from a state of this program, of itself and of the position that it
//! says, and none fails because of a checkpoint: one with which anything is wrong is removed, which the log
//! says, and the whole journal is replayed.

use crate::domain::symbol::SymbolSpec;
use crate::domain::time::Timestamp;
use crate::engine::ENGINE_VERSION;
use crate::limits::CHECKPOINT_ROWS;
use crate::session::checkpoint::CHECKPOINT_LAYOUT;
use crate::session::digest::hex;
use crate::session::inputs::Control;
use crate::session::replay::JournalPosition;
use crate::store::Store;
use crate::store::records::CheckpointV1;
use sha2::{Digest, Sha256};

/// Where a comparison is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ComparisonCursor {
    /// Number of the last event written down that was compared.
    pub seq: u64,
    /// How many were.
    pub events: u64,
    /// Whether the session tells its events of money.
    pub tells_money: bool,
}

/// The checkpoints of one session.
pub(super) struct Checkpoints<'a> {
    store: &'a Store,
    /// What each of them says of itself.
    own: CheckpointV1,
    /// Rows in the newest.
    rows: u64,
}

/// Where a session goes on.
pub(super) struct Begun {
    pub position: JournalPosition,
    pub cursor: ComparisonCursor,
    pub rows: u64,
    pub state: Vec<u8>,
}

impl<'a> Checkpoints<'a> {
    /// Of a session that runs what has this fingerprint on these symbols.
    pub(super) fn new(store: &'a Store, session: &str, fingerprint: &str, specs: &[SymbolSpec]) -> Self {
        let own = CheckpointV1 {
            session_id: session.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            engine_version: ENGINE_VERSION,
            layout: CHECKPOINT_LAYOUT,
            definition: definition(fingerprint, specs),
            ..CheckpointV1::default()
        };
        Checkpoints { store, own, rows: 0 }
    }

    /// The newest, if the session may go on from it.
    pub(super) fn find(&mut self, controls: &[(Timestamp, Control)]) -> Option<Begun> {
        let found = self.read(controls).unwrap_or_else(|why| {
            self.refuse(&why);
            None
        });
        self.rows = found.as_ref().map_or(0, |begun| begun.rows);
        found
    }

    /// The newest is of no use. It is removed, so that nobody tries it again, and the next one begins at the
    /// first row.
    pub(super) fn refuse(&mut self, why: &str) {
        self.rows = 0;
        let removed = self.store.remove_checkpoint(&self.own.session_id);
        tracing::warn!(
            session = self.own.session_id,
            why,
            still_there = removed.err().map(|error| error.to_string()),
            "its checkpoint cannot be used: the whole journal is replayed"
        );
    }

    fn read(&self, controls: &[(Timestamp, Control)]) -> Result<Option<Begun>, String> {
        let found = self.store.checkpoint(&self.own.session_id).map_err(|error| error.to_string())?;
        let Some(found) = found else { return Ok(None) };
        self.is_own(&found)?;
        let position = JournalPosition {
            at: Timestamp::from_nanos(found.at_ns),
            controls: usize::try_from(found.controls).unwrap_or(usize::MAX),
        };
        let before = controls.partition_point(|(at, _)| *at < position.at);
        if before != position.controls {
            return Err(format!(
                "{} controls are in it, the journal has {before} up to there",
                found.controls
            ));
        }
        let state = found.unpack().ok_or("its state cannot be unpacked")?;
        let cursor =
            ComparisonCursor { seq: found.seq, events: found.events, tells_money: found.tells_money };
        Ok(Some(Begun { position, cursor, rows: found.rows, state }))
    }

    fn is_own(&self, found: &CheckpointV1) -> Result<(), String> {
        let CheckpointV1 { program, engine_version, layout, definition, .. } = &self.own;
        if found.engine_version != *engine_version {
            return Err(format!(
                "it is of engine version {}, this is {engine_version}",
                found.engine_version
            ));
        }
        if (&found.program, found.layout) != (program, *layout) {
            let (version, found) = (&found.program, found.layout);
            return Err(format!(
                "it is of version {version}, layout {found}; this is {program}, layout {layout}"
            ));
        }
        if found.definition != *definition {
            return Err("it is of a session that was started with something else".to_owned());
        }
        Ok(())
    }

    /// Rows in the newest; 0 without one.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether as many rows have come since the newest that another one is worth its time.
    pub(super) fn is_due(&self, rows: u64) -> bool {
        rows >= self.rows.saturating_add(CHECKPOINT_ROWS)
    }

    /// Keeps one in the place of the newest, where every event so far is written down (`cursor`) and there is
    /// a state to keep. A disk that refuses it leaves the newest.
    pub(super) fn keep(
        &mut self,
        position: JournalPosition,
        cursor: Option<ComparisonCursor>,
        rows: u64,
        state: impl FnOnce() -> Option<Vec<u8>>,
    ) {
        let Some(cursor) = cursor else { return };
        let Some(state) = state() else { return };
        self.rows = rows;
        let mut checkpoint = CheckpointV1 {
            at_ns: position.at.nanos(),
            controls: position.controls as u64,
            rows,
            seq: cursor.seq,
            events: cursor.events,
            tells_money: cursor.tells_money,
            ..self.own.clone()
        };
        let kept = checkpoint.pack(&state).and_then(|()| self.store.put_checkpoint(&checkpoint));
        let (session, bytes) = (&self.own.session_id, state.len());
        match kept {
            Ok(()) => tracing::info!(session, rows, bytes, "a checkpoint was made"),
            Err(error) => tracing::warn!(session, rows, %error, "a checkpoint was not kept"),
        }
    }
}

/// Everything that a fresh driver of the session is made of, as one number.
fn definition(fingerprint: &str, specs: &[SymbolSpec]) -> String {
    let mut hash = Sha256::new();
    hash.update(fingerprint);
    specs.iter().for_each(|spec| hash.update(format!("{spec:?}\n")));
    hex(hash.finalize())
}
