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

/// The guide's stage that recovers, too.
#[cfg(doctest)]
#[doc = include_str!("../docs/how-to/write-a-recovering-stage.md")]
struct Recovery;

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
