//! Random schemas and events of them, and the journals that hold them.
#![allow(dead_code)] // each test uses its part

use proptest::prelude::*;
use slipring_columns::SinkOptions;
use slipring_journal::{Journal, Schema};
use slipring_schema::{Column, Kind, Table};

/// Every kind of field, as a schema's text says it: kind, size, attributes.
const SHAPES: &[(&str, usize, &str)] = &[
    ("u8", 1, ""),
    ("u16", 2, ""),
    ("u32", 4, "\tunit=shares"),
    ("u64", 8, ""),
    ("u128", 16, ""),
    ("i8", 1, ""),
    ("i16", 2, ""),
    ("i32", 4, ""),
    ("i64", 8, ""),
    ("i128", 16, ""),
    ("f32", 4, ""),
    ("f64", 8, ""),
    ("u8", 1, "\tbool="),
    ("u8", 1, "\tdecimal=0"),
    ("u32", 4, "\tdecimal=4"),
    ("i64", 8, "\tdecimal=2"),
    ("u64", 8, "\tdecimal=19"),
    ("i128", 16, "\tdecimal=38"),
    ("u64", 8, "\ttime=ns"),
    ("i64", 8, "\ttime=ns"),
    ("i64", 8, "\ttime=us\tinput=s"),
    ("u64", 8, "\ttime=ms"),
    ("u32", 4, "\ttime=s"),
    ("i64", 8, "\ttime=s"),
    ("u8", 1, "\tenum=buy:1,sell:2,nobody:0"),
    ("i32", 4, "\tenum=minus one:-1,7:5,é:6"),
    ("[u8;8]", 8, "\ttext="),
    ("[u8;1]", 1, "\ttext="),
    ("[u8;16]", 16, ""),
    ("[u64;4]", 32, ""),
    ("[i64;3]", 24, "\tdecimal=3"),
    ("[u64;2]", 16, "\ttime=ns"),
    ("[u8;0]", 0, ""),
    ("[[i16;2];3]", 12, ""),
    ("[f64;2]", 16, ""),
    ("[[u8;4];2]", 8, "\ttext="),
    ("[[u8;3];2]", 6, ""),
    ("[u16;2]", 4, "\tenum=a:1,b:2"),
    ("[u128;2]", 32, ""),
];

/// A schema of some fields; one of several variants if said.
pub fn any_schema() -> impl Strategy<Value = Schema> {
    let fields = |most| proptest::collection::vec(0..SHAPES.len(), 1..most);
    (fields(10), proptest::option::of((fields(4), fields(4)))).prop_map(|(common, variants)| {
        let (mut lines, mut at) = (String::new(), 0);
        if let Some((one, other)) = variants {
            lines.push_str("tag u32 0 4\nOne u32=1 0 4\nOther u32=7 0 4\n");
            let (one_lines, one_end) = lay_out("One/", &one, 8);
            let (other_lines, other_end) = lay_out("Other/", &other, 8);
            lines += &format!("_pad [u8;4] 4 4\n{one_lines}{other_lines}");
            at = one_end.max(other_end);
        }
        let (more, end) = lay_out("", &common, at);
        let size = end.next_multiple_of(16).max(16);
        Schema::from_text(&format!("Any {size}\n{lines}{more}")).expect("a possible event")
    })
}

fn lay_out(before: &str, shapes: &[usize], from: usize) -> (String, usize) {
    let (mut lines, mut at) = (String::new(), from);
    for (place, shape) in shapes.iter().enumerate() {
        let (kind, size, attributes) = SHAPES[*shape];
        // A gap here and there.
        at += place % 3;
        let dots = if place % 4 == 3 { "leg.px" } else { "f" };
        lines += &format!("{before}{dots}{place} {kind} {at} {size}{attributes}\n");
        at += size;
    }
    (lines, at)
}

/// A small generator of numbers.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// An event whose values the formats have room for.
pub fn any_event(table: &Table, random: &mut Random) -> Vec<u8> {
    let mut event = vec![0; table.event_bytes];
    let is_tag = |column: &&Column| column.path == "_variant";
    if let Some(tag) = table.columns.iter().find(is_tag) {
        let value: u32 = [1, 7, 7, 1, 9][(random.next() % 5) as usize];
        event[tag.offset..][..4].copy_from_slice(&value.to_le_bytes());
    }
    for column in table.columns.iter().filter(|column| !is_tag(column)) {
        if column.is_in(&event) {
            let range = column.offset..column.offset + column.kind.bytes();
            fill(&column.kind, random, &mut event[range]);
        }
    }
    event
}

