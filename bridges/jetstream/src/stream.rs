//! The stream: made, or looked at.

use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{Context, ErrorCode};
use slipring_bridge::wire::MOST_PAYLOAD_BYTES;

use crate::error::StreamError;

/// Headers of a message are shorter than this.
pub(crate) const HEADERS_BYTES: usize = 1024;

/// Where messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In files.
    File,
    /// In memory: they go with the server.
    Memory,
}

/// The stream that is wanted. What is `None` is left as it is where the stream is there.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// Its name.
    pub name: String,
    /// The one subject that it has; of its name if not given.
    pub subject: Option<String>,
    /// On how many servers each message is kept; 1 if it is made and nothing was said.
    pub replicas: Option<usize>,
    /// How old a message gets; as old as it likes if it is made and nothing was said.
    pub max_age: Option<Duration>,
    /// How large it gets, in bytes. A stream that is made then takes nothing more when it is full, and drops
    /// nothing.
    pub max_bytes: Option<u64>,
    /// Where messages are kept; in files if it is made and nothing was said.
    pub kept: Option<Kept>,
}

/// What the stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFound {
    /// Its name.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// It was made just now.
    pub is_new: bool,
    /// On how many servers each message is kept.
    pub replicas: usize,
    /// Where.
    pub kept: Kept,
    /// How old a message gets.
    pub max_age: Option<Duration>,
    /// It takes several messages at once or none of them.
    pub is_atomic: bool,
    /// What to know of it: what it may lose, and when it takes nothing more.
    pub notes: Vec<String>,
}

