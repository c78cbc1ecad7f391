//! What was measured, in plain words; the same for every run.

/// Paragraphs of the page: heading, text.
pub const WORDS: [(&str, &str); 7] = [
    (
        "What latency is here",
        "Every event has a moment at which it is due, fixed before the run. Latency is the time from that moment until \
         the stage has the event, so a stall counts for everything that it delays (coordinated omission can't hide it). \
         The first 50 ms of a run are thrown away. The publisher's thread and the stage's lane spin on a core each; a \
         stamp is one reading of the processor's counter, written into memory that is already there. It is read when the \
         event has been: for the first event of a batch the lane waits until its cache line is here. Stamps behind the first, in a \
         burst, may be early by what a line takes from core to core, for every contender alike.",
    ),
    (
        "The columns",
        "ring: no journal. raw disruptor: the crate that slipring's ring is made of, alone, at the same rates. beside: a \
         journal runs, and the stage is gated on published, so it does not wait for it. journalled: the stage sees an \
         event only once it is in the journal and survives the death of the process. durable: only once it is synced \
         and survives power loss. On two cores journal and stage share one lane and take turns. Segments are so small \
         that several rolls fall into every run.",
    ),
    (
        "Stalls, and whose they are",
        "Both threads look at the clock all the time. When two looks are more than 10 us apart (and 20 ns for \
         every record that a lane appended between them; 40 us for durable), something took the core away. The kernel's \
         counters of the thread say what: nothing that it knows of (host: the hypervisor or an interrupt, or slipring's \
         own code, busy for that long), another thread (switched), page faults, or blocking. <b>Outside the host's \
         stalls</b> leaves out only the first kind; <b>outside stalls</b> leaves out the first two. Columns with a journal \
         have threads of slipring's beside, the journal's preparer and syncer: where cores are few, switched stalls \
         there are mostly those. So for these columns the figure outside the host's stalls is the honest one: what it \
         keeps includes what other programs took. Left out are events that were due during a stall or less than 10 us \
         before it, and the backlog behind it, for twice its length at most; an event that was late before the stall stays \
         in. A stall of the stage's thread in which a segment may have rolled is never left out. Each line says how much was. \
         What of slipring's looks like the host's all the same shows as an excess of the host's milliseconds a second over \
         the raw ring's. Page faults and blocking are slipring's own and always stay in. Near \
         and beyond the knee much is left out: then only the first line says anything.",
    ),
    (
        "Throughput, rounds and ratios",
        "Contenders take turns round by round in one process, in an order that is shuffled for every round. A figure is the median of \
         its rounds; its spread is the least and the greatest. A ratio is taken within a round, since a virtual machine \
         changes its speed from minute to minute, and the median of those ratios is shown: slipring's figure over the \
         other's, so above 1 is better for M/s and below 1 for times. Behind each contender that writes to the disk the file \
         system is synced and the machine rests 30 ms, outside every time. bound-copy stores the same bytes into mapped \
         memory by a plain loop, bound-copy-crc stores them with the checksum: what this machine does with nothing around it, \
         not proof that nothing can be faster; -beside, while the other core is busy. disruptor-copy-crc is the raw ring with the \
         least of a home-made log, a copy and a checksum, in its handler. bound-pingpong is a counter to and fro in two cache lines, bound-read the sum of \
         all words of the events in memory, bound-pread the journal's files copied out of the page cache. disruptor-hint is the raw ring whose consumer tells the processor that it spins, as \
         slipring's does by default; the raw ring's clock starts when its consumer has had a first event.",
    ),
    (
        "Topologies, waiting, draining",
        "topology/... are LMAX's, events published one by one, each with a lane for every stage (dedicated) \
         and with all stages on one lane (fused); the raw ring is wired alike with a poller a stage. Where \
         threads that spin outnumber the cores nothing is pinned, both sides yield, and the scheduler is \
         measured too; the bench says so. pingpong is the round trip of one event through two rings. \
         slipring-spin has lanes that look again at once, always. \
         drain is the cost of an event when a stage catches up with a ring of 16,384 that three publishers \
         have filled: drain/ring from a standstill, drain/gate behind a gate that opens late; -b64 and \
         -take64 take 64 events a poll, and each poll of the raw ring for several publishers scans all that \
         is published.",
    ),
    (
        "Burst and sustained",
        "append measures records going into pages that were prepared before (a burst that fits the reserve); \
         append/sustained starts with an empty folder and counts all preparation of segments. Stores are marked the same \
         way: durable-throughput counts until everything is on disk. The peers take a thousand events at a time (sqlite-each \
         one), and none syncs before the end: sqlite with a write-ahead log and synchronous = OFF, redb with Durability::None (weaker than \
         journalled), fjall with its buffer written. The events' numbers are small and regular, which suits postcard and \
         Parquet: they write fewer bytes. Parquet is readable only once its footer is written. binaryheap, btreemap and \
         vecdeque keep nothing; the first and the last write into memory that held as many events before, a btreemap has to allocate. peers/replay starts in the middle by time: jsonl and postcard have to read from the start, \
         binaryheap has to be copied and emptied; only what is delivered counts. replay goes from the first event to the last; seek is the time from a random time to \
         the first event, for those that read from the start too.",
    ),
    (
        "What this does not say",
        "Nothing about another machine: run it there. Nothing about handlers that do real work, or more cores than this \
         machine has; what needs them is marked or listed as skipped. Nothing about a disk that others use at the \
         same time. A percentile with fewer than ten events behind it is one run's luck.",
    ),
];
