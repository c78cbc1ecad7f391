//! The row "arbitrary bytes as a segment or control file": no panic, no over-read, bounded work. The bodies
//! are those of the fuzz targets (`tests/fuzz`), here over seeded bytes, so that every run of the tests has
//! some thousands of cases; what a fuzzer found stands below with its story.

use slipring_journal::__private::verify_on;
use slipring_journal::{JournalFault, OpenError, Status};
use slipring_tests::fuzzed::BODIES;
use slipring_tests::images::{folder, whole};
use slipring_tests::journals::{BLOCK_BYTES, mend_checksum, open, options, segment};
use slipring_tests::often::times;

/// Cases of each body, unless `SLIPRING_CASES` says how many.
const CASES: u64 = 1_000;

/// Bytes of one case: mostly short, since few edits get further than many; some all small numbers.
fn bytes(random: &mut fastrand::Rng) -> Vec<u8> {
    let length = if random.u8(0..4) == 0 { random.usize(0..4_100) } else { random.usize(8..260) };
    let most = if random.bool() { u8::MAX } else { 16 };
    let sparse = random.u8(0..3) == 0;
    let byte = |random: &mut fastrand::Rng| match sparse && random.u8(0..8) > 0 {
        true => 0,
        false => random.u8(0..=most),
    };
    (0..length).map(|_| byte(random)).collect()
}

#[test]
fn row_arbitrary_bytes_as_a_segment_or_control_file() {
    let cases = times("SLIPRING_CASES", CASES);
    let mut failed = Vec::new();
    for (name, body) in BODIES {
        for seed in 0..cases {
            let bytes = bytes(&mut fastrand::Rng::with_seed(seed));
            if std::panic::catch_unwind(|| body(&bytes)).is_err() {
                failed.push(format!("{name}, seed {seed}: {bytes:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of them, the first: {}", failed.len(), failed[0]);
}

/// Gives every block of a file the checksum that its bytes call for, after `change` of each.
fn change_blocks(file: &mut [u8], change: impl Fn(&mut [u8])) {
    for block in file[..2 * BLOCK_BYTES].chunks_exact_mut(BLOCK_BYTES) {
        change(block);
        mend_checksum(block);
    }
}

/// A header that is whole and claims records of nearly 4 GiB: whoever walked the slots filled a buffer of
/// that size. There is a largest record now, and a header that claims more is damaged.
#[test]
fn a_header_that_claims_records_of_4_gib_is_bad() {
    let mut files = whole();
    change_blocks(files.get_mut(&segment(0)).unwrap(), |block| {
        block[48..52].copy_from_slice(&(u32::MAX - 7).to_le_bytes());
    });
    let storage = folder(files, true);
    assert_eq!(verify_on(storage.clone(), |_, _| {}).unwrap().status, Status::Corrupt);
    let fault = open(&options(6), &storage).expect_err("no record is that large");
    assert!(matches!(fault, OpenError::Journal(JournalFault::BadHeader { .. })), "{fault}");
}

/// A control file whose generation is the last that there is: the next update overflowed, and in a release
/// build would have written a slot that is older than the other. No journal gets there by counting.
#[test]
fn a_control_generation_that_can_not_be_counted_up_is_bad() {
    let mut files = whole();
    let control = files.get_mut("control").unwrap();
    let last = [u64::MAX - 1, u64::MAX];
    for (slot, generation) in last.into_iter().enumerate() {
        let block = &mut control[slot * BLOCK_BYTES..][..BLOCK_BYTES];
        block[32..40].copy_from_slice(&generation.to_le_bytes());
        mend_checksum(block);
    }
    let fault = open(&options(6), &folder(files, true)).expect_err("nobody counts that far");
    assert!(matches!(fault, OpenError::Journal(JournalFault::BadControl { .. })), "{fault}");
}
