//! The process that fault tests kill, starve and step through: it uses a journal as a program would, and says
//! on its standard output how far it is. Not a tool; its arguments are the tests' business.

mod engine;
mod many;
mod types;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::Duration;

use slipring_journal::__private::storage::{Files, Storage};
use slipring_journal::{AppendError, Event, Journal, Origin, Stall, SyncError, SyncMode, TakeError, Writer};
use slipring_tests::journals::{Note, append_batch, time};
use slipring_tests::lives::{Message, note_of_round};
use slipring_tests::rebooted::Rebooted;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |index: usize| arguments.get(index).map_or("", String::as_str);
    let number = |index: usize| text(index).parse::<u64>().unwrap_or_else(|_| panic!("{arguments:?}"));
    match text(0) {
        // On a machine that was started anew, if the test says so.
        "append" if arguments.len() > 5 => {
            append(&Rebooted::new(text(1), number(5)), number(2), number(3), number(4), number(6));
        }
        "append" => append(&Files::new(text(1)), number(2), number(3), number(4), 50),
        "types" => types::grow(text(1), number(2) as u32, number(3)),
        "hold" => hold(text(1)),
        "open-as" => open_as(text(1), number(2) as u32),
        "few-handles" => few_handles(text(1), number(2)),
        "tiny-segments" => tiny_segments(text(1), number(2)),
        "many-segments" => many::all(text(1), number(2)),
        "little-memory" => little_memory(text(1), number(2)),
        "live" => live(&Journal::at(text(1)).segment_records(16), number(2)),
        "fill" => fill(text(1), number(2)),
        "interrupted" => interrupted(text(1)),
        "fork" => fork(text(1)),
        "fork-replica" => fork_replica(text(1)),
        "fork-engine" => engine::fork(text(1)),
        "refusals" => engine::refusals(text(1)),
        "step" => step(text(1), number(2)),
        other => panic!("no mode {other:?}"),
    }
}

fn send(message: Message) {
    // Straight into the pipe: what is in a buffer would die with this process.
    let bytes = message.to_bytes();
    let written = rustix::io::write(std::io::stdout(), &bytes);
    assert_eq!(written, Ok(bytes.len()), "the test has gone");
}

/// Appends until it is killed, and acknowledges what it sees journalled and, so often, durable.
fn append<S: Storage>(storage: &S, round: u64, segment_records: u64, mode: u64, wait_every: u64) {
    let sync = [SyncMode::None, SyncMode::EveryBatch, SyncMode::every(Duration::from_micros(300))]
        [mode as usize % 3];
    let journal = Journal::at(storage.path("")).segment_records(segment_records).sync(sync);
    let (mut writer, _) = journal.open_on::<Note, S>(storage, true).unwrap();
    let cursors = writer.cursors();
    send(Message::Opened(writer.end_sequence()));
    for count in 1..8 * wait_every {
        let id = writer.end_sequence();
        // One by one, and in batches as the engine does; then a record counts before the batch is published.
        if count % 16 < 8 {
            writer.append(time(id), &note_of_round(id, round)).unwrap();
            send(Message::Journalled(id + 1));
        } else if count % 16 == 15 {
            let note = |id| note_of_round(id, round);
            append_batch(&mut writer, id..id + 8, note, |id| send(Message::Journalled(id + 1)));
        } else {
            continue;
        }
        let id = writer.end_sequence() - 1;
        if count % 8 == 7 {
            writer.end_batch();
        }
        if count % wait_every == 0 {
            cursors.wait_durable(id, Duration::from_secs(60)).unwrap();
            send(Message::Durable(id + 1));
        }
    }
    if round % 2 == 0 {
        // Killed while it closes.
        writer.close().unwrap();
        send(Message::Durable(cursors.durable_end()));
    }
    std::thread::sleep(Duration::from_secs(60));
}

/// Holds the journal open until its standard input ends.
fn hold(folder: &str) {
    let (writer, _) = Journal::at(folder).open::<Note>().unwrap();
    println!("open");
    let _ = std::io::stdin().read_line(&mut String::new());
    writer.close().unwrap();
}

/// Opens for writing and for reading as another user, and says what came of it.
fn open_as(folder: &str, user: u32) {
    // SAFETY: plain system calls on this process, which has one thread.
    let dropped = unsafe {
        libc::setgroups(0, std::ptr::null()) == 0
            && libc::setresgid(user, user, user) == 0
            && libc::setresuid(user, user, user) == 0
    };
    assert!(dropped, "only root can become another user");
    let journal = Journal::at(folder);
    match journal.open::<Note>() {
        Ok((writer, _)) => println!("write: {}", writer.end_sequence()),
        Err(error) => println!("write: {error}"),
    }
    match journal.reader::<Note>() {
        Ok(reader) => println!("read: {}", reader.end_sequence()),
        Err(error) => println!("read: {error}"),
    }
}

