//! What slipring's whole-system tests share. The tests are the folders of `tests/tests`, a theme each; the processes that
//! they start and kill are the files of `src/bin`.

pub mod blocked;
pub mod children;
pub mod counting;
pub mod deaths;
pub mod disks;
pub mod faulty;
pub mod folders;
pub mod fuzzed;
pub mod fuzzed_files;
pub mod graphs;
pub mod handlers;
pub mod images;
pub mod journals;
pub mod keeps_all;
pub mod lives;
pub mod matching;
pub mod rebooted;
pub mod relay;
pub mod unsynced;
pub mod verdicts;

/// The README's example, compiled and run as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The guide's stage that recovers, too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/recovery.md")]
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
