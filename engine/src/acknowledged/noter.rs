//! The thread that notes what is acknowledged, so that whoever acknowledges does not wait for the disk: all
//! that is said during one sync is in the next.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

use crate::own_thread::OwnThread;

#[derive(Debug)]
pub(super) struct Noter {
    stop: Arc<AtomicBool>,
    thread: OwnThread<()>,
}

impl Noter {
    /// Has `keep` called whenever the thread is unparked, until it has nothing to do.
    pub(super) fn start(keep: impl Fn() -> bool + Send + 'static) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let run = move || {
            // Relaxed: what it did not note the end notes, and the join orders that.
            while !told.load(Ordering::Relaxed) {
                if !keep() {
                    std::thread::park();
                }
            }
        };
        let thread = std::thread::Builder::new().name("slipring-noter".to_owned()).spawn(run)?;
        Ok(Noter { stop, thread: OwnThread::new(thread) })
    }

    /// To be unparked.
    pub(super) fn thread(&self) -> Option<Thread> {
        self.thread.thread()
    }

    /// Ends it, within a sync.
    pub(super) fn end(mut self) {
        // Relaxed: the unparking comes behind it, and whoever is unparked sees it.
        self.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use slipring_journal::{Anchor, Event, Journal, Writer};

    use super::super::error::AcknowledgeError;
    use super::super::name::{AcknowledgedName, WaitedBy};
    use super::super::names::AcknowledgedNames;

    use super::*;

    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    struct Tick {
        id: u64,
    }

    /// A journal of 50 events, and the name `a`, which a stage waits for.
    fn names(folder: &Path) -> (Writer<Tick>, Vec<Anchor>, Arc<AcknowledgedNames>, Arc<AcknowledgedName>) {
        let journal = Journal::at(folder);
        let (mut writer, _) = journal.open::<Tick>().unwrap();
        for id in 0..50 {
            writer.append(id, &Tick { id }).unwrap();
        }
        let mut reader = writer.reader().unwrap();
        let anchors = (0..50).map(|at| reader.as_raw().anchor(at).unwrap()).collect();
        let names = AcknowledgedNames::new(journal.files(), writer.journal_id(), writer.cursors());
        let name = names.wait_for("a", WaitedBy::Stage).unwrap();
        (writer, anchors, Arc::new(names), name)
    }

    /// How often the note was written: each writing has a turn.
    fn writes(folder: &Path) -> u64 {
        let file = std::fs::read(folder.join("acknowledged/a")).unwrap();
        let turn = |at: usize| u64::from_le_bytes(file[at + 32..at + 40].try_into().unwrap());
        turn(0).max(turn(4096))
    }

    fn wait_until(done: impl Fn() -> bool) {
        while !done() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn nobody_waits_for_the_disk_and_all_that_is_said_meanwhile_is_one_note() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, anchors, names, name) = names(folder.path());
        let noter = names.noter().unwrap();
        assert_eq!(noter.id(), names.noter().unwrap().id(), "one for all");
        // A sync that takes as long as it takes.
        let disk = name.note();
        for (anchor, end) in anchors[..40].iter().zip(1..) {
            assert_eq!(names.hand_over(&name, *anchor, &noter).unwrap(), end);
        }
        assert_eq!((name.cursor.end(), writes(folder.path())), (0, 0), "no gate opens before the note");
        let back = names.hand_over(&name, anchors[5], &noter).unwrap_err();
        assert!(matches!(back, AcknowledgeError::GoesBack { end: 40, .. }), "{back}");
        drop(disk);
        wait_until(|| name.cursor.end() == 40);
        assert_eq!(writes(folder.path()), 1);
        // Who waits for it takes the note itself, and what was handed over is in it.
        let disk = name.note();
        names.hand_over(&name, anchors[44], &noter).unwrap();
        drop(disk);
        assert_eq!(names.acknowledge(&name, anchors[45]).unwrap(), 46);
        assert!(writes(folder.path()) <= 3);
        assert!(names.end().is_empty());
        let ended = names.hand_over(&name, anchors[46], &noter).unwrap_err();
        assert!(matches!(ended, AcknowledgeError::Ended { .. }), "{ended}");
        assert!(names.noter().is_none());
    }

    #[test]
    fn what_was_handed_over_is_noted_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, anchors, names, name) = names(folder.path());
        // Nobody is woken.
        let nobody = std::thread::current();
        names.hand_over(&name, anchors[6], &nobody).unwrap();
        assert_eq!((name.cursor.end(), writes(folder.path())), (0, 0));
        assert!(names.end().is_empty());
        assert_eq!((name.cursor.end(), writes(folder.path())), (7, 1));
    }

    #[test]
    fn a_note_that_can_not_be_taken_opens_no_gate_and_is_said_until_one_can() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, anchors, names, name) = names(folder.path());
        let noter = names.noter().unwrap();
        let good = name.note().as_mut().unwrap().swap_file(None);
        // Whether the first is told depends on how soon its note is tried.
        let _ = names.hand_over(&name, anchors[3], &noter);
        wait_until(|| {
            let said = names.hand_over(&name, anchors[4], &noter);
            matches!(said, Err(AcknowledgeError::NotKept { .. }))
        });
        assert_eq!((name.cursor.end(), writes(folder.path())), (0, 0));
        name.note().as_mut().unwrap().swap_file(Some(good));
        // Tried all the same.
        wait_until(|| {
            let _ = names.hand_over(&name, anchors[4], &noter);
            name.cursor.end() == 5
        });
        assert_eq!(names.hand_over(&name, anchors[4], &noter).unwrap(), 5);
        assert!(names.end().is_empty());
    }
}