/// One life over several rolls, with waits for durability: says what it sees acknowledged, and the error that
/// ended it.
fn live(journal: &Journal, records: u64) {
    let mut writer = match journal.open::<Note>() {
        Ok((writer, _)) => writer,
        Err(error) => return println!("open: {error}"),
    };
    let cursors = writer.cursors();
    let first = writer.end_sequence();
    for id in first..first + records {
        if let Err(error) = writer.append(time(id), &note_of_round(id, 0)) {
            return println!("append {id}: {error}");
        }
        if id % (records / 4) == 7 {
            match cursors.wait_durable(id, Duration::from_secs(600)) {
                Ok(()) => println!("durable {}", id + 1),
                Err(error) => return println!("durable: {error}"),
            }
        }
    }
    match writer.close() {
        Ok(end) => println!("closed {end}"),
        Err(error) => println!("close: {error}"),
    }
}

/// Sets a limit on what this process may have.
fn limit(resource: libc::__rlimit_resource_t, most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the struct lives through the call.
    assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
}

/// Lives with few file handles.
fn few_handles(folder: &str, most: u64) {
    limit(libc::RLIMIT_NOFILE, most);
    live(&Journal::at(folder).segment_records(64), 200);
}

/// Appends with a segment to each record, faster than they become durable.
fn tiny_segments(folder: &str, most: u64) {
    limit(libc::RLIMIT_NOFILE, most);
    live(&Journal::at(folder).segment_records(1).sync(SyncMode::every(Duration::from_secs(3600))), 500);
}

/// Lives with little room for maps, of segments of 16 MiB.
fn little_memory(folder: &str, mebibytes: u64) {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
    limit(libc::RLIMIT_AS, pages * 4096 + (mebibytes << 20));
    live(&Journal::at(folder).segment_records(1 << 18).reserve_bytes(1 << 20), 600_000);
}

/// Appends to a disk that is too small, and goes on when there is room.
fn fill(folder: &str, records: u64) {
    let journal = Journal::at(folder).segment_records(1 << 11);
    let (mut writer, _) = journal.open::<Note>().unwrap();
    let cursors = writer.cursors();
    let mut told = false;
    while writer.end_sequence() < records {
        let id = writer.end_sequence();
        match writer.try_append(time(id), &note_of_round(id, 0)) {
            Ok(_) => {}
            Err(AppendError::Full { why: Stall::DiskFull, .. }) if !told => {
                cursors.wait_durable(id - 1, Duration::from_secs(600)).unwrap();
                println!("full {id}");
                told = true;
            }
            // Waits, as a user would who does not ask.
            Err(AppendError::Full { .. }) if told => {
                writer.append(time(id), &note_of_round(id, 0)).unwrap();
            }
            Err(AppendError::Full { .. }) => std::thread::yield_now(),
            Err(error) => return println!("append {id}: {error}"),
        }
    }
    println!("closed {}", writer.close().unwrap());
}

extern "C" fn on_alarm(_: libc::c_int) {}

/// Opens, rolls, syncs and closes under a rain of signals whose handler does not restart calls.
fn interrupted(folder: &str) {
    let interval = libc::timeval { tv_sec: 0, tv_usec: 150 };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the action is a plain function that does nothing, installed without SA_RESTART; both structs
    // live through their calls.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_alarm as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()), 0);
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()), 0);
    }
    for life in 0..10 {
        let journal = Journal::at(folder).segment_records(1 << 12).sync(SyncMode::EveryBatch);
        let (mut writer, report) = journal.open::<Note>().unwrap();
        assert_eq!(report.end_sequence, life * 20_000);
        for _ in 0..20_000 {
            let id = writer.end_sequence();
            writer.append(time(id), &note_of_round(id, life)).unwrap();
        }
        writer.cursors().wait_durable(writer.end_sequence() - 1, Duration::from_secs(600)).unwrap();
        writer.close().unwrap();
    }
    println!("ok");
}

