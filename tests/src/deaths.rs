//! Stages that die: what a child with an engine says through a pipe before it is killed, where in the
//! handling of an event it kills itself, and how a test lets it live and die.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use rustix::process::{Signal, getpid, kill_process};
use slipring::EventKey;

use slipring_cli::exchange::command::Trade;
use slipring_cli::exchange::tape::Printed;

/// Where a child kills itself, by SIGKILL, at the event of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The event is journalled and the handler has not seen it: between gate and effect.
    BeforeEvent,
    /// Its first effect is out, and no more.
    AfterFirstEffect,
    /// All its effects are out, and nothing notes it yet.
    AfterEvent,
    /// While the first snapshot at or behind it is taken.
    InSnapshot,
}

const POINTS: [(Point, &str); 4] = [
    (Point::BeforeEvent, "before-event"),
    (Point::AfterFirstEffect, "after-first-effect"),
    (Point::AfterEvent, "after-event"),
    (Point::InSnapshot, "in-snapshot"),
];

/// A point and a sequence; `None` if nobody has to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death(pub Option<(Point, u64)>);

impl Death {
    /// Dies if it is time to.
    pub fn reach(self, point: Point, sequence: u64) {
        match self.0 {
            Some((Point::InSnapshot, from)) if point == Point::InSnapshot && sequence >= from => die(),
            Some(death) if death == (point, sequence) => die(),
            _ => {}
        }
    }

    /// As an argument of the child.
    pub fn to_argument(self) -> String {
        let Some((point, sequence)) = self.0 else { return "none".to_owned() };
        let name = POINTS.iter().find(|(p, _)| *p == point).map_or("", |(_, name)| name);
        format!("{name}:{sequence}")
    }

    /// From the child's argument.
    ///
    /// # Panics
    /// If no test wrote it.
    pub fn from_argument(text: &str) -> Self {
        let Some((point, sequence)) = text.split_once(':') else { return Death(None) };
        let (point, _) = POINTS.iter().find(|(_, name)| *name == point).expect("a point");
        Death(Some((*point, sequence.parse().expect("a sequence"))))
    }
}

/// Exit code of a child that never came to where it was to die: a snapshot covers the event.
pub const MISSED_DEATH: i32 = 7;

/// kill -9 by oneself: no destructor, no flush, no exit handler runs.
pub fn die() -> ! {
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// What the child says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The journal is open and replayed.
    Opened {
        /// The first live sequence.
        end: u64,
        /// Where the stage's snapshot ends, if it has one.
        restored: Option<u64>,
        /// Snapshots that were refused.
        refused: u64,
        /// The first sequence that was replayed.
        replayed_from: u64,
    },
    /// An effect: a trade of the matching engine, or the gateway's (with the event's number as `maker`).
    Effect(Printed),
    /// Replay found another state than the one logged.
    Diverged {
        /// The last end at which it was the same.
        after: u64,
        /// The first at which it was not.
        end: u64,
    },
    /// Everything is done and shut down.
    Finished {
        /// The state's digest.
        digest: u64,
    },
}

type Words = [u64; 9];

impl Said {
    /// Bytes of a message: less than a pipe takes at once, so that a death can't tear one.
    pub const BYTES: usize = size_of::<Words>();

    /// Says it, on the standard output.
    ///
    /// # Errors
    /// If nobody listens any more.
    pub fn say(self) -> std::io::Result<()> {
        let mut words: Words = [0; 9];
        match self {
            Said::Opened { end, restored, refused, replayed_from } => {
                let (is_restored, at) = (u64::from(restored.is_some()), restored.unwrap_or(0));
                words[..6].copy_from_slice(&[1, end, is_restored, at, refused, replayed_from]);
            }
            Said::Effect(printed) => {
                words[0] = 2;
                words[1..].copy_from_slice(&bytemuck::cast::<Printed, [u64; 8]>(printed));
            }
            Said::Diverged { after, end } => words[..3].copy_from_slice(&[3, after, end]),
            Said::Finished { digest } => words[..2].copy_from_slice(&[4, digest]),
        }
        // Not through the buffer of `stdout()`: what is said is said.
        rustix::io::write(rustix::stdio::stdout(), bytemuck::bytes_of(&words)).map(drop).map_err(Into::into)
    }

