//! To whom to connect.

use std::path::PathBuf;

use clap::Args;
use slipring_jetstream::connect::{Access, Connect, Secret};

/// To whom to connect.
#[derive(Args)]
pub struct ConnectArgs {
    /// A server's address; may be given again for others of the same cluster
    #[arg(
        long,
        value_name = "URL",
        env = "NATS_URL",
        value_delimiter = ',',
        default_value = "nats://127.0.0.1:4222"
    )]
    pub server: Vec<String>,
    /// A file of credentials (a JWT and its seed)
    #[arg(long, value_name = "FILE", env = "NATS_CREDS", conflicts_with_all = ["token", "user"])]
    pub credentials: Option<PathBuf>,
    /// A token; better said by the environment, where others don't see it
    #[arg(long, env = "NATS_TOKEN", hide_env_values = true, conflicts_with = "user")]
    pub token: Option<String>,
    /// A user's name
    #[arg(long, env = "NATS_USER", requires = "password")]
    pub user: Option<String>,
    /// The user's password; better said by the environment, where others don't see it
    #[arg(long, env = "NATS_PASSWORD", hide_env_values = true, requires = "user")]
    pub password: Option<String>,
    /// No connection without TLS
    #[arg(long)]
    pub tls: bool,
    /// Trust these certificates (PEM) beside the machine's own
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// The client's own certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl std::fmt::Debug for ConnectArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.connect(None).fmt(f)
    }
}

impl ConnectArgs {
    /// The same for the library.
    pub fn connect(&self, name: Option<String>) -> Connect {
        let access = match (&self.credentials, &self.token, &self.user) {
            (Some(path), ..) => Access::Credentials(path.clone()),
            (None, Some(token), _) => Access::Token(Secret(token.clone())),
            (None, None, Some(user)) => Access::Password {
                user: user.clone(),
                password: Secret(self.password.clone().unwrap_or_default()),
            },
            (None, None, None) => Access::Open,
        };
        Connect {
            servers: self.server.clone(),
            access,
            authority: self.tls_ca.clone(),
            certificate: self.tls_cert.clone().zip(self.tls_key.clone()),
            require_tls: self.tls,
            name,
        }
    }
}