/// Forks while it is the writer. The child may not write, and drops its copy of the writer like any value.
fn fork(folder: &str) {
    let (mut writer, _) = Journal::at(folder).open::<Note>().unwrap();
    writer.append(time(0), &note_of_round(0, 0)).unwrap();
    let parent = std::process::id();
    for way in ["appends", "closes", "abandons", "drops"] {
        // SAFETY: the child touches nothing that another thread may have held locked: it drops the writer or
        // stores into its map, which is what is tried here, and leaves.
        match unsafe { libc::fork() } {
            0 => {
                let code = match way {
                    "appends" => writer.append(time(1), &note_of_round(1, 1)).map_or(1, |_| 0),
                    "closes" => match writer.close() {
                        Err(SyncError::Forked { writer }) if writer == parent => 7,
                        _ => 1,
                    },
                    "abandons" => {
                        writer.abandon();
                        8
                    }
                    _ => {
                        drop(writer);
                        9
                    }
                };
                // SAFETY: ends this process at once.
                unsafe { libc::_exit(code) }
            }
            child => {
                let mut status = 0;
                // SAFETY: the status lives through the call.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                if libc::WIFSIGNALED(status) {
                    println!("{way}: killed by signal {}", libc::WTERMSIG(status));
                } else {
                    println!("{way}: left with {}", libc::WEXITSTATUS(status));
                }
            }
        }
    }
    // The lock is this process's still, and so is the journal.
    println!("second writer: {}", Journal::at(folder).open::<Note>().unwrap_err());
    writer.append(time(1), &note_of_round(1, 0)).unwrap();
    // A child that lives on does not keep the lock from the next writer, unless this one is killed.
    let sleeper = sleeping_child();
    println!("closed: {}", writer.close().unwrap());
    let (writer, _) = Journal::at(folder).open::<Note>().unwrap();
    println!("opened: {}", writer.end_sequence());
    end_child(sleeper);
    let sleeper = sleeping_child();
    println!("sleeper: {sleeper}");
    // Killed here by the test.
    std::thread::sleep(Duration::from_secs(60));
    end_child(sleeper);
}

/// Forks while it has a replica, which takes records by a call of the system and not by a map.
fn fork_replica(folder: &str) {
    let place = std::path::Path::new(folder);
    let (primary, copy) = (Journal::at(place.join("primary")), Journal::at(place.join("copy")));
    let (mut writer, _) = primary.open::<Note>().unwrap();
    writer.append(time(0), &note_of_round(0, 0)).unwrap();
    writer.close().unwrap();
    let mut stored = primary.stored_reader("copy").unwrap();
    let origin = Origin::of(stored.identity().unwrap().journal_id);
    let run = stored.next_run_below(u64::MAX).unwrap().expect("it was appended");
    let (mut replica, _) = copy.replica(&Note::schema(), &origin).unwrap();
    let parent = std::process::id();
    // SAFETY: the child touches nothing that another thread may have held locked: it is refused, and leaves.
    match unsafe { libc::fork() } {
        0 => {
            let code = match replica.take(0, None, run.records.bytes()) {
                Err(TakeError::Failed(SyncError::Forked { writer })) if writer == parent => 7,
                _ => 1,
            };
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(code) }
        }
        child => {
            let mut status = 0;
            // SAFETY: the status lives through the call.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            println!("takes: left with {}", libc::WEXITSTATUS(status));
        }
    }
    println!("end: {}", replica.end_sequence());
    println!("taken: {}", replica.take(0, None, run.records.bytes()).unwrap());
    println!("closed: {}", replica.close().unwrap());
}

fn sleeping_child() -> libc::pid_t {
    // SAFETY: the child only sleeps and leaves.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: plain system calls.
            unsafe {
                // Not to keep the test waiting for the end of the pipe.
                libc::close(1);
                libc::close(2);
                libc::sleep(60);
                libc::_exit(0)
            }
        }
        child => child,
    }
}

fn end_child(child: libc::pid_t) {
    // SAFETY: it is this process's own child, and not yet waited for.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
}

/// Waits to be traced, then lives one life on this thread alone: opens, appends, rolls, syncs, closes. The
/// tracer reads from `folder.acks` how many records are appended.
fn step(folder: &str, round: u64) {
    let acks = std::fs::OpenOptions::new().write(true).open(format!("{folder}.acks")).unwrap();
    let note_end = |end: u64| assert_eq!(rustix::io::pwrite(&acks, &end.to_le_bytes(), 0), Ok(8));
    const SEGMENT_RECORDS: u64 = 4;
    let journal = Journal::at(folder).segment_records(SEGMENT_RECORDS).sync(SyncMode::EveryBatch);
    // SAFETY: plain system calls on this process.
    unsafe {
        assert_eq!(libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0), 0);
        libc::raise(libc::SIGSTOP);
    }
    let (mut writer, _): (Writer<Note, Files>, _) = journal.open_on(&Files::new(folder), false).unwrap();
    let first = writer.end_sequence();
    note_end(first);
    let (mut id, end) = (first, first + 6);
    while id < end {
        while writer.step_preparer() {}
        // In every other pair of rounds as the engine does, in batches, two at a time; to the segment's end,
        // for nobody else runs the preparer.
        if round % 4 < 2 {
            writer.append(time(id), &note_of_round(id, round)).unwrap();
            note_end(id + 1);
        } else {
            let batch_end = end.min((id / SEGMENT_RECORDS + 1) * SEGMENT_RECORDS);
            append_batch(&mut writer, id..batch_end, |id| note_of_round(id, round), |id| note_end(id + 1));
        }
        if id % 3 == 0 {
            writer.step_syncer();
        }
        id = writer.end_sequence();
    }
    match round % 2 {
        0 => drop(writer.close()),
        _ => writer.abandon(),
    }
    std::io::stdout().flush().unwrap();
    let _ = acks.as_raw_fd();
}