fn fill(kind: &Kind, random: &mut Random, out: &mut [u8]) {
    // Extremes come as often as anything else.
    match (random.next() % 4, kind) {
        (0, Kind::Integer(_) | Kind::Float32 | Kind::Float64 | Kind::Bytes(_)) => return out.fill(0xff),
        (1, Kind::Integer(_) | Kind::Time { .. } | Kind::Decimal { .. } | Kind::Text(_)) => {
            return out.fill(0);
        }
        _ => {}
    }
    match kind {
        Kind::Bool => out[0] = (random.next() % 2) as u8,
        Kind::Decimal { storage, .. } if storage.bytes == 16 => {
            let most = 10i128.pow(38) - 1;
            let wide = (i128::from(random.next()) << 64) | i128::from(random.next());
            out.copy_from_slice(&wide.clamp(-most, most).to_le_bytes());
        }
        Kind::Time { storage, unit, .. } if storage.bytes == 8 => {
            let none = !storage.signed && random.next() % 4 == 0;
            let most = i64::MAX / if unit.nanos() == 1_000_000_000 { 1000 } else { 1 };
            let count = random.next() as i64 % most;
            let count = if storage.signed { count } else { count.abs() };
            let count = if none { u64::MAX } else { count as u64 };
            out.copy_from_slice(&count.to_le_bytes());
        }
        Kind::Enum { storage, .. } => {
            // Named ones, and some that have no name, and no text that is another's name.
            let value = [0i64, 1, 2, 3, 5, 6, 100, 127][(random.next() % 8) as usize];
            out.copy_from_slice(&value.to_le_bytes()[..storage.bytes]);
        }
        Kind::Text(size) => {
            let texts = ["a", "AAPL", "é", "x,y\"\n", "0x41", "\u{7f}", "12345678", "漢字"];
            let text = texts[(random.next() % 8) as usize];
            let end = (0..=text.len().min(*size)).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
            out[..end].copy_from_slice(&text.as_bytes()[..end]);
        }
        Kind::Array(item, _) => {
            out.chunks_exact_mut(item.bytes()).for_each(|bytes| fill(item, random, bytes));
        }
        _ => out.iter_mut().for_each(|byte| *byte = random.next() as u8),
    }
}

/// A journal of such events in a folder; times that are equal, one apart, and far apart.
pub fn journal_of(folder: &std::path::Path, schema: &Schema, events: &[Vec<u8>]) -> Journal {
    let journal = Journal::at(folder).segment_records(64).max_time_step(std::time::Duration::MAX);
    let (mut writer, _) = journal.open_raw(schema).unwrap();
    for (n, event) in (0u64..).zip(events) {
        let time = 1_710_063_000_000_000_000 + n / 3 + (n / 20) * 1_000_000_007;
        writer.append(time, event).unwrap();
    }
    writer.close().unwrap();
    journal
}

/// Sequence, time and epoch, and the event, of every record.
pub fn records_of(journal: &Journal) -> Vec<((u64, u64, u32), Vec<u8>)> {
    let mut reader = journal.raw_reader().unwrap();
    let mut all = Vec::new();
    reader
        .for_each(0..u64::MAX, |record| {
            all.push(((record.sequence, record.time_ns, record.epoch), record.event.to_vec()));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    all
}

/// Gives a sink all of a journal: some of it by chunks, some by halves of them, some one by one.
#[macro_export]
macro_rules! write_all {
    ($sink:expr, $journal:expr) => {{
        let mut sink = $sink;
        let mut reader = $journal.raw_reader().unwrap();
        let (mut at, mut way) = (0u64, 0u32);
        loop {
            let chunk = reader.chunk(at).unwrap();
            if chunk.is_empty() {
                break;
            }
            at += chunk.len() as u64;
            way += 1;
            let rows: Vec<slipring_schema::Row<'_>> = chunk.records().map(Into::into).collect();
            match way % 3 {
                0 => sink.push(&rows).unwrap(),
                1 => {
                    let (some, rest) = rows.split_at(rows.len() / 2);
                    sink.push(some).unwrap();
                    sink.push(rest).unwrap();
                }
                _ => rows.chunks(1).for_each(|row| sink.push(row).unwrap()),
            }
        }
        sink.finish().unwrap();
    }};
}

/// All rows of a source, as events and times; none may have a fault.
#[macro_export]
macro_rules! read_all {
    ($source:expr) => {{
        let mut source = $source;
        let (mut rows, mut all) = (slipring_columns::Rows::default(), Vec::new());
        while source.next_batch(&mut rows).unwrap() > 0 {
            assert!(rows.faults.is_empty(), "{:?}", rows.faults);
            assert_eq!(rows.first_row, all.len() as u64);
            let event_bytes = rows.events.len() / rows.len();
            for (event, time) in rows.events.chunks_exact(event_bytes).zip(&rows.times) {
                all.push((*time, event.to_vec()));
            }
        }
        all
    }};
}

pub fn options(schema: &Schema) -> SinkOptions {
    SinkOptions::new(schema.clone())
}
