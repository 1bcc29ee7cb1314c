//! Encodes one column of integers: frame of reference or delta, low bytes in planes, rare wide values as
//! exceptions. zstd compresses the planes afterwards. The meaning of a column is not known here.
//!
//! Layout: `mode u8 | width u8 | base varint | least varint | exceptions varint | width × rows bytes |
//! exceptions`. `mode` 0: value = base + residual; 1: value = previous + least + residual; 2: value =
//! previous + unzigzag(residual). `base` is the smallest value in mode 0 and the first row's `previous` in
//! modes 1 and 2. An exception is `distance varint | high varint`: the residual at that row (distance from
//! the previous exception's row) has `high` above its `width` low bytes. All arithmetic wraps, so every i64
//! round-trips and damaged bytes cannot cause a panic.

use super::BlockError;

/// Longest encoding of one value: 8 planes, or no plane and one exception of two varints.
pub const MAX_BYTES_PER_VALUE: usize = 20;
/// Longest encoding of a column's header.
pub const MAX_HEAD_BYTES: usize = 2 + 3 * 10;

const VALUE: u8 = 0;
const RISING: u8 = 1;
const SIGNED: u8 = 2;

/// How the values of a column are related.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Close to the previous value: times, prices, ids.
    Walk,
    /// Unrelated: quantities.
    Loose,
}

/// Appends a column. `residuals` is a scratch buffer.
pub fn write(values: &[i64], shape: Shape, residuals: &mut Vec<u64>, out: &mut Vec<u8>) {
    let (mode, base, least) = reduce(values, shape, residuals);
    let width = best_width(residuals);
    let limit = low_mask(width);
    let exceptions = residuals.iter().filter(|r| **r > limit).count();
    out.extend_from_slice(&[mode, width as u8]);
    write_varint(out, zigzag(base));
    write_varint(out, least);
    write_varint(out, exceptions as u64);
    for plane in 0..width {
        out.extend(residuals.iter().map(|r| (r >> (8 * plane)) as u8));
    }
    let mut last = 0;
    for (at, residual) in residuals.iter().enumerate().filter(|(_, r)| **r > limit) {
        write_varint(out, (at - last) as u64);
        write_varint(out, residual >> (8 * width));
        last = at;
    }
}

/// Takes a column of `rows` values from the front of `input` into `out`.
pub fn read(input: &mut &[u8], rows: usize, out: &mut Vec<i64>) -> Result<(), BlockError> {
    let mode = read_byte(input)?;
    let width = usize::from(read_byte(input)?);
    let base = unzigzag(read_varint(input)?);
    let least = read_varint(input)? as i64;
    let exceptions = read_varint(input)?;
    if width > 8 {
        return Err(BlockError::Payload("a column is wider than eight bytes"));
    }
    widen(take(input, width * rows)?, width, rows, out);
    let mut at = 0_usize;
    for _ in 0..exceptions {
        at = at.saturating_add(read_varint(input)? as usize);
        let high = read_varint(input)?;
        let slot = out.get_mut(at).ok_or(BlockError::Payload("a wide value lies outside its column"))?;
        *slot |= high.checked_shl(8 * width as u32).unwrap_or(0) as i64;
    }
    restore(mode, base, least, out)
}

/// Appends bits: `0` when all are clear, `1` when all are set, else `2` and one bit per row, lowest first.
pub fn write_bits(bits: &[i64], out: &mut Vec<u8>) {
    let set = bits.iter().filter(|bit| **bit != 0).count();
    if set == 0 || set == bits.len() {
        out.push(u8::from(set != 0));
        return;
    }
    out.push(2);
    out.extend(bits.chunks(8).map(|chunk| {
        chunk.iter().enumerate().fold(0_u8, |byte, (i, bit)| byte | (u8::from(*bit != 0) << i))
    }));
}

/// Takes bits from the front of `input` into `out`, one byte of 0 or 1 per row.
pub fn read_bits(input: &mut &[u8], rows: usize, out: &mut Vec<u8>) -> Result<(), BlockError> {
    out.clear();
    match read_byte(input)? {
        all @ (0 | 1) => out.resize(rows, all),
        2 => {
            let packed = take(input, rows.div_ceil(8))?;
            out.resize(packed.len() * 8, 0);
            for (slots, byte) in out.as_chunks_mut::<8>().0.iter_mut().zip(packed) {
                for (i, slot) in slots.iter_mut().enumerate() {
                    *slot = (byte >> i) & 1;
                }
            }
            out.truncate(rows);
        }
        _ => return Err(BlockError::Payload("a bit column has an unknown form")),
    }
    Ok(())
}

/// Zigzag encoding: signed to unsigned, small magnitudes first (Protocol Buffers, "signed integers").
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends a number as varint: seven bits per byte, lowest first.
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a varint from the front of `input`.
pub fn read_varint(input: &mut &[u8]) -> Result<u64, BlockError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(input)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(BlockError::Payload("a number does not end"))
}

fn read_byte(input: &mut &[u8]) -> Result<u8, BlockError> {
    Ok(take(input, 1)?[0])
}

/// Takes `count` bytes from the front of `input`.
pub fn take<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8], BlockError> {
    let (front, rest) = input.split_at_checked(count).ok_or(BlockError::Payload("a column ends early"))?;
    *input = rest;
    Ok(front)
}

fn low_mask(width: usize) -> u64 {
    if width >= 8 { u64::MAX } else { (1 << (8 * width)) - 1 }
}

