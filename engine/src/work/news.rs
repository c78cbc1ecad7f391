//! What the stages of a standby are told while they run: which epoch comes next, and that they are live.
//!
//! A stage looks for it before each turn for as long as it is not live. A stage of any other engine has none
//! of this, and one that is live looks no more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cursors::status::EngineStatus;

/// Told by whoever feeds the standby, heard by its stages.
#[derive(Debug)]
pub(crate) struct News {
    /// How many times something was told.
    told: AtomicU64,
    text: Mutex<Text>,
    /// Up to which of these each stage has heard, by its place.
    heard: Vec<AtomicU64>,
}

#[derive(Debug, Default)]
struct Text {
    /// First sequences and the epoch from there on, as far as they were not known at the beginning.
    epochs: Vec<(u64, u32)>,
    /// The first live sequence, once it is known.
    live_from: Option<u64>,
}

impl News {
    /// For so many stages.
    pub(crate) fn new(stages: usize) -> Arc<Self> {
        let heard = (0..stages).map(|_| AtomicU64::new(0)).collect();
        Arc::new(News { told: AtomicU64::new(0), text: Mutex::default(), heard })
    }

    /// Says of which epoch the records from `from` on are. None of them is published before all have heard
    /// it.
    pub(crate) fn tell_epoch(&self, from: u64, epoch: u32) {
        self.tell(|text| text.epochs.push((from, epoch)));
    }

    /// Says that all is live from `from` on.
    pub(crate) fn tell_live(&self, from: u64, epoch: u32) {
        self.tell(|text| {
            text.epochs.push((from, epoch));
            text.live_from = Some(from);
        });
    }

    /// Has every stage look, and note how far it is.
    pub(crate) fn tell_nothing(&self) {
        self.tell(|_| ());
    }

    fn tell(&self, tell: impl FnOnce(&mut Text)) {
        tell(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
        // Release N: the text is there before the number. Partner: the acquire load in `is_new`.
        self.told.fetch_add(1, Ordering::Release);
    }

    /// Whether every stage that is still there has heard all that was told.
    pub(crate) fn is_heard(&self, status: &EngineStatus) -> bool {
        let told = self.told.load(Ordering::Relaxed);
        // Acquire L: what a stage did when it heard comes before. Partner: the release store in `confirm`.
        let heard = |(index, heard): (usize, &AtomicU64)| {
            heard.load(Ordering::Acquire) >= told || status.is_gone(index)
        };
        self.heard.iter().enumerate().all(heard)
    }
}

/// A stage's ear.
#[derive(Debug)]
pub(crate) struct Listener {
    news: Arc<News>,
    index: usize,
    heard: u64,
    /// Of the epochs told, so many are known here.
    epochs: usize,
    /// The stage's effects below it are noted as done.
    pub(crate) noted: u64,
}

/// What a stage has not heard before.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) epochs: Vec<(u64, u32)>,
    pub(crate) live_from: Option<u64>,
}

impl Listener {
    /// Of the stage at that place.
    pub(crate) fn new(news: &Arc<News>, index: usize, noted: u64) -> Self {
        Listener { news: Arc::clone(news), index, heard: 0, epochs: 0, noted }
    }

    /// Whether there is something to hear.
    pub(crate) fn is_new(&self) -> bool {
        // Acquire N: see `News::tell`.
        self.news.told.load(Ordering::Acquire) != self.heard
    }

    /// What is new.
    pub(crate) fn listen(&mut self) -> Heard {
        let text = self.news.text.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: what is told later comes with a later number.
        self.heard = self.news.told.load(Ordering::Acquire);
        let epochs = text.epochs[self.epochs..].to_vec();
        self.epochs = text.epochs.len();
        Heard { epochs, live_from: text.live_from }
    }

    /// Says that it acts by what it heard last.
    pub(crate) fn confirm(&self) {
        // Release L: see `News::is_heard`.
        self.news.heard[self.index].store(self.heard, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_hears_everything_once_and_in_order() {
        let news = News::new(2);
        let mut early = Listener::new(&news, 0, 0);
        assert!(!early.is_new());
        news.tell_epoch(7, 3);
        let heard = early.listen();
        assert_eq!((heard.epochs, heard.live_from), (vec![(7, 3)], None));
        early.confirm();
        news.tell_live(9, 1024);
        let heard = early.listen();
        assert_eq!((heard.epochs, heard.live_from), (vec![(9, 1024)], Some(9)));
        assert!(!early.is_new());

        let mut late = Listener::new(&news, 1, 0);
        assert!(late.is_new());
        assert_eq!(late.listen().epochs, [(7, 3), (9, 1024)]);
    }
}
