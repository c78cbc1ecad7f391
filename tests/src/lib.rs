//! What slipring's whole-system tests share. The tests are the folders of `tests/tests`, a theme each; the
//! processes that they start and kill are the files of `src/bin`.

pub mod blocked;
pub mod children;
pub mod counting;
pub mod deaths;
pub mod disks;
pub mod faulty;
pub mod folders;
pub mod fuzzed;
pub mod fuzzed_acknowledged;
pub mod fuzzed_files;
pub mod fuzzed_readers;
pub mod graphs;
pub mod handlers;
pub mod images;
pub mod journals;
pub mod keeps_all;
pub mod lives;
pub mod matching;
pub mod often;
pub mod pages;
pub mod rebooted;
pub mod relay;
pub mod tries;
pub mod types;
pub mod unsynced;
pub mod verdicts;

/// The README's example, compiled and run as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of the docs, likewise, a name for each page.
macro_rules! pages {
    ($($name:ident $page:literal)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/", $page, ".md"))]
        struct $name;
    )*};
}

pages! {
    Tutorial "tutorial"
    BackUpAndArchive "how-to/back-up-and-archive"
    Backtest "how-to/backtest"
    ChangeAnEvent "how-to/change-an-event"
    ChooseAWait "how-to/choose-a-wait"
    ComeFromAScript "how-to/come-from-a-script"
    ComeFromChronicleQueue "how-to/come-from-chronicle-queue"
    ComeFromEventStoreDb "how-to/come-from-eventstoredb"
    ComeFromKafkaConsumers "how-to/come-from-kafka-consumers"
    ComeFromLmaxDisruptor "how-to/come-from-lmax-disruptor"
    ComeFromPandas "how-to/come-from-pandas"
    ComeFromSqlite "how-to/come-from-sqlite"
    ComeFromSqs "how-to/come-from-sqs"
    ComeFromTheDisruptorCrate "how-to/come-from-the-disruptor-crate"
    DropDoubles "how-to/drop-doubles"
    GiveAResultToTheStagesBehind "how-to/give-a-result-to-the-stages-behind"
    HandleErrors "how-to/handle-errors"
    KeepTheJournalInMemory "how-to/keep-the-journal-in-memory"
    MeasureLatency "how-to/measure-latency"
    MergeSources "how-to/merge-sources"
    PinCores "how-to/pin-cores"
    ReadWithAName "how-to/read-with-a-name"
    SendEffectsOnce "how-to/send-effects-once"
    UseFromPython "how-to/use-from-python"
    WriteARecoveringStage "how-to/write-a-recovering-stage"
}

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
