//! To whom, with what credentials; a connection that says when it was lost.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use slipring_bridge::retry::Backoff;
use tokio::sync::watch;

use crate::error::ConnectError;

/// A word that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How the server knows who connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Anybody may.
    #[default]
    Open,
    /// By a file of credentials (a JWT and its seed).
    Credentials(PathBuf),
    /// By a token.
    Token(Secret),
    /// By name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// To whom to connect.
#[derive(Clone, Debug, Default)]
pub struct Connect {
    /// The servers' addresses: `nats://host:4222`, `tls://..`; any of a cluster, or all.
    pub servers: Vec<String>,
    /// How they know who connects.
    pub access: Access,
    /// A file of certificates (PEM) to trust beside the machine's own.
    pub authority: Option<PathBuf>,
    /// The client's own certificate and its key (PEM files), for servers that ask for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// No connection without TLS, whatever the address says.
    pub require_tls: bool,
    /// What the server's list of clients shows.
    pub name: Option<String>,
}

/// How a connection fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// It is up.
    pub is_up: bool,
    /// How often it was lost.
    pub losses: u64,
}

/// A connection. It comes back by itself when it was lost.
#[derive(Clone, Debug)]
pub struct Link {
    /// The connection.
    pub client: Client,
    /// The same for JetStream.
    pub jetstream: Context,
    /// How it fares.
    pub state: watch::Receiver<LinkState>,
    complaint: Arc<Mutex<Option<String>>>,
}

/// A request that the server has not answered in this time was lost.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Acknowledgements that may be awaited at once; who sends bounds that himself.
const MOST_AWAITED: usize = 1 << 16;

/// What a server must be, to fetch messages by their places and have consumers that are pulled from.
const LEAST_VERSION: &str = "2.9";
const LEAST: (u32, u32) = (2, 9);

/// Whether a server's version is less than that. One that can't be read is not: who knows.
fn is_too_old(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split(['.', '-']).map(|part| part.parse::<u32>().ok());
    matches!((parts.next().flatten(), parts.next().flatten()), (Some(major), Some(minor)) if (major, minor) < LEAST)
}

impl Connect {
    /// Connects, once.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(&self) -> Result<Link, ConnectError> {
        let servers = self.addresses()?;
        let (set, state) = watch::channel(LinkState { is_up: true, losses: 0 });
        let complaint = Arc::<Mutex<Option<String>>>::default();
        let theirs = Arc::clone(&complaint);
        let options = self.options().await?.event_callback(move |event| {
            note(&set, &theirs, &event);
            std::future::ready(())
        });
        let client = options.connect(servers).await.map_err(|source| ConnectError::Server {
            servers: self.servers.join(", "),
            source: Box::new(source),
        })?;
        let server = client.server_info();
        if is_too_old(&server.version) {
            let (server, version, least) = (server.server_name, server.version, LEAST_VERSION);
            return Err(ConnectError::TooOld { server, version, least });
        }
        let jetstream =
            ContextBuilder::new().timeout(ANSWER_WITHIN).max_ack_inflight(MOST_AWAITED).build(client.clone());
        Ok(Link { client, jetstream, state, complaint })
    }

    fn addresses(&self) -> Result<Vec<ServerAddr>, ConnectError> {
        let parsed = self.servers.iter().map(|server| {
            let source = |source| ConnectError::Address { address: server.clone(), source };
            server.parse::<ServerAddr>().map_err(source)
        });
        let servers = parsed.collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() { Err(ConnectError::NoAddress) } else { Ok(servers) }
    }

    async fn options(&self) -> Result<ConnectOptions, ConnectError> {
        let backoff = Mutex::new(Backoff::new(Duration::from_millis(50), Duration::from_secs(5)));
        let mut options = ConnectOptions::new()
            .name(self.name.as_deref().unwrap_or("slipring-bridge"))
            .connection_timeout(ANSWER_WITHIN)
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(move |tries| {
                let mut backoff = backoff.lock().unwrap_or_else(PoisonError::into_inner);
                if tries <= 1 {
                    backoff.reset();
                }
                backoff.pause()
            });
        options = match &self.access {
            Access::Open => options,
            Access::Token(token) => options.token(token.0.clone()),
            Access::Password { user, password } => {
                options.user_and_password(user.clone(), password.0.clone())
            }
            Access::Credentials(path) => options
                .credentials_file(path)
                .await
                .map_err(|source| ConnectError::File { path: path.clone(), source })?,
        };
        for path in self.authority.iter().chain(self.certificate.iter().flat_map(|(one, key)| [one, key])) {
            std::fs::metadata(path).map_err(|source| ConnectError::File { path: path.clone(), source })?;
        }
        if let Some(path) = &self.authority {
            options = options.add_root_certificates(path.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(if self.require_tls { options.require_tls(true) } else { options })
    }
}

impl Link {
    /// What the server last complained of, if it has.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often the connection was lost so far.
    pub fn losses(&self) -> u64 {
        self.state.borrow().losses
    }

    /// Until the connection is up.
    pub async fn is_up(&self) {
        // It only fails if the client has gone, and that is held here.
        let _ = self.state.clone().wait_for(|state| state.is_up).await;
    }
}

fn note(set: &watch::Sender<LinkState>, complaint: &Mutex<Option<String>>, event: &Event) {
    match event {
        Event::Connected => set.send_modify(|state| state.is_up = true),
        Event::Disconnected => set.send_modify(|state| {
            *state = LinkState { is_up: false, losses: state.losses + 1 };
        }),
        Event::ServerError(_) | Event::ClientError(_) => {
            let text = event.to_string().chars().take(300).collect();
            *complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        }
        _ => {}
    }
}

impl ConnectError {
    /// Whether it may go by itself.
    pub fn may_pass(&self) -> bool {
        let ConnectError::Server { source, .. } = self else { return false };
        match source.kind() {
            ConnectErrorKind::Dns | ConnectErrorKind::TimedOut => true,
            // A certificate that is not to be trusted is met as an error of input and output.
            ConnectErrorKind::Io => !is_of_tls(&**source),
            _ => false,
        }
    }
}

fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<async_nats::rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}
