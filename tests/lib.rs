//! What slipring's whole-system tests share; the tests are the files beside this one, a theme each.

pub mod blocked;
pub mod children;
pub mod counting;
pub mod deaths;
pub mod disks;
pub mod faulty;
pub mod fuzzed;
pub mod graphs;
pub mod handlers;
pub mod images;
pub mod journals;
pub mod lives;
pub mod matching;
pub mod rebooted;
pub mod relay;
pub mod unsynced;
pub mod verdicts;

/// The README's example, compiled and run as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The examples of the docs, likewise.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tutorial.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/back-up-and-archive.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/backtest.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/choose-a-wait.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/come-from-chronicle-queue.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/come-from-lmax-disruptor.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/come-from-pandas.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/come-from-sqlite.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/come-from-the-disruptor-crate.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/handle-errors.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/keep-the-journal-in-memory.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/measure-latency.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/merge-sources.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/pin-cores.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/send-effects-once.md"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/write-a-recovering-stage.md"))]
struct Docs;

/// Trap 13: nothing of the ring escapes a publish closure.
///
/// ```compile_fail,E0521
/// fn escapes(publisher: &mut slipring::Publisher<slipring_tests::journals::Note>) {
///     let mut escaped = None;
///     publisher.publish_with(|event| escaped = Some(event)).unwrap();
///     escaped.unwrap().id = 1;
/// }
/// ```
///
/// Without the escape it compiles:
///
/// ```
/// fn stays(publisher: &mut slipring::Publisher<slipring_tests::journals::Note>) {
///     publisher.publish_with(|event| event.id = 1).unwrap();
/// }
/// ```
#[cfg(doctest)]
struct Trap13;
