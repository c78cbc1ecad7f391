//! Whether whoever read the output has gone. A write would tell; who has nothing to write asks.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Whether nobody reads any more what is written to `output`: the other end of a pipe or socket is closed, a
/// terminal has hung up. A file always takes more.
pub(crate) fn reader_has_gone(output: impl AsFd) -> bool {
    wait(&output, Duration::ZERO) == Ok(true)
}

/// Sleeps, but not on when the standard output's reader goes or a signal comes; whether the reader has gone.
pub(crate) fn sleep(time: Duration) -> bool {
    wait(&std::io::stdout(), time).unwrap_or_else(|error| {
        if error != Errno::INTR {
            std::thread::sleep(time);
        }
        false
    })
}

/// Sleeps until then, whatever signals come, or until the standard output's reader goes, which is an error as
/// that of a write would be.
pub(crate) fn sleep_until(then: Instant) -> std::io::Result<()> {
    loop {
        let left = then.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if sleep(left) {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
    }
}

fn wait(output: &impl AsFd, time: Duration) -> Result<bool, Errno> {
    // No event is asked for: errors and hang-ups are told all the same.
    let mut looked = [PollFd::new(output, PollFlags::empty())];
    let timeout = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    poll(&mut looked, Some(&timeout))?;
    Ok(looked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_without_a_reader_is_told_from_one_that_is_full_or_a_file() {
        let (read, write) = std::io::pipe().unwrap();
        assert!(!reader_has_gone(&write));
        rustix::io::ioctl_fionbio(&write, true).unwrap();
        while rustix::io::write(&write, &[0; 4096]).is_ok() {}
        assert!(!reader_has_gone(&write));
        drop(read);
        assert!(reader_has_gone(&write));
        assert!(!reader_has_gone(tempfile::tempfile().unwrap()));
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(!reader_has_gone(&one));
        drop(other);
        assert!(reader_has_gone(&one));
    }
}
