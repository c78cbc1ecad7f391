//! A journal that was overtaken gives up what it has beyond the fork, by name and listed, and is a replica.

use slipring_journal::{
    Journal, JournalId, NamedReaderError, OpenError, ReadError, ReaderStart, RejoinError, Status, verify,
};

use crate::primary::{Run, Step, each, event, live, options, origin, schema, stored};
use slipring_tests::folders::in_memory;

/// An old primary with records of all types, far beyond the fork, and a replica promoted at it.
struct Fork {
    folder: tempfile::TempDir,
    old: Journal,
    new: Journal,
    at: u64,
}

fn fork(at: u64, segment_records: u64) -> Fork {
    let folder = in_memory();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let old = options(&one, segment_records);
    let life = [
        Step::Append(30, 5),
        Step::NextLife { dies: true },
        Step::NextType,
        Step::Append(20, 5),
        Step::NextType,
        Step::Append(10, 5),
    ];
    assert_eq!(live(&old, &life), 60);
    let new = options(&other, 9);
    let (mut copied, mut version) = (None, 0);
    for run in stored(&one).into_iter().filter(|run| run.first < at) {
        version += 1;
        let mut replica = match copied.take() {
            None => new.replica(&run.schema, &origin(&one)).unwrap().0,
            Some(replica) => slipring_journal::Replica::next_type(replica, &run.schema).unwrap(),
        };
        replica.take(run.first, run.before(run.first), run.part(run.first..run.end().min(at))).unwrap();
        copied = Some(replica);
    }
    copied.unwrap().close().unwrap();
    let (mut writer, _) = new.clone().promote(1_024).open_raw(&schema(version)).unwrap();
    for number in at..at + 15 {
        writer.append(1_000_000 + number, &event(version, !number)).unwrap();
    }
    writer.close().unwrap();
    Fork { folder, old, new, at }
}

/// Brings the old one back: what is set aside is what lay there, and then it has what the new one has.
fn rejoins(fork: &Fork) {
    let before = stored(&fork.folder.path().join("one"));
    let anchor = fork.new.raw_reader().unwrap().anchor(fork.at - 1).unwrap();
    let report = fork.old.rejoin(anchor).unwrap();
    assert_eq!((report.end_sequence, report.records(), report.resumed), (fork.at, 60 - fork.at, false));
    let mut saved = Vec::new();
    let mut next = fork.at;
    for part in &report.set_aside {
        assert_eq!(part.first, next, "{report}");
        next = part.end;
        saved.extend(std::fs::read(&part.path).unwrap());
    }
    let wanted: Vec<u8> = each(&before, fork.at).iter().flat_map(|(.., bytes)| *bytes).copied().collect();
    assert!(saved == wanted, "what is set aside is not what lay there");
    let info = slipring_journal::inspect(fork.old.path()).unwrap();
    assert!(info.replica && info.closed && info.warnings.is_empty(), "{info:?}");
    assert_eq!(info.end_sequence, fork.at);
    // Again: nothing is left to cut.
    assert_eq!(fork.old.rejoin(anchor).unwrap().records(), 0);
    let opened = fork.old.open_raw(&schema(3)).err().unwrap();
    assert!(matches!(opened, OpenError::Replica { .. }), "{opened}");
    let origin = origin(fork.new.path());
    for run in stored(fork.new.path()).iter().filter(|run| run.end() > fork.at) {
        let (mut replica, report) = fork.old.replica(&run.schema, &origin).unwrap();
        assert_eq!(report.truncated_at, None, "{report}");
        let at = replica.end_sequence();
        replica.take(at, run.before(at), run.part(at..run.end())).unwrap();
        replica.close().unwrap();
    }
    let (own, new) = (stored(fork.old.path()), stored(fork.new.path()));
    assert_eq!(each(&own, 0), each(&new, 0));
    assert_eq!(verify(fork.old.path(), |_, _| {}).unwrap().status, Status::Fine);
}