impl StreamOptions {
    /// The subject.
    pub fn subject(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.name)
    }

    /// Makes the stream if it is not there; else looks whether it is fit.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn make_or_check(&self, jetstream: &Context) -> Result<(Stream, StreamFound), StreamError> {
        self.check_names()?;
        match jetstream.get_stream(&self.name).await {
            Ok(stream) => {
                let found = self.check(&stream.cached_info().config, false)?;
                Ok((stream, found))
            }
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(source)
                    if source.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    self.make(jetstream).await
                }
                GetStreamErrorKind::JetStream(source) => Err(self.server(source)),
                _ => Err(self.no_answer(&error)),
            },
        }
    }

    /// The stream, which must be there.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn find(&self, jetstream: &Context) -> Result<(Stream, StreamFound), StreamError> {
        self.check_names()?;
        let stream = jetstream.get_stream(&self.name).await.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(source) => self.server(source),
            _ => self.no_answer(&error),
        })?;
        let found = self.check(&stream.cached_info().config, false)?;
        Ok((stream, found))
    }

    async fn make(&self, jetstream: &Context) -> Result<(Stream, StreamFound), StreamError> {
        let made = jetstream.create_stream(self.config()).await;
        let stream = made.map_err(|error| match error.kind() {
            CreateStreamErrorKind::JetStream(source) => self.server(source),
            _ => self.no_answer(&error),
        })?;
        let found = self.check(&stream.cached_info().config, true)?;
        Ok((stream, found))
    }

    fn config(&self) -> Config {
        Config {
            name: self.name.clone(),
            subjects: vec![self.subject().to_owned()],
            retention: RetentionPolicy::Limits,
            // Where a bound is set, whoever sends waits; what nobody has read is not dropped for it.
            discard: DiscardPolicy::New,
            storage: match self.kept {
                Some(Kept::Memory) => StorageType::Memory,
                Some(Kept::File) | None => StorageType::File,
            },
            num_replicas: self.replicas.unwrap_or(1),
            max_age: self.max_age.unwrap_or_default(),
            max_bytes: self.max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            max_messages: -1,
            max_messages_per_subject: -1,
            allow_atomic_publish: true,
            description: Some("a journal of slipring".to_owned()),
            ..Config::default()
        }
    }

    fn check_names(&self) -> Result<(), StreamError> {
        let refuse = |name: &str, what, why| Err(StreamError::Name { name: name.to_owned(), what, why });
        let is_bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
        if self.name.is_empty() || self.name.contains(|c| is_bad(c) || matches!(c, '.' | '/' | '\\')) {
            return refuse(&self.name, "stream's name", "it has no spaces and none of . * > / \\");
        }
        let subject = self.subject();
        if subject.split('.').any(|token| token.is_empty() || token.contains(is_bad)) {
            return refuse(
                subject,
                "subject",
                "it is of words with dots between, and a journal has one of its own",
            );
        }
        match self.replicas {
            Some(0) => refuse("0", "number of replicas", "there is one at least"),
            _ => Ok(()),
        }
    }

    /// Refuses a stream that loses or changes what is sent, or that was asked for otherwise.
    fn check(&self, config: &Config, is_new: bool) -> Result<StreamFound, StreamError> {
        let differs = |what, found: String, wanted: String| {
            Err(StreamError::Differs { name: self.name.clone(), what, found, wanted })
        };
        if config.subjects != [self.subject()] {
            return differs("the subjects", config.subjects.join(", "), format!("{} alone", self.subject()));
        }
        if let Some(why) = unfit(config) {
            return Err(StreamError::Unfit { name: self.name.clone(), why });
        }
        let kept = match config.storage {
            StorageType::File => Kept::File,
            StorageType::Memory => Kept::Memory,
        };
        let max_age = Some(config.max_age).filter(|age| !age.is_zero());
        if let Some(wanted) = self.replicas.filter(|wanted| *wanted != config.num_replicas) {
            return differs("replicas:", config.num_replicas.to_string(), wanted.to_string());
        }
        if let Some(wanted) = self.kept.filter(|wanted| *wanted != kept) {
            return differs("storage:", format!("{kept:?}"), format!("{wanted:?}"));
        }
        if let Some(wanted) = self.max_age.filter(|wanted| Some(*wanted) != max_age) {
            let found = max_age.map_or("none".to_owned(), |age| format!("{age:?}"));
            return differs("a greatest age:", found, format!("{wanted:?}"));
        }
        let bytes = u64::try_from(config.max_bytes).ok().filter(|bytes| *bytes > 0);
        if let Some(wanted) = self.max_bytes.filter(|wanted| Some(*wanted) != bytes) {
            let found = bytes.map_or("none".to_owned(), |bytes| format!("{bytes} bytes"));
            return differs("a greatest size:", found, format!("{wanted} bytes"));
        }
        let (name, subject) = (self.name.clone(), self.subject().to_owned());
        let (replicas, is_atomic, notes) = (config.num_replicas, config.allow_atomic_publish, notes(config));
        Ok(StreamFound { name, subject, is_new, replicas, kept, max_age, is_atomic, notes })
    }

    pub(crate) fn server(&self, source: async_nats::jetstream::Error) -> StreamError {
        StreamError::Server { name: self.name.clone(), source }
    }

    pub(crate) fn no_answer(&self, what: &dyn std::fmt::Display) -> StreamError {
        StreamError::NoAnswer { name: self.name.clone(), what: what.to_string() }
    }
}

