//! What is said meanwhile: for people on the standard error, as JSON lines on the standard output.

use serde_json::{Value, json};
use slipring_jetstream::out::{Ended, Progress, Told};
use slipring_jetstream::stream::StreamFound;

use crate::line::{ProgressLine, print_json};

/// Says it.
#[derive(Debug)]
pub struct Say {
    json: bool,
    line: ProgressLine,
    last_trouble: String,
}

impl Say {
    pub fn new(json: bool) -> Self {
        Say { json, line: ProgressLine::new(json), last_trouble: String::new() }
    }

    pub fn told(&mut self, told: &Told) {
        match told {
            Told::Progress(progress) => self.progress(progress),
            Told::Acknowledged(_) => {}
            told if self.json => as_json(told).iter().for_each(print_json),
            // Once, not at every try.
            Told::Trouble(what) if self.last_trouble == *what => {}
            Told::Trouble(what) => {
                self.last_trouble.clone_from(what);
                self.line(&format!("{what}; trying again"));
            }
            Told::Recovered => {
                self.last_trouble.clear();
                self.line("all is well again");
            }
            Told::Stream(found) => self.stream(found),
            Told::GoesOn { sequence, stream_sequence } => {
                self.line(&format!(
                    "goes on at sequence {sequence}, behind message {stream_sequence} of the stream"
                ));
            }
            _ => {}
        }
    }

    pub fn ended(&mut self, ended: &Ended) {
        let Progress { acknowledged, records, messages, bytes, .. } = ended.progress;
        if self.json {
            return print_json(&json!({ "ended": with_lag(&ended.progress), "caught_up": ended.caught_up }));
        }
        let lag = lag(&ended.progress);
        self.line(&format!(
            "acknowledged up to {acknowledged} (lag {lag}): {records} records, {bytes} bytes in {messages} messages"
        ));
    }

    fn stream(&mut self, found: &StreamFound) {
        let StreamFound { name, subject, is_new, replicas, kept, notes, .. } = found;
        let what = if *is_new { "made" } else { "found" };
        self.line(&format!("stream {name} {what}: subject {subject}, replicas {replicas}, storage {kept:?}"));
        notes.iter().for_each(|note| self.line(&format!("  {note}")));
    }

    fn progress(&mut self, progress: &Progress) {
        if !self.line.is_due() {
            return;
        }
        let Progress { acknowledged, in_flight, .. } = progress;
        let text =
            || format!("acknowledged up to {acknowledged}, lag {}, {in_flight} on their way", lag(progress));
        self.line.say(text, || json!({ "progress": with_lag(progress) }));
    }

    fn line(&mut self, text: &str) {
        self.line.complain(text);
    }
}

/// How many records are there and not acknowledged.
fn lag(progress: &Progress) -> u64 {
    progress.end.saturating_sub(progress.acknowledged)
}

fn with_lag(progress: &Progress) -> Value {
    let Progress {
        acknowledged, end, stream_sequence, records, bytes, messages, in_flight, troubles, ..
    } = progress;
    json!({
        "acknowledged": acknowledged, "end": end, "lag": lag(progress), "stream_sequence": stream_sequence,
        "records": records, "bytes": bytes, "messages": messages, "in_flight": in_flight, "troubles": troubles,
    })
}

fn as_json(told: &Told) -> Option<Value> {
    Some(match told {
        Told::Stream(found) => {
            let StreamFound { name, subject, is_new, replicas, kept, max_age, is_atomic, notes } = found;
            json!({ "stream": {
                "name": name, "subject": subject, "made": is_new, "replicas": replicas,
                "storage": format!("{kept:?}").to_lowercase(), "max_age_ns": max_age.map(|age| age.as_nanos() as u64),
                "atomic": is_atomic, "notes": notes,
            }})
        }
        Told::GoesOn { sequence, stream_sequence } => {
            json!({ "goes_on": { "sequence": sequence, "stream_sequence": stream_sequence } })
        }
        Told::Trouble(what) => json!({ "trouble": what }),
        Told::Recovered => json!({ "recovered": true }),
        _ => return None,
    })
}
