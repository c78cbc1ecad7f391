//! Who a server lets in, and the certificates of TLS.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Who a server lets in.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// All.
    #[default]
    Open,
    /// Who has this token.
    Token(String),
    /// Who has this name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// Who has these credentials.
    Credentials(Box<Credentials>),
}

impl Access {
    /// As lines of the server's configuration.
    pub(crate) fn config(&self) -> String {
        match self {
            Access::Open => String::new(),
            Access::Token(token) => format!("authorization {{ token: {token:?} }}\n"),
            Access::Password { user, password } => {
                format!("authorization {{ user: {user:?}, password: {password:?} }}\n")
            }
            Access::Credentials(made) => made.config.clone(),
        }
    }
}

/// An operator, an account with JetStream and a user of it, made for one test: what a server trusts, and the
/// text of the user's credentials file.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user's credentials file, as `nsc` writes it.
    pub file: String,
    config: String,
}

impl Credentials {
    /// Makes them.
    ///
    /// # Panics
    /// If the system has no random numbers.
    pub fn make() -> Self {
        let (operator, account, system) =
            (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
        let user = KeyPair::new_user();
        let no_limit = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
            "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let said = |name: &str, by: &KeyPair, of: &KeyPair, nats: Value| {
            claims(by, json!({ "sub": of.public_key(), "name": name, "nats": nats }))
        };
        let of_account = |limits: &Value| json!({ "type": "account", "version": 2, "limits": limits });
        let mut without_streams = no_limit.clone();
        for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
            without_streams[limit] = 0.into();
        }
        let operator_says = json!({
            "type": "operator", "version": 2, "system_account": system.public_key(),
        });
        let config = format!(
            "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}\n",
            said("slipring", &operator, &operator, operator_says),
            system.public_key(),
            account.public_key(),
            said("tests", &operator, &account, of_account(&no_limit)),
            system.public_key(),
            said("system", &operator, &system, of_account(&without_streams)),
        );
        let user_says = json!({
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {},
        });
        let token = said("bridge", &account, &user, user_says);
        let seed = user.seed().expect("a pair that was made has its seed");
        let file = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        Credentials { file, config }
    }
}

/// Claims as a token that `issuer` has signed.
fn claims(issuer: &KeyPair, mut claims: Value) -> String {
    claims["iss"] = issuer.public_key().into();
    claims["jti"] = "T".repeat(52).into();
    claims["iat"] = 1.into();
    let head = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&head), part(&claims));
    let signature = issuer.sign(signed.as_bytes()).expect("a pair that was made signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A server's certificate for 127.0.0.1 and localhost, and the one of the authority that signed it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What clients must trust.
    pub authority: PathBuf,
    /// What the server shows.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

impl Tls {
    /// Makes them, as PEM files in a folder.
    ///
    /// # Panics
    /// If they can't be made or written.
    pub fn make(folder: &Path) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "slipring tests");
        let authority_key = KeyPair::generate().expect("make a key");
        let authority = params.self_signed(&authority_key).expect("sign the authority's certificate");
        let issuer = Issuer::new(params, authority_key);

        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("make a key");
        let params = CertificateParams::new(names).expect("names of a certificate");
        let certificate = params.signed_by(&key, &issuer).expect("sign the server's certificate");

        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).expect("write a certificate");
            path
        };
        Tls {
            authority: write("authority.pem", authority.pem()),
            certificate: write("server.pem", certificate.pem()),
            key: write("server.key", key.serialize_pem()),
        }
    }
}
