//! Names of acknowledgements in the counters: places that are taken once each, and stored to by whoever
//! acknowledges.

use std::sync::atomic::Ordering;

use super::board::Board;
use super::figures::AcknowledgedCounters;
use crate::lines::format::{AcknowledgedLine, NAME_BYTES, cut, text};
use crate::lines::told::Told;

/// Where others read how far a name is acknowledged.
#[derive(Debug)]
pub(crate) struct AcknowledgedPlace(Told<AcknowledgedLine>);

impl AcknowledgedPlace {
    /// Says that every event below `end` is acknowledged.
    pub(crate) fn set_end(&self, end: u64) {
        // Relaxed: a figure. The gate's own cursor lies elsewhere.
        self.0.each(|line| line.end.store(end, Ordering::Relaxed));
    }
}

impl Board {
    /// A place for a name; `None` if there is none left. One caller at a time.
    pub(crate) fn show_acknowledged(&self, name: &str, end: u64) -> Option<AcknowledgedPlace> {
        // Relaxed: who takes places is one at a time.
        let free = |line: &Told<AcknowledgedLine>| line.taken.load(Ordering::Relaxed) == 0;
        let line = self.acknowledged_lines().find(free)?;
        let name = cut(name, NAME_BYTES).as_bytes();
        line.each(|line| {
            for (word, bytes) in line.name.iter().zip(name.chunks(8)) {
                let mut padded = [0; 8];
                padded[..bytes.len()].copy_from_slice(bytes);
                // Relaxed, as the next: ordered by the store below.
                word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
            }
            line.end.store(end, Ordering::Relaxed);
            // Release Y: name and end are there before the place is taken. Partner: Acquire Y in `read`.
            line.taken.store(1, Ordering::Release);
        });
        Some(AcknowledgedPlace(line))
    }

    /// The names that have places, without their lags.
    pub(super) fn read_acknowledged(&self) -> Vec<AcknowledgedCounters> {
        self.acknowledged_lines().filter_map(|line| read(&line)).collect()
    }
}

fn read(line: &AcknowledgedLine) -> Option<AcknowledgedCounters> {
    // Acquire Y: see `show_acknowledged`.
    if line.taken.load(Ordering::Acquire) == 0 {
        return None;
    }
    // Relaxed: behind Acquire Y, and never stored again but for the end, which is a figure.
    let name: Vec<u8> =
        line.name.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    let end = line.end.load(Ordering::Relaxed);
    Some(AcknowledgedCounters { name: text(&name), end, lag: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::format::{ACKNOWLEDGED_PLACES, LineLayout};

    #[test]
    fn names_have_places_as_long_as_there_are_some() {
        let board = Board::private(LineLayout { stages: 3 });
        assert_eq!(board.read_acknowledged(), []);
        let names: Vec<String> =
            (0..=ACKNOWLEDGED_PLACES).map(|n| format!("{n}{}", "é".repeat(40))).collect();
        let places: Vec<_> = names.iter().map(|name| board.show_acknowledged(name, 5)).collect();
        assert!(places[..ACKNOWLEDGED_PLACES].iter().all(Option::is_some));
        assert!(places[ACKNOWLEDGED_PLACES].is_none());
        places[2].as_ref().unwrap().set_end(70);
        let read = board.read_acknowledged();
        assert_eq!(read.len(), ACKNOWLEDGED_PLACES);
        assert_eq!((&*read[2].name, read[2].end), (&*format!("2{}", "é".repeat(31)), 70));
        assert_eq!((read[3].end, read[3].lag), (5, 0));
        // Beside the late consumers and the stages, and over neither.
        assert!(board.read_late().is_empty());
        assert!((0..3).all(|at| board.stage(at).end() == 0));
    }
}