#[test]
fn a_journal_that_was_overtaken_rejoins_wherever_the_histories_part() {
    for at in [1, 7, 8, 29, 30, 31, 40, 49, 50, 51, 55, 59, 60] {
        rejoins(&fork(at, 8));
    }
    rejoins(&fork(13, 100));
}

#[test]
fn an_anchor_that_the_journal_does_not_confirm_is_refused_and_nothing_is_changed() {
    let fork = fork(20, 8);
    let (old, new, at) = (&fork.old, &fork.new, fork.at);
    let files = || {
        let folder = std::fs::read_dir(old.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = folder.filter(|path| path.is_file()).collect();
        files.sort();
        files.into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = files();
    let right = new.raw_reader().unwrap().anchor(at - 1).unwrap();
    let beyond = new.raw_reader().unwrap().anchor(at + 3).unwrap();
    let mut wrong = vec![beyond];
    wrong.extend([0, at - 2, at, 59, 60, 1 << 40, u64::MAX].map(|sequence| {
        let mut anchor = right;
        anchor.sequence = sequence;
        anchor
    }));
    for change in [0, 1, 2] {
        let mut anchor = right;
        match change {
            0 => anchor.journal_id = JournalId([1; 16]),
            1 => anchor.epoch += 1,
            _ => anchor.crc ^= 1,
        }
        wrong.push(anchor);
    }
    for anchor in wrong {
        match old.rejoin(anchor) {
            Err(RejoinError::NotConfirmed { fork, .. }) => assert_eq!(fork, anchor),
            other => panic!("{anchor}: {other:?}"),
        }
    }
    assert!(files() == before, "a refusal changed something");
    let (writer, _) = old.open_raw(&schema(3)).unwrap();
    let held = old.rejoin(right);
    assert!(matches!(held, Err(RejoinError::Open(OpenError::Locked { .. }))), "{held:?}");
    writer.close().unwrap();
}

/// A named reader, a follower and a saved position beyond the fork: none of them reads on as if nothing had
/// happened.
#[test]
fn positions_beyond_the_fork_are_refused() {
    let fork = fork(20, 8);
    let Fork { old, new, at, .. } = &fork;
    for (name, sequence) in [("before", 10), ("there", *at), ("beyond", 35)] {
        old.set_reader(name, ReaderStart::Sequence(sequence)).unwrap();
    }
    let mut reader = old.raw_reader().unwrap();
    let saved = [reader.anchor(9).unwrap(), reader.anchor(35).unwrap()];
    let mut follower = old.follow_raw(0).unwrap();
    while follower.next_chunk().unwrap().is_some() {}
    old.rejoin(new.raw_reader().unwrap().anchor(at - 1).unwrap()).unwrap();
    let refused = old.resume_raw(saved[1]).err().unwrap();
    assert!(matches!(refused, ReadError::HistoryChanged { .. }), "{refused}");
    let refused = |name: &str| {
        let mut named = old.named_reader_raw(name).unwrap();
        named.next_chunk().map(drop).err()
    };
    assert!(matches!(refused("beyond"), Some(NamedReaderError::HistoryChanged { .. })));
    // And once the log has grown past them.
    let runs: Vec<Run> = stored(new.path());
    let (mut replica, _) = old.replica(&runs[0].schema, &origin(new.path())).unwrap();
    replica.take(*at, runs[0].before(*at), runs[0].part(*at..runs[0].end())).unwrap();
    replica.close().unwrap();
    let grown = old.open_raw(&schema(1)).err().unwrap();
    assert!(matches!(grown, OpenError::Replica { epoch: 1_024, .. }), "{grown}");
    old.resume_raw(saved[0]).unwrap();
    assert!(matches!(refused("beyond"), Some(NamedReaderError::HistoryChanged { .. })));
    assert!(refused("before").is_none() && refused("there").is_none());
    let refused = loop {
        match follower.next_chunk() {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(refused.is_none_or(|error| matches!(error, ReadError::HistoryChanged { .. })));
}
