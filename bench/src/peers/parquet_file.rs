//! A Parquet file, plain columns of 64-bit integers, written a row group at a time. Row groups that end
//! before the time wanted are skipped by their statistics.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::Int64Type;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::event::Order;
use crate::peers::{Peer, Take, time_of};

const COLUMNS: usize = 8;
const GROUP_ROWS: usize = 1 << 16;

pub struct ParquetFile {
    path: PathBuf,
    /// Gone once the file is closed: its footer comes last.
    writer: Option<SerializedFileWriter<File>>,
    columns: [Vec<i64>; COLUMNS],
}

impl ParquetFile {
    fn write_group(&mut self) {
        let Some(writer) = &mut self.writer else { return };
        if self.columns[0].is_empty() {
            return;
        }
        let mut group = writer.next_row_group().expect("a row group");
        for values in &mut self.columns {
            let mut column =
                group.next_column().expect("room on the disk").expect("as many as the schema has");
            column.typed::<Int64Type>().write_batch(values, None, None).expect("room on the disk");
            column.close().expect("room on the disk");
            values.clear();
        }
        group.close().expect("room on the disk");
    }

    fn close(&mut self) {
        self.write_group();
        if let Some(writer) = self.writer.take() {
            writer.close().expect("room on the disk");
        }
    }
}

impl Peer for ParquetFile {
    fn create(folder: &Path) -> Self {
        let path = folder.join("events.parquet");
        let schema = "message event { required int64 time; required int64 id; required int64 price; required int64 \
                      quantity; required int64 side; required int64 a; required int64 b; required int64 c; }";
        let schema = Arc::new(parse_message_type(schema).expect("a valid schema"));
        // Without a dictionary: every value is new.
        let properties = Arc::new(WriterProperties::builder().set_dictionary_enabled(false).build());
        let file = File::create(&path).expect("a file");
        let writer = Some(SerializedFileWriter::new(file, schema, properties).expect("a writer"));
        ParquetFile { path, writer, columns: Default::default() }
    }

    fn append(&mut self, first: u64, count: u64) {
        for n in first..first + count {
            let Order { id, price, quantity, side, rest } = Order::nth(n);
            let [a, b, c] = rest.map(|word| word as i64);
            let row = [time_of(n) as i64, id as i64, price, i64::from(quantity), i64::from(side), a, b, c];
            self.columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        if self.columns[0].len() >= GROUP_ROWS {
            self.write_group();
        }
    }

    fn flush(&mut self) {
        // Unreadable before its footer is there.
        self.close();
    }

    fn sync(&mut self) {
        self.close();
        File::open(&self.path).and_then(|file| file.sync_all()).expect("a disk that syncs");
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let file = File::open(&self.path).expect("the file");
        let reader = SerializedFileReader::new(file).expect("what was written");
        let metadata = reader.metadata();
        let mut columns: [Vec<i64>; COLUMNS] = Default::default();
        for at in 0..metadata.num_row_groups() {
            if let Some(Statistics::Int64(times)) = metadata.row_group(at).column(0).statistics()
                && times.max_opt().is_some_and(|last| *last < time_ns as i64)
            {
                continue;
            }
            let group = reader.get_row_group(at).expect("what was written");
            let rows = metadata.row_group(at).num_rows() as usize;
            for (index, values) in columns.iter_mut().enumerate() {
                values.clear();
                let column = group.get_column_reader(index).expect("what was written");
                let mut column = get_typed_column_reader::<Int64Type>(column);
                while values.len() < rows {
                    column.read_records(rows - values.len(), None, None, values).expect("what was written");
                }
            }
            let [time, id, price, quantity, side, a, b, c] = &columns;
            for row in (0..rows).filter(|row| time[*row] >= time_ns as i64) {
                let order = Order {
                    id: id[row] as u64,
                    price: price[row],
                    quantity: quantity[row] as u32,
                    side: side[row] as u32,
                    rest: [a[row] as u64, b[row] as u64, c[row] as u64],
                };
                if take(&order).is_break() {
                    return;
                }
            }
        }
    }
}
