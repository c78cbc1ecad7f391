//! The histograms in the formats of HdrHistogram, for its own tools.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::report::Findings;

/// `latency.hlog` with a tagged histogram a bench and contender, and a `.hgrm` each.
pub fn write(folder: &Path, findings: &Findings) -> io::Result<()> {
    let named = named(findings);
    if named.is_empty() {
        return Ok(());
    }
    let percentiles = folder.join("hgrm");
    std::fs::create_dir_all(&percentiles)?;
    for (name, histogram) in &named {
        std::fs::write(percentiles.join(format!("{}.hgrm", name.replace('/', "-"))), hgrm(histogram))?;
    }
    std::fs::write(folder.join("latency.hlog"), hlog(&named)?)
}

/// Every histogram that holds something, by a name without spaces or commas.
fn named(findings: &Findings) -> Vec<(String, &Histogram<u64>)> {
    let mut named = Vec::new();
    for cell in &findings.latency.cells {
        let name = format!("{}/{}", cell.bench, cell.contender);
        named.push((format!("{name}/outside-stalls"), &cell.judged.outside));
        named.push((format!("{name}/outside-host"), &cell.judged.outside_host));
        named.push((name, &cell.judged.all));
    }
    for core in &findings.jitter {
        named.push((format!("jitter/core{}", core.core), &core.jumps));
    }
    named.retain(|(_, histogram)| !histogram.is_empty());
    named
}

fn hlog(named: &[(String, &Histogram<u64>)]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("slipring-bench: nanoseconds, one histogram a bench and contender, all rounds")
        .with_start_time(SystemTime::now())
        .with_max_value_divisor(1.0)
        .begin_log_with(&mut bytes, &mut serializer)?;
    for (name, histogram) in named {
        let (tag, second) = (Tag::new(name), Duration::from_secs(1));
        log.write_histogram(histogram, Duration::ZERO, second, tag)
            .map_err(|error| io::Error::other(format!("{name}: {error:?}")))?;
    }
    drop(log);
    Ok(bytes)
}

/// The percentile distribution as HdrHistogram's own tools print it; values in nanoseconds.
fn hgrm(histogram: &Histogram<u64>) -> String {
    let mut text =
        format!("{:>14} {:>16} {:>12} {:>16}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for step in histogram.iter_quantiles(5) {
        let (value, quantile) = (step.value_iterated_to(), step.quantile_iterated_to());
        let (count, rest) = (histogram.count_between(0, value), 1.0 / (1.0 - quantile));
        let _ = if quantile < 1.0 {
            writeln!(text, "{value:>14} {quantile:>16.12} {count:>12} {rest:>16.2}")
        } else {
            writeln!(text, "{value:>14} {quantile:>16.12} {count:>12} {:>16}", "inf")
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n#[Max     = {:>12}, Total count    = {:>12}]",
        histogram.mean(),
        histogram.stdev(),
        histogram.max(),
        histogram.len()
    );
    text
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::stats::histogram;

    fn sample() -> Histogram<u64> {
        let mut histogram = histogram();
        (1..=1000).for_each(|value| histogram.record(value * 100).expect("in bounds"));
        histogram
    }

    #[test]
    fn a_log_reads_back_with_its_tags() {
        let histogram = sample();
        let name = "latency/ring/1000000/slipring".to_owned();
        let bytes = hlog(&[(name.clone(), &histogram)]).expect("memory takes it");
        let mut found = 0;
        for entry in IntervalLogIterator::new(&bytes) {
            if let LogEntry::Interval(interval) = entry.expect("well formed") {
                assert_eq!(interval.tag().expect("tagged").as_str(), name);
                let text = interval.encoded_histogram();
                let decoded = base64_decode(text);
                let back: Histogram<u64> =
                    Deserializer::new().deserialize(&mut &decoded[..]).expect("decodes");
                assert_eq!(back.len(), 1000);
                assert_eq!(back.value_at_quantile(0.5), histogram.value_at_quantile(0.5));
                found += 1;
            }
        }
        assert_eq!(found, 1);
    }

    /// Enough of base 64 for a test: the standard alphabet, padded.
    fn base64_decode(text: &str) -> Vec<u8> {
        let value = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
        for c in text.bytes().filter(|c| *c != b'=') {
            (bits, count) = (bits << 6 | u32::from(value(c)), count + 6);
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
            }
        }
        bytes
    }

    #[test]
    fn percentile_files_end_at_all_of_it() {
        let text = hgrm(&sample());
        let lines: Vec<&str> =
            text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert!(lines[0].contains("1/(1-Percentile)"));
        let last: Vec<&str> = lines[lines.len() - 1].split_whitespace().collect();
        assert_eq!((last[2], last[3]), ("1000", "inf"));
        let counts: Vec<u64> = lines[1..]
            .iter()
            .map(|line| line.split_whitespace().nth(2).and_then(|n| n.parse().ok()).expect("a count"))
            .collect();
        assert!(counts.is_sorted());
    }
}