/// Why no journal can be kept so.
fn unfit(config: &Config) -> Option<String> {
    let least = (MOST_PAYLOAD_BYTES + HEADERS_BYTES) as i32;
    let why = if config.retention != RetentionPolicy::Limits {
        "its retention drops what somebody has read, and so the message by which it is gone on with; \
         \"limits\" does not"
    } else if config.sealed {
        "it is sealed"
    } else if config.no_ack {
        "it acknowledges nothing"
    } else if config.mirror.is_some() || config.sources.as_ref().is_some_and(|sources| !sources.is_empty()) {
        "others' messages get into it"
    } else if config.subject_transform.is_some() {
        "it changes subjects"
    } else if config.allow_message_counter || config.allow_message_schedules {
        "it makes counters or schedules of messages"
    } else if (1..least).contains(&config.max_message_size) {
        return Some(format!("it takes messages of {} bytes, and {least} are sent", config.max_message_size));
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// What to know of a stream that is fit.
fn notes(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    if config.num_replicas == 1 {
        notes.push("one copy: what it acknowledges is as safe as one server's disk".to_owned());
    }
    if config.storage == StorageType::Memory {
        notes.push("in memory: it goes with its servers".to_owned());
    }
    if config.persist_mode == Some(PersistenceMode::Async) {
        notes.push("it acknowledges before it has written".to_owned());
    }
    if !config.max_age.is_zero() {
        notes.push(format!("it drops messages older than {:?}, read or not", config.max_age));
    }
    if !config.allow_atomic_publish {
        notes.push(
            "it takes no atomic batches (nats-server 2.12, and a stream that allows them): one message at a time \
             is on its way"
                .to_owned(),
        );
    }
    let bounds = [
        (config.max_bytes, "bytes"),
        (config.max_messages, "messages"),
        (config.max_messages_per_subject, "messages of its subject"),
    ];
    for (bound, unit) in bounds.into_iter().filter(|(bound, _)| *bound > 0) {
        notes.push(match config.discard {
            DiscardPolicy::Old => format!("beyond {bound} {unit} it drops the oldest messages, read or not"),
            DiscardPolicy::New => {
                format!("beyond {bound} {unit} it takes nothing more: then records wait here")
            }
        });
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> StreamOptions {
        let name = "TICKS".to_owned();
        StreamOptions { name, subject: None, replicas: None, max_age: None, max_bytes: None, kept: None }
    }

    #[test]
    fn a_stream_that_it_makes_is_fit() {
        let with_bounds = StreamOptions {
            subject: Some("ticks.eur".to_owned()),
            replicas: Some(3),
            max_age: Some(Duration::from_secs(3600)),
            max_bytes: Some(1 << 30),
            ..options()
        };
        for options in [options(), with_bounds] {
            let found = options.check(&options.config(), true).unwrap();
            assert_eq!(
                (found.is_new, found.kept, found.subject.as_str()),
                (true, Kept::File, options.subject())
            );
            assert!(!found.notes.iter().any(|note| note.contains("drops the oldest")), "{:?}", found.notes);
        }
    }

    #[test]
    fn one_that_loses_or_changes_messages_is_not() {
        let fine = options().config();
        let unfit = |change: fn(&mut Config)| {
            let mut config = fine.clone();
            change(&mut config);
            assert!(options().check(&config, false).is_err(), "{config:?}");
        };
        unfit(|config| config.retention = RetentionPolicy::WorkQueue);
        unfit(|config| config.retention = RetentionPolicy::Interest);
        unfit(|config| config.sealed = true);
        unfit(|config| config.no_ack = true);
        unfit(|config| config.sources = Some(vec![Default::default()]));
        unfit(|config| config.mirror = Some(Default::default()));
        unfit(|config| config.max_message_size = 1024);
        unfit(|config| config.subjects.push("more".to_owned()));
        unfit(|config| config.subjects = vec!["TICKS.>".to_owned()]);
    }

    #[test]
    fn one_that_drops_what_nobody_read_is_said_to() {
        let mut config = options().config();
        (config.discard, config.max_messages) = (DiscardPolicy::Old, 10);
        let found = options().check(&config, false).unwrap();
        assert!(found.notes.iter().any(|note| note.contains("drops the oldest messages, read or not")));
        config.max_age = Duration::from_secs(5);
        let found = options().check(&config, false).unwrap();
        assert!(found.notes.iter().any(|note| note.contains("older than 5s")));
    }

    #[test]
    fn what_was_asked_for_otherwise_is_refused() {
        let config = options().config();
        for asked in [
            StreamOptions { replicas: Some(3), ..options() },
            StreamOptions { kept: Some(Kept::Memory), ..options() },
            StreamOptions { max_age: Some(Duration::from_secs(1)), ..options() },
            StreamOptions { max_bytes: Some(1), ..options() },
            StreamOptions { subject: Some("other".to_owned()), ..options() },
        ] {
            let refused = asked.check(&config, false).unwrap_err();
            assert!(matches!(refused, StreamError::Differs { .. }), "{asked:?}");
            let said = refused.to_string();
            assert!(!said.contains("Some(") && !said.contains("None"), "{said}");
        }
    }

    #[test]
    fn names_that_can_be_none_are_refused() {
        for name in ["", "a.b", "a b", "a>", "*", "a/b", "a\n"] {
            assert!(StreamOptions { name: name.to_owned(), ..options() }.check_names().is_err(), "{name:?}");
        }
        for subject in ["", "a..b", ".a", "a.>", "a.*", "a b", "a."] {
            let subject = Some(subject.to_owned());
            assert!(
                StreamOptions { subject: subject.clone(), ..options() }.check_names().is_err(),
                "{subject:?}"
            );
        }
    }
}
