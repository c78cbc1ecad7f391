//! Whether who leads a stream has led it for long enough to know its end.
//!
//! A leader that is new tells of less than there is, until it has caught up with what its cluster has agreed
//! on. Where it matters that the end is the end, a new one's answer does not count yet.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::stream::ClusterInfo;

/// A leader is new for so long, since it was first seen here.
pub(crate) const NEW_FOR: Duration = Duration::from_secs(5);
/// And for so long since it leads, as its own clock has it: two machines' clocks are less than the
/// difference apart.
const NEW_BY_CLOCK: Duration = Duration::from_secs(10);

/// Between two looks whether a leader is new.
pub(crate) const LOOK: Duration = Duration::from_millis(200);

/// Who leads a stream, as far as it was looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leader {
    seen: Option<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    name: Option<String>,
    /// As that one says, in nanoseconds since 1970.
    leads_since: Option<i128>,
    at: Instant,
}

impl Leader {
    /// Whether the leader is not new, as the stream's information has it at `now`. Of a stream that only one
    /// server has, there is no other that could know more.
    pub(crate) fn is_settled(&mut self, cluster: Option<&ClusterInfo>, now: Instant) -> bool {
        let Some(cluster) = cluster.filter(|cluster| !cluster.replicas.is_empty()) else { return true };
        let leads_since = cluster.leader_since.map(|since| since.unix_timestamp_nanos());
        let is_same = |seen: &Seen| seen.name == cluster.leader && seen.leads_since == leads_since;
        let name = || cluster.leader.clone();
        let seen = match self.seen.take().filter(is_same) {
            Some(seen) => self.seen.insert(seen),
            None => self.seen.insert(Seen { name: name(), leads_since, at: now }),
        };
        if seen.name.is_none() {
            return false;
        }
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as i128;
        let by_clock = leads_since.is_some_and(|since| clock - since >= NEW_BY_CLOCK.as_nanos() as i128);
        by_clock || now.saturating_duration_since(seen.at) >= NEW_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(leader: Option<&str>, since: Option<&str>, replicas: usize) -> ClusterInfo {
        let replica = |n: usize| format!(r#"{{"name":"n{n}","current":true,"active":0,"lag":0}}"#);
        let replicas: Vec<_> = (0..replicas).map(replica).collect();
        let leader = leader.map_or(String::new(), |name| format!(r#","leader":"{name}""#));
        let since = since.map_or(String::new(), |since| format!(r#","leader_since":"{since}""#));
        let text = format!(r#"{{"name":"c"{leader}{since},"replicas":[{}]}}"#, replicas.join(","));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_leader_is_believed_once_it_is_not_new() {
        let (start, mut leader) = (Instant::now(), Leader::default());
        let mut at = |seconds, cluster: &ClusterInfo| {
            leader.is_settled(Some(cluster), start + Duration::from_secs(seconds))
        };
        let one = cluster(Some("a"), None, 2);
        assert_eq!([at(0, &one), at(4, &one), at(5, &one)], [false, false, true]);
        // Another one is new again, and so is one that was it before.
        let other = cluster(Some("b"), None, 2);
        assert_eq!([at(6, &other), at(7, &one), at(11, &one), at(12, &one)], [false, false, false, true]);
        let nobody = cluster(None, None, 2);
        assert_eq!([at(13, &nobody), at(99, &nobody)], [false, false]);
    }

    #[test]
    fn one_that_says_that_it_leads_for_long_is_believed_at_once() {
        let is_settled = |cluster: &ClusterInfo| Leader::default().is_settled(Some(cluster), Instant::now());
        assert!(is_settled(&cluster(Some("a"), Some("2024-03-10T09:30:00Z"), 2)));
        assert!(!is_settled(&cluster(Some("a"), Some("2199-03-10T09:30:00Z"), 2)));
        // It has led before, and does so anew since a moment ago.
        let (now, mut leader) = (Instant::now(), Leader::default());
        let (before, again) = (
            cluster(Some("a"), Some("2199-01-01T00:00:00Z"), 2),
            cluster(Some("a"), Some("2199-01-02T00:00:00Z"), 2),
        );
        assert!(!leader.is_settled(Some(&before), now));
        assert!(!leader.is_settled(Some(&again), now + NEW_FOR));
    }

    #[test]
    fn a_stream_of_one_server_has_nobody_who_knows_more() {
        assert!(Leader::default().is_settled(None, Instant::now()));
        assert!(Leader::default().is_settled(Some(&cluster(Some("a"), None, 0)), Instant::now()));
    }
}
