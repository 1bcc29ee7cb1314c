//! Encodes records to bytes and back. The only file that names bincode.
//!
//! Every record is `magic u8 | kind u16 | version u16 | length u32 | payload | crc32c u32`, little-endian;
//! the payload is bincode 2 (serde, standard configuration) of one version's struct. Decoding checks kind,
//! version, length and checksum, limits memory, and requires that the payload is consumed completely.
//! Anything else is an error.

use crate::limits::STORE_RECORD_BYTES;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

const MAGIC: u8 = 0xd5;
const HEAD_BYTES: usize = 9;
const CHECKSUM_BYTES: usize = 4;

/// A stored struct: the newest version of its record kind.
pub trait Stored: Serialize + DeserializeOwned {
    /// Number of the kind; listed in `schema/records.md`, never reused.
    const KIND: u16;
    /// Version written by this build.
    const VERSION: u16;
    /// Name of the kind in messages.
    const NAME: &'static str;

    /// Decodes and upgrades an older version's payload. Kinds with a single version keep this default.
    fn from_older(version: u16, _payload: &[u8]) -> Result<Self, CodecError> {
        Err(CodecError::UnknownVersion(version))
    }
}

/// Why bytes could not be encoded or decoded as a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodecError {
    /// Too short, or the length field does not match.
    Length,
    /// Wrong magic byte.
    NotARecord,
    /// A record of another kind.
    OtherKind(u16),
    /// Written by a newer version of the program.
    Newer(u16),
    /// A version that never existed.
    UnknownVersion(u16),
    /// The checksum does not match.
    Checksum,
    /// The payload does not match the struct.
    Payload(String),
    /// Larger than [`STORE_RECORD_BYTES`].
    TooLarge(usize),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Length => f.write_str("its length does not fit its envelope"),
            CodecError::NotARecord => f.write_str("it does not start like a record"),
            CodecError::OtherKind(kind) => write!(f, "it is a record of kind {kind}"),
            CodecError::Newer(version) => {
                write!(f, "it has version {version}, made by a newer version of tradingd")
            }
            CodecError::UnknownVersion(version) => write!(f, "it has version {version}, which never existed"),
            CodecError::Checksum => f.write_str("its checksum does not fit its bytes"),
            CodecError::Payload(what) => write!(f, "its content does not fit its kind ({what})"),
            CodecError::TooLarge(bytes) => {
                write!(f, "it has {bytes} bytes, at most {STORE_RECORD_BYTES} are kept")
            }
        }
    }
}

impl std::error::Error for CodecError {}

/// Encodes a record.
pub fn encode<T: Stored>(record: &T) -> Result<Vec<u8>, CodecError> {
    let payload = encode_payload(record)?;
    let mut out = Vec::with_capacity(HEAD_BYTES + payload.len() + CHECKSUM_BYTES);
    out.push(MAGIC);
    out.extend_from_slice(&T::KIND.to_le_bytes());
    out.extend_from_slice(&T::VERSION.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&payload);
    let checksum = crc32c::crc32c(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    Ok(out)
}

/// Encodes a value alone, without the envelope of a record.
pub fn encode_payload<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let payload = bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|e| CodecError::Payload(e.to_string()))?;
    if payload.len() > STORE_RECORD_BYTES {
        return Err(CodecError::TooLarge(payload.len()));
    }
    Ok(payload)
}

/// Decodes a record, upgrading older versions.
pub fn decode<T: Stored>(bytes: &[u8]) -> Result<T, CodecError> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(CodecError::Length)?;
    let &[magic, k0, k1, v0, v1, l0, l1, l2, l3, ref payload @ ..] = body else {
        return Err(CodecError::Length);
    };
    if magic != MAGIC {
        return Err(CodecError::NotARecord);
    }
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(CodecError::Checksum);
    }
    if payload.len() != u32::from_le_bytes([l0, l1, l2, l3]) as usize {
        return Err(CodecError::Length);
    }
    let kind = u16::from_le_bytes([k0, k1]);
    if kind != T::KIND {
        return Err(CodecError::OtherKind(kind));
    }
    match u16::from_le_bytes([v0, v1]) {
        version if version == T::VERSION => decode_payload(payload),
        version if version > T::VERSION => Err(CodecError::Newer(version)),
        version => T::from_older(version, payload),
    }
}

/// Whether the bytes start like a record of this kind; nothing else is checked.
pub fn is_kind<T: Stored>(bytes: &[u8]) -> bool {
    bytes.first() == Some(&MAGIC) && bytes.get(1..3) == Some(&T::KIND.to_le_bytes())
}

/// Decodes what [`encode_payload`] encoded; also the payload of one version for [`Stored::from_older`].
pub fn decode_payload<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
    let limited = bincode::config::standard().with_limit::<STORE_RECORD_BYTES>();
    let (record, used) = bincode::serde::decode_from_slice(payload, limited)
        .map_err(|error| CodecError::Payload(error.to_string()))?;
    if used == payload.len() {
        Ok(record)
    } else {
        Err(CodecError::Payload("bytes are left over".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Old {
        name: String,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Sample {
        name: String,
        counts: Vec<u64>,
    }

    impl Stored for Old {
        const KIND: u16 = 900;
        const VERSION: u16 = 1;
        const NAME: &'static str = "sample";
    }

    impl Stored for Sample {
        const KIND: u16 = 900;
        const VERSION: u16 = 2;
        const NAME: &'static str = "sample";

        fn from_older(version: u16, payload: &[u8]) -> Result<Self, CodecError> {
            match version {
                1 => decode_payload::<Old>(payload).map(|old| Sample { name: old.name, counts: Vec::new() }),
                other => Err(CodecError::UnknownVersion(other)),
            }
        }
    }

    fn sample() -> Sample {
        Sample { name: "x".to_owned(), counts: vec![1, 2, 3] }
    }

    #[test]
    fn older_versions_are_upgraded_and_newer_ones_refused() {
        let old = encode(&Old { name: "x".to_owned() }).unwrap();
        assert_eq!(decode::<Sample>(&old).unwrap(), Sample { name: "x".to_owned(), counts: Vec::new() });
        assert_eq!(decode::<Old>(&encode(&sample()).unwrap()).unwrap_err(), CodecError::Newer(2));
    }

    #[test]
    fn left_over_bytes_and_hostile_lengths_are_refused() {
        assert!(matches!(decode_payload::<Old>(&[1, b'x', 0]), Err(CodecError::Payload(_))));
        let huge = [253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(matches!(decode_payload::<Old>(&huge), Err(CodecError::Payload(_))));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_found(at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
            let mut bytes = encode(&sample()).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(decode::<Sample>(&bytes).is_err());
        }

        #[test]
        fn any_cut_is_found(at in any::<proptest::sample::Index>()) {
            let bytes = encode(&sample()).unwrap();
            prop_assert!(decode::<Sample>(&bytes[..at.index(bytes.len())]).is_err());
        }
    }
}
