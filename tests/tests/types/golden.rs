//! The golden journals, of each format and of version 1 of their event, in all that came later: read by
//! name, replayed into a stage that tries again, gone on with by a publisher that drops doubles, and shown,
//! exported, followed and migrated from the shell, as a newer type.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use slipring::{
    BackOff, Context, DeadLetters, Doubles, Engine, Event, Gate, HandlerError, Journal, Lane, OnError,
    Published, ReplayFrom, Stage,
};
use slipring_journal::{Chunk, Kind, ReaderStart};
use slipring_tests::folders::in_memory;
use slipring_tests::types::golden;

/// Its price has another name, its size is wider, its fee is new; of which side it is, it says no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Side {
    #[event(was = "price")]
    px: i64,
    size: u64,
    #[event(since = 2, default = 4)]
    fee: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[event(version = 2, was = "Trade")]
#[repr(C)]
struct Deal {
    #[event(id)]
    id: u64,
    #[event(was = "legs")]
    sides: [Side; 2],
    #[event(text)]
    venue: [u8; 16],
}

/// The same in a file, for the shell, and its number wider.
const DEAL: &str = r#"
name = "Deal"
version = 3
was = "Trade"
[fields]
id = "u128"
venue = { type = "text", length = 16 }
[fields.sides]
was = "legs"
count = 2
[fields.sides.fields]
px = { type = "i64", was = "price" }
size = "u64"
fee = { type = "u64", since = 2, default = 4 }
"#;

/// Records of the golden journals, and those behind them.
const GOLDEN_END: u64 = 20;
const END: u64 = 24;

/// What record `id` is to be seen as.
fn deal(id: u64) -> Deal {
    let side = |number: i64| Side { px: number * 100 - 50, size: id * 3, fee: 4 };
    let mut venue = [0; 16];
    venue[..8].copy_from_slice(b"XNASDAQ ");
    Deal { id, sides: [side(id as i64), side(-(id as i64))], venue }
}

fn is_void(id: u64) -> bool {
    id < GOLDEN_END && id % 10 == 7
}

/// Where a chunk ends, all of it looked at.
fn check(chunk: &Chunk<'_, Deal>) -> u64 {
    for (id, record) in (chunk.first_sequence..).zip(chunk.records) {
        assert_eq!(record.kind() == Kind::Void, is_void(id), "{id}");
        assert!(is_void(id) || *record.event() == deal(id), "{id}: {record:?}");
    }
    chunk.first_sequence + chunk.records.len() as u64
}

/// A reader that works from `from` to `end`.
fn read(journal: &Journal, name: &str, from: u64, end: u64) {
    let mut reader = journal.named_reader::<Deal>(name).unwrap();
    assert_eq!(reader.position(), from, "{name}");
    let mut at = from;
    while at < end {
        at = check(&reader.next_chunk().unwrap().expect("there is more"));
    }
    reader.commit(end).unwrap();
    assert_eq!(reader.close().unwrap(), end);
}

fn share(journal: &Journal) {
    let mut readers = [(); 2].map(|()| journal.shared_reader::<Deal>("shared").unwrap());
    let mut done = 0;
    while done < END {
        for reader in &mut readers {
            let Some(range) = reader.claim(5).unwrap() else { continue };
            let mut at = range.start;
            while let Some(chunk) = reader.next_chunk().unwrap() {
                at = check(&chunk);
            }
            assert_eq!(at, range.end);
            reader.commit(range.end).unwrap();
            done += range.end - range.start;
        }
    }
    assert_eq!((done, readers[0].position().unwrap()), (END, END));
}