    fn from_words(words: Words) -> Self {
        match words {
            [1, end, is_restored, at, refused, replayed_from, ..] => {
                Said::Opened { end, restored: (is_restored == 1).then_some(at), refused, replayed_from }
            }
            [2, rest @ ..] => Said::Effect(bytemuck::cast(rest)),
            [3, after, end, ..] => Said::Diverged { after, end },
            [4, digest, ..] => Said::Finished { digest },
            _ => panic!("nobody said {words:?}"),
        }
    }
}

/// An effect with its key.
pub fn printed(key: EventKey, index: u32, trade: Trade) -> Printed {
    let EventKey { journal_id, epoch, sequence } = key;
    Printed { journal_id: journal_id.0, sequence, epoch, index, trade }
}

/// An effect that says no more than the event's number.
pub fn number(number: u64) -> Trade {
    Trade { maker: number, ..Trade::zeroed() }
}

/// How a child is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, in its own way.
    ByItself,
    /// kill -9 so long after its start.
    AfterStart(Duration),
    /// kill -9 so long after it said that it is open, or by itself before that.
    AfterOpening(Duration),
}

/// What a child said in its life, and how it ended.
#[derive(Debug)]
pub struct Life {
    /// Everything that it said.
    pub said: Vec<Said>,
    /// How it ended.
    pub status: ExitStatus,
}

impl Life {
    /// Whether it ended by kill -9, its own or the test's.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }
}

/// Lets a child live and end.
pub fn live(command: &mut Command, end: End) -> Life {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it is built with the test");
    let mut pipe = child.stdout.take().expect("just piped");
    let (heard, hear) = channel();
    let listener = std::thread::spawn(move || {
        let mut words: Words = [0; 9];
        while pipe.read_exact(bytemuck::bytes_of_mut(&mut words)).is_ok() {
            heard.send(Said::from_words(words)).expect("the test listens to the end");
        }
    });
    let mut said = Vec::new();
    match end {
        End::ByItself => {}
        End::AfterStart(time) => kill_after(&mut child, time),
        End::AfterOpening(time) => {
            listen_for_opening(&hear, &mut said);
            kill_after(&mut child, time);
        }
    }
    said.extend(&hear);
    listener.join().expect("it only reads");
    Life { said, status: child.wait().expect("the child is ours") }
}

fn listen_for_opening(hear: &Receiver<Said>, said: &mut Vec<Said>) {
    while let Ok(heard) = hear.recv() {
        said.push(heard);
        if matches!(heard, Said::Opened { .. }) {
            return;
        }
    }
}

fn kill_after(child: &mut Child, time: Duration) {
    std::thread::sleep(time);
    child.kill().expect("not waited for yet");
}

/// `SLIPRING_STAGE_KILLS`, or as many kills as the ordinary run takes.
pub fn kills() -> u64 {
    crate::often::times("SLIPRING_STAGE_KILLS", 40)
}

/// Writes to the real standard error, past the test harness's capture.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What [`Said::Effect`] carries must fit into a message.
const _: () = assert!(size_of::<Printed>() + 8 == Said::BYTES);

/// A child's input: commands with their times, as they lie in memory.
pub fn write_input<T: Pod>(path: &std::path::Path, items: &[T]) {
    std::fs::write(path, bytemuck::cast_slice(items)).expect("a file of the test's");
}

/// The items of an input from `first` on, `count` at most.
pub fn read_input<T: Pod>(path: &str, first: u64, count: u64) -> Vec<T> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::open(path).expect("the test wrote it");
    let size = size_of::<T>() as u64;
    let there = file.metadata().expect("a file").len() / size;
    let mut items = vec![T::zeroed(); count.min(there.saturating_sub(first)) as usize];
    file.read_exact_at(bytemuck::cast_slice_mut(&mut items), first * size).expect("it is there");
    items
}