/// Computes the residuals; returns mode, base and smallest step.
fn reduce(values: &[i64], shape: Shape, residuals: &mut Vec<u64>) -> (u8, i64, u64) {
    residuals.clear();
    let first = values.first().copied().unwrap_or(0);
    if shape == Shape::Loose {
        let base = values.iter().copied().min().unwrap_or(0);
        residuals.extend(values.iter().map(|value| value.wrapping_sub(base) as u64));
        return (VALUE, base, 0);
    }
    let steps = || values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let least = steps().min().unwrap_or(0);
    // The first row has no step; a residual of 0 is the cheapest stand-in.
    if least >= 0 {
        residuals.extend(values.first().map(|_| 0));
        residuals.extend(steps().map(|step| (step - least) as u64));
        (RISING, first.wrapping_sub(least), least as u64)
    } else {
        residuals.extend(values.first().map(|_| 0));
        residuals.extend(steps().map(zigzag));
        (SIGNED, first, 0)
    }
}

/// The width that makes planes plus exceptions smallest.
fn best_width(residuals: &[u64]) -> usize {
    // Four counters, because equal neighbours would serialise on one.
    let mut lanes = [[0_u32; 65]; 4];
    for residuals in residuals.chunks(4) {
        for (lane, residual) in lanes.iter_mut().zip(residuals) {
            lane[64 - residual.leading_zeros() as usize] += 1;
        }
    }
    let by_bits: [usize; 65] = std::array::from_fn(|bits| lanes.iter().map(|lane| lane[bits] as usize).sum());
    let cost = |width: usize| -> usize {
        let wide: usize =
            (8 * width + 1..=64).map(|bits| by_bits[bits] * (2 + (bits - 8 * width).div_ceil(7))).sum();
        width * residuals.len() + wide
    };
    (0..=8).min_by_key(|width| cost(*width)).unwrap_or(8)
}

/// Reads planes into residuals.
fn widen(planes: &[u8], width: usize, rows: usize, out: &mut Vec<i64>) {
    out.clear();
    if width == 0 {
        out.resize(rows, 0);
        return;
    }
    let (low, high) = planes.split_at(rows);
    out.extend(low.iter().map(|byte| i64::from(*byte)));
    for (plane, bytes) in high.chunks_exact(rows.max(1)).enumerate() {
        let shift = 8 * (plane + 1);
        for (slot, byte) in out.iter_mut().zip(bytes) {
            *slot |= i64::from(*byte) << shift;
        }
    }
}

/// Turns residuals into values, in place.
fn restore(mode: u8, base: i64, least: i64, out: &mut [i64]) -> Result<(), BlockError> {
    let mut value = base;
    match mode {
        VALUE => out.iter_mut().for_each(|slot| *slot = slot.wrapping_add(base)),
        RISING => {
            for slot in out {
                value = value.wrapping_add(slot.wrapping_add(least));
                *slot = value;
            }
        }
        SIGNED => {
            for slot in out {
                value = value.wrapping_add(unzigzag(*slot as u64));
                *slot = value;
            }
        }
        _ => return Err(BlockError::Payload("a column has an unknown mode")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[i64], shape: Shape) -> usize {
        let mut bytes = Vec::new();
        write(values, shape, &mut Vec::new(), &mut bytes);
        assert!(bytes.len() <= MAX_HEAD_BYTES + values.len() * MAX_BYTES_PER_VALUE);
        let mut input = bytes.as_slice();
        let mut back = Vec::new();
        read(&mut input, values.len(), &mut back).unwrap();
        assert!(input.is_empty());
        assert_eq!(back, values);
        bytes.len()
    }

    #[test]
    fn a_steady_walk_costs_no_bytes_per_row() {
        let ids: Vec<i64> = (0..4_096).map(|i| 5_266_583_935 + i).collect();
        assert!(round_trip(&ids, Shape::Walk) < 16);
    }

    #[test]
    fn rare_wide_values_do_not_widen_the_column() {
        let mut values = vec![3_i64; 4_096];
        values[17] = i64::MAX;
        values[4_000] = i64::MIN;
        assert!(round_trip(&values[..100], Shape::Loose) < 150);
        round_trip(&values, Shape::Walk);
    }

    proptest! {
        #[test]
        fn every_number_survives(
            near in proptest::collection::vec(-300_i64..300, 0..200),
            far in proptest::collection::vec(any::<i64>(), 0..50),
        ) {
            let mixed: Vec<i64> = near.iter().chain(&far).copied().collect();
            for values in [&near, &far, &mixed] {
                round_trip(values, Shape::Walk);
                round_trip(values, Shape::Loose);
            }
        }

        #[test]
        fn bits_survive(bits in proptest::collection::vec(0_i64..2, 0..100)) {
            let mut bytes = Vec::new();
            write_bits(&bits, &mut bytes);
            let mut back = Vec::new();
            read_bits(&mut bytes.as_slice(), bits.len(), &mut back).unwrap();
            prop_assert_eq!(back.into_iter().map(i64::from).collect::<Vec<_>>(), bits);
        }

        #[test]
        fn damaged_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), rows in 0_usize..64) {
            let mut out = Vec::new();
            let _ = read(&mut bytes.as_slice(), rows, &mut out);
            let _ = read_bits(&mut bytes.as_slice(), rows, &mut Vec::new());
        }
    }
}