/// A life of an engine whose stage refuses some events: what it was asked, and how often.
fn live(journal: &Journal, first: u64) -> BTreeMap<u64, u32> {
    let asked: Arc<Mutex<BTreeMap<u64, u32>>> = Arc::default();
    let asks = Arc::clone(&asked);
    let book = move |event: &Deal, context: &Context| -> Result<(), HandlerError> {
        assert_eq!(*event, deal(context.sequence()));
        *asks.lock().unwrap().entry(event.id).or_default() += 1;
        if event.id % 10 == 3 { Err("a three".into()) } else { Ok(()) }
    };
    let stage = Stage::new("book", book, Gate::JOURNALLED).on_error(OnError::retry(1, BackOff::none()));
    let builder = Engine::builder().journal(journal.clone()).lane(Lane::named("main").journal().with(stage));
    let mut recovered = builder.open().unwrap();
    assert_eq!(recovered.end_sequence(), first);
    recovered.replay(ReplayFrom::Start).unwrap();
    let (engine, mut publisher) = recovered.go_live_without_doubles(Doubles::by_id(64)).unwrap();
    for id in (0..END).filter(|id| !is_void(*id)) {
        let published = publisher.publish_at(2_000 + id, deal(id)).unwrap();
        let wanted =
            if id < first { Published::Double { sequence: id } } else { Published::New { sequence: id } };
        assert_eq!(published, wanted);
    }
    engine.join().unwrap();
    asked.lock().unwrap().clone()
}

fn slipring(folder: &Path, line: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-under-test"));
    let output = command.current_dir(folder).args(line.split(' ')).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{line}: {err}");
    out
}

fn rows(ids: impl Iterator<Item = u64>) -> String {
    let row = |id| format!("{id},{},4,XNASDAQ \n", id as i64 * -100 - 50);
    ids.filter(|id| !is_void(*id)).map(row).collect()
}

const SHOWN: &str = "--format csv --fields id,sides[1].px,sides[0].fee,venue";
const HEAD: &str = "id,sides[1].px,sides[0].fee,venue\n";

#[test]
fn golden_files_open_in_all_that_came_later() {
    for version in 1..=slipring_journal::VERSION {
        let place = in_memory();
        let (folder, path) = (place.path(), place.path().join("j"));
        std::fs::create_dir(&path).unwrap();
        for (name, bytes) in golden(version) {
            std::fs::write(path.join(name), bytes).unwrap();
        }
        std::fs::write(folder.join("deal.toml"), DEAL).unwrap();
        let journal = Journal::at(&path).segment_records(8);
        slipring(folder, "migrate j k --schema deal.toml");
        assert_eq!(slipring(folder, &format!("replay k {SHOWN}")), HEAD.to_owned() + &rows(0..GOLDEN_END));
        read(&journal, "named", 0, 11);
        assert_eq!(journal.set_reader("timed", ReaderStart::Time(1_010)).unwrap(), 10);
        let mut asked = live(&journal, GOLDEN_END);
        for id in 0..END {
            let times = if is_void(id) { 0 } else { 1 + u32::from(id % 10 == 3) };
            assert_eq!(asked.remove(&id).unwrap_or(0), times, "{id}");
        }
        // Replay asks of what was refused no more.
        assert!(live(&journal, END).keys().all(|id| id % 10 != 3));
        let letters = DeadLetters::of(&path).unwrap();
        let letters = letters.all().iter().map(|letter| (letter.sequence, letter.tries));
        assert_eq!(letters.collect::<Vec<_>>(), [(3, 2), (13, 2), (23, 2)]);
        read(&journal, "named", 11, END);
        read(&journal, "timed", 10, END);
        share(&journal);
        let all = HEAD.to_owned() + &rows(0..END);
        assert_eq!(slipring(folder, &format!("replay j {SHOWN}")), all);
        slipring(folder, &format!("export j --output j.csv {SHOWN}"));
        assert_eq!(std::fs::read_to_string(folder.join("j.csv")).unwrap(), all);
        slipring(folder, "readers j set shell --to-sequence 18");
        let followed = slipring(folder, &format!("follow j --reader shell --limit 5 {SHOWN}"));
        assert_eq!(followed, HEAD.to_owned() + &rows(18..23));
    }
}
