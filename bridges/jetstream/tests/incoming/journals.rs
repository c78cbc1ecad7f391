//! Journals to publish, and what of them is in a replica.

use std::ops::ControlFlow;
use std::path::Path;

use slipring_jetstream::incoming::{Came, Here, InError, Incoming, IntoReplica};
use slipring_journal::{Event, Journal, Kind, RawReader};

/// What the journals hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub(crate) struct Tick {
    pub(crate) price: u64,
    pub(crate) symbol: [u8; 8],
}

/// The event of that number.
pub(crate) fn tick(n: u64) -> Tick {
    Tick { price: n.wrapping_mul(0x9e37_79b9_7f4a_7c15), symbol: n.to_be_bytes() }
}

/// Journal time of that number: some share one.
pub(crate) fn time_ns(n: u64) -> u64 {
    1_700_000_000_000_000_000 + n / 3 * 1_000
}

/// Appends so many records, in a life of its own.
pub(crate) fn append(journal: &Journal, count: u64) {
    let (mut writer, report) = journal.open::<Tick>().unwrap();
    for n in report.end_sequence..report.end_sequence + count {
        writer.append(time_ns(n), &tick(n)).unwrap();
    }
    writer.close().unwrap();
}

type Whole = (u64, u64, u32, Kind, u32, Vec<u8>);

fn records(reader: &mut RawReader, range: std::ops::Range<u64>) -> Vec<Whole> {
    let mut all = Vec::new();
    let each = |record: slipring_journal::RawRecord<'_>| {
        let event = record.event.to_vec();
        all.push((record.sequence, record.time_ns, record.epoch, record.kind, record.crc, event));
        ControlFlow::Continue(())
    };
    reader.for_each(range, each).unwrap();
    all
}

/// Asserts that the replica holds what the primary holds from `first` on, byte for byte.
pub(crate) fn assert_equal(primary: &Path, replica: &Path, first: u64) {
    let mut readers = [primary, replica].map(|path| Journal::at(path).raw_reader().unwrap());
    let [of_primary, of_replica] = &mut readers;
    assert_eq!(of_primary.journal_id(), of_replica.journal_id());
    assert_eq!(of_replica.first_sequence(), first);
    assert_eq!(of_primary.end_sequence(), of_replica.end_sequence());
    let end = of_primary.end_sequence();
    for at in (first..end).step_by(1 << 16) {
        let range = at..end.min(at + (1 << 16));
        assert!(records(of_primary, range.clone()) == records(of_replica, range), "from {at} on");
    }
}

/// Takes all into the replica, until it ends at `end`; how often there was trouble.
pub(crate) async fn take_until(
    incoming: &mut Incoming,
    replica: &mut IntoReplica,
    end: u64,
) -> Result<u64, InError> {
    take_while(incoming, replica, |here| here < end).await
}

/// Takes all into the replica, as long as that is true of its end; how often there was trouble.
pub(crate) async fn take_while(
    incoming: &mut Incoming,
    replica: &mut IntoReplica,
    goes_on: impl Fn(u64) -> bool,
) -> Result<u64, InError> {
    let mut trouble = 0;
    while goes_on(replica.here().map_or(0, |here: Here| here.end)) {
        match incoming.next().await? {
            Came::Run(run) => {
                replica.take(&run).unwrap();
            }
            Came::Trouble(error) => {
                trouble += 1;
                eprintln!("{error}");
            }
            Came::Epoch(_) | Came::Nothing => {}
        }
    }
    Ok(trouble)
}
