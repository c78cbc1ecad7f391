//! Who a server lets in: by token, by password, by credentials, by TLS; and who it does not.

use slipring_jetstream::connect::{Access, Connect, Secret};
use slipring_test_servers::access::{self, Credentials};
use slipring_test_servers::nats::{Nats, Options};

fn to(nats: &Nats, access: Access) -> Connect {
    Connect { servers: vec![nats.url()], access, ..Connect::default() }
}

/// Asserts that this one is let in, and can ask JetStream.
async fn is_let_in(connect: &Connect) {
    let link = connect.connect().await.unwrap();
    link.jetstream.query_account().await.unwrap();
}

/// Asserts that this one is not, and is told so at once.
async fn is_refused(connect: &Connect) {
    let refused = connect.connect().await.unwrap_err();
    assert!(!refused.may_pass(), "{refused:?}");
}

#[tokio::test]
async fn by_token() {
    let access = access::Access::Token("a token".to_owned());
    let Some(nats) = Nats::start(Options::with_access(access)) else { return };
    is_let_in(&to(&nats, Access::Token(Secret("a token".to_owned())))).await;
    is_refused(&to(&nats, Access::Token(Secret("another".to_owned())))).await;
    is_refused(&to(&nats, Access::Open)).await;
}

#[tokio::test]
async fn by_name_and_password() {
    let (user, password) = ("bridge".to_owned(), "a password".to_owned());
    let access = access::Access::Password { user: user.clone(), password: password.clone() };
    let Some(nats) = Nats::start(Options::with_access(access)) else { return };
    is_let_in(&to(&nats, Access::Password { user: user.clone(), password: Secret(password) })).await;
    is_refused(&to(&nats, Access::Password { user, password: Secret("another".to_owned()) })).await;
}

#[tokio::test]
async fn by_a_file_of_credentials() {
    let credentials = Credentials::make();
    let access = access::Access::Credentials(Box::new(credentials.clone()));
    let Some(nats) = Nats::start(Options::with_access(access)) else { return };
    let write = |name: &str, text: &str| {
        let path = nats.folder().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    is_let_in(&to(&nats, Access::Credentials(write("own.creds", &credentials.file)))).await;
    // Of an operator whom the server does not know.
    is_refused(&to(&nats, Access::Credentials(write("other.creds", &Credentials::make().file)))).await;
    is_refused(&to(&nats, Access::Credentials(nats.folder().join("none.creds")))).await;
}

#[tokio::test]
async fn by_tls() {
    let Some(nats) = Nats::start(Options::with_tls()) else { return };
    let authority = nats.tls().map(|tls| tls.authority.clone());
    let by_tls = Connect { authority, require_tls: true, ..to(&nats, Access::Open) };
    is_let_in(&by_tls).await;
    // Nobody here has signed what the server shows.
    let unknown = Connect { authority: None, ..by_tls };
    unknown.connect().await.unwrap_err();
}
