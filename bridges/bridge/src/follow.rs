//! A thread that reads the journal, so that whoever sends need not wait for a disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use slipring_journal::NamedReaderError;

use crate::history::GoOn;
use crate::pack::Batch;
use crate::source::Source;

/// How long it waits where nothing has come, before it looks again.
const LOOK: Duration = Duration::from_micros(500);

/// What the thread tells.
#[derive(Debug)]
pub enum Followed {
    /// Records.
    Batch(Batch),
    /// It goes on where it was told; what came before is to be forgotten.
    GoesOn,
    /// All up to there has been handed out, and there is no more by now.
    CaughtUp(u64),
    /// It can't go on, and has ended.
    Failed(NamedReaderError),
}

/// What the thread is told.
#[derive(Debug)]
enum Order {
    GoOn(GoOn),
    Commit(u64),
}

/// The thread's handle. Dropping it ends the thread, once it is not in [`Follow::start`]'s `tell` any more.
#[derive(Debug)]
pub struct Follow {
    orders: Option<Sender<Order>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<u64, NamedReaderError>>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The end of what may go, as the thread last looked.
    end: AtomicU64,
    /// The position that is committed.
    position: AtomicU64,
}

impl Follow {
    /// Starts it. It reads nothing before it was told where to [go on](Follow::go_on). `tell` may block; it
    /// says false if nobody listens any more, and that ends the thread.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(source: Source, tell: impl FnMut(Followed) -> bool + Send + 'static) -> io::Result<Self> {
        let (orders, given) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        // Relaxed, here and below: figures, which nothing is handed over with.
        shared.position.store(source.position(), Ordering::Relaxed);
        let (theirs, builder) = (Arc::clone(&shared), std::thread::Builder::new().name("journal".to_owned()));
        let thread = builder.spawn(move || Reading { source, tell, given, shared: theirs }.run())?;
        Ok(Follow { orders: Some(orders), shared, thread: Some(thread) })
    }

    /// Has it go on there. Until it says [`Followed::GoesOn`], what it tells is of before.
    pub fn go_on(&self, place: GoOn) {
        self.order(Order::GoOn(place));
    }

    /// All before `end` was acknowledged.
    pub fn commit(&self, end: u64) {
        self.order(Order::Commit(end));
    }

    /// If the thread has ended it has said why.
    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }

    /// The end of what may go, as it last looked.
    pub fn seen_end(&self) -> u64 {
        // Relaxed: as above.
        self.shared.end.load(Ordering::Relaxed)
    }

    /// The position that is committed.
    pub fn position(&self) -> u64 {
        // Relaxed: as above.
        self.shared.position.load(Ordering::Relaxed)
    }

    /// Ends it, once it has done what it was ordered; the position.
    ///
    /// # Errors
    /// What it could not go on for; what the last commit met.
    pub fn close(mut self) -> Result<u64, NamedReaderError> {
        self.orders = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(closed)) => closed,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(self.position()),
        }
    }
}

struct Reading<T> {
    source: Source,
    tell: T,
    given: Receiver<Order>,
    shared: Arc<Shared>,
}

impl<T: FnMut(Followed) -> bool> Reading<T> {
    fn run(mut self) -> Result<u64, NamedReaderError> {
        match self.read() {
            Ok(()) => self.source.close(),
            Err(error) => {
                (self.tell)(Followed::Failed(error.clone()));
                Err(error)
            }
        }
    }

    /// Until nobody is there to order any more, or to be told.
    fn read(&mut self) -> Result<(), NamedReaderError> {
        let (mut is_started, mut told_end) = (false, None);
        loop {
            let mut wait = if is_started { Duration::ZERO } else { Duration::MAX };
            if is_started && let Some(batch) = self.source.next_batch()? {
                self.note();
                if !(self.tell)(Followed::Batch(batch)) {
                    return self.carry_out_the_rest();
                }
            } else if is_started {
                self.note();
                wait = self.source.wait().map_or(LOOK, |wait| wait.min(LOOK));
                let end = self.source.next_sequence();
                if self.source.wait().is_none() && told_end.replace(end) != Some(end) {
                    (self.tell)(Followed::CaughtUp(end));
                }
            }
            loop {
                let order = match wait {
                    Duration::MAX => self.given.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    wait => self.given.recv_timeout(wait),
                };
                match order {
                    Ok(Order::GoOn(place)) => {
                        self.source.go_on(&place)?;
                        (is_started, told_end) = (true, None);
                        (self.tell)(Followed::GoesOn);
                    }
                    Ok(Order::Commit(end)) => self.commit(end)?,
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
                wait = Duration::ZERO;
            }
        }
    }

    fn carry_out_the_rest(&mut self) -> Result<(), NamedReaderError> {
        while let Ok(order) = self.given.recv() {
            if let Order::Commit(end) = order {
                self.commit(end)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, end: u64) -> Result<(), NamedReaderError> {
        // A full disk: the position is with the next commit.
        match self.source.commit(end) {
            Err(NamedReaderError::NotCommitted { .. }) => {}
            committed => committed?,
        }
        self.note();
        Ok(())
    }

    fn note(&self) {
        // Relaxed: as above.
        self.shared.end.store(self.source.seen_end(), Ordering::Relaxed);
        self.shared.position.store(self.source.position(), Ordering::Relaxed);
    }
}
