//! Who is let in, and by which certificates.

use slipring_jetstream::connect::{Access, Connect, Secret};
use slipring_jetstream::error::OutError;
use slipring_jetstream::out::{self, Ended};
use slipring_journal::Journal;
use slipring_test_servers::access::{Access as Let, Credentials};
use slipring_test_servers::nats::{Nats, Options};
use tokio::sync::watch;

use crate::common::{options, to, written};

async fn send(journal: &Journal, connect: &Connect) -> Result<Ended, OutError> {
    let (_say, stop) = watch::channel(false);
    out::run(journal, connect, &options("TICKS"), stop, |_| {}).await
}

/// It gets in with the right word, and without it ends at once.
async fn only_with(nats: &Nats, access: Access) {
    let folder = tempfile::tempdir().unwrap();
    let journal = written(folder.path(), 100);
    let without = to(&nats.url());
    let refused = send(&journal, &without).await.unwrap_err();
    assert!(matches!(refused, OutError::Connect(_)), "{refused}");
    let with = Connect { access, ..without };
    assert!(!format!("{with:?}").contains("s3cret"));
    assert_eq!(send(&journal, &with).await.unwrap().progress.acknowledged, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_token() {
    let Some(nats) = Nats::start(Options::with_access(Let::Token("s3cret".into()))) else { return };
    only_with(&nats, Access::Token(Secret("s3cret".to_owned()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_password() {
    let (user, word) = ("bridge".to_owned(), "s3cret".to_owned());
    let access = Let::Password { user: user.clone(), password: word.clone() };
    let Some(nats) = Nats::start(Options::with_access(access)) else { return };
    only_with(&nats, Access::Password { user, password: Secret(word) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_credentials() {
    let made = Credentials::make();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bridge.creds");
    std::fs::write(&file, &made.file).unwrap();
    let Some(nats) = Nats::start(Options::with_access(Let::Credentials(Box::new(made)))) else { return };
    only_with(&nats, Access::Credentials(file)).await;
    let missing = Connect { access: Access::Credentials("nowhere.creds".into()), ..to(&nats.url()) };
    let journal = written(&folder.path().join("journal"), 1);
    assert!(send(&journal, &missing).await.unwrap_err().to_string().starts_with("nowhere.creds: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_certificate() {
    let Some(nats) = Nats::start(Options::with_tls()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = written(folder.path(), 100);
    let strange = to(&nats.url());
    let given_up = send(&journal, &strange).await.unwrap_err();
    assert!(given_up.to_string().contains("certificate"), "{given_up}");
    let authority = nats.tls().map(|tls| tls.authority.clone());
    let known = Connect { authority, require_tls: true, ..strange };
    assert_eq!(send(&journal, &known).await.unwrap().progress.acknowledged, 100);
}
