//! Files that slipring did not write: exactly, or refused with the row and the field.

use std::fs::{self, File};
use std::io::Cursor;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringDictionaryBuilder, UInt32Builder};
use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float32Array,
    Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow_buffer::i256;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use slipring_columns::source::ColumnSource;
use slipring_columns::source::sqlite::{SqliteRows, SqliteSource};
use slipring_columns::{ImportError, RowFault, Rows};
use slipring_journal::Schema;
use slipring_schema::{FieldFault, ParseOptions, Table};

fn parquet_of(columns: Vec<(&str, ArrayRef)>) -> File {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(tempfile::tempfile().unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let mut file = writer.into_inner().unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    file
}

/// What a field holds in each row, as text, or what is wrong with the row.
fn column(field: &str, array: ArrayRef) -> Vec<Result<String, RowFault>> {
    column_with(field, array, ParseOptions::default()).unwrap()
}

fn column_with(
    field: &str,
    array: ArrayRef,
    options: ParseOptions,
) -> Result<Vec<Result<String, RowFault>>, ImportError> {
    let schema = Schema::from_text(&format!("E 32\nx {field}\n")).unwrap();
    let table = Table::new(&schema);
    let mut source = ColumnSource::parquet(parquet_of(vec![("x", array)]))?;
    source.begin(&table, options, 0)?;
    let mut rows = Rows::default();
    source.next_batch(&mut rows)?;
    Ok((0..rows.len())
        .map(|row| match rows.faults.get(&row) {
            Some(fault) => Err(fault.clone()),
            None => Ok(table.columns[0].value(&rows.events[row * 32..][..32]).to_string()),
        })
        .collect())
}

fn shown(all: Vec<Result<String, RowFault>>) -> Vec<String> {
    all.into_iter().map(|one| one.unwrap_or_else(|fault| format!("! {fault}"))).collect()
}

fn starts(all: Vec<Result<String, RowFault>>, wanted: &[&str]) {
    let all = shown(all);
    assert_eq!(all.len(), wanted.len(), "{all:?}");
    for (one, wanted) in all.iter().zip(wanted) {
        let is_fault = wanted.starts_with('!');
        assert!(if is_fault { one.starts_with(wanted) } else { one == wanted }, "{one} is not {wanted}");
    }
}

#[test]
fn floating_point_numbers_are_taken_where_they_are_exactly_what_the_field_holds() {
    let seconds = || -> ArrayRef {
        Arc::new(Float64Array::from(vec![1_710_063_000.5, 1_710_063_000.1, f64::NAN, -1.25]))
    };
    starts(
        column("i64 0 8\ttime=ns\tinput=s", seconds()),
        &[
            "2024-03-10T09:30:00.5Z",
            "! x is the floating-point number 1710063000.1, which is not exactly a value",
            "! x is the floating-point number NaN",
            "1969-12-31T23:59:58.75Z",
        ],
    );
    let prices = || -> ArrayRef { Arc::new(Float64Array::from(vec![101.25, 0.1, 5.0, 1e300])) };
    starts(
        column("i64 0 8\tdecimal=2", prices()),
        &["101.25", "! x is the floating-point number 0.1", "5.00", "! x is the floating-point number 1"],
    );
    starts(column("u8 0 1", prices()), &["! x is", "! x is", "5", "! x is the floating-point number 1000"]);
    starts(column("f64 0 8", prices()), &["101.25", "0.1", "5.0", "1e300"]);
    starts(column("f32 0 4", prices()), &["101.25", "! x is the floating-point number 0.1", "5.0", "! x is"]);
    starts(column("f64 0 8", Arc::new(Float32Array::from(vec![0.1f32]))), &["0.10000000149011612"]);
}

#[test]
fn whole_numbers_and_decimals_are_exact_to_the_last_digit() {
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![7, -1, 9_007_199_254_740_993, i64::MAX])) };
    starts(column("i64 0 8", numbers()), &["7", "-1", "9007199254740993", "9223372036854775807"]);
    starts(column("u64 0 8", numbers()), &["7", "! x is \"-1\"", "9007199254740993", "9223372036854775807"]);
    starts(
        column("i128 0 16\tdecimal=2", numbers()),
        &["7.00", "-1.00", "9007199254740993.00", "9223372036854775807.00"],
    );
    starts(
        column("i64 0 8\tdecimal=2", numbers()),
        &["7.00", "-1.00", "9007199254740993.00", "! x is \"9223"],
    );
    starts(column("f64 0 8", numbers()), &["7.0", "-1.0", "! x is the floating", "! x is the floating"]);
    starts(column("[u8;24] 0 24\ttext=", numbers()), &["7", "-1", "9007199254740993", "9223372036854775807"]);
    let decimals = Decimal128Array::from(vec![12_345, -50, i128::from(i64::MAX)]);
    let decimals: ArrayRef = Arc::new(decimals.with_precision_and_scale(38, 3).unwrap());
    starts(column("i64 0 8\tdecimal=3", decimals.clone()), &["12.345", "-0.050", "9223372036854775.807"]);
    starts(column("i64 0 8\tdecimal=2", decimals.clone()), &["! x is", "-0.05", "! x is"]);
    starts(column("i64 0 8\tdecimal=6", decimals.clone()), &["12.345000", "-0.050000", "! x is"]);
    starts(column("i64 0 8", decimals), &["! x is", "! x is", "! x is"]);
    let wide = Decimal256Array::from(vec![i256::from_i128(5), i256::MAX]);
    let wide: ArrayRef = Arc::new(wide.with_precision_and_scale(76, 1).unwrap());
    starts(column("i64 0 8\tdecimal=1", wide), &["0.5", "! x is"]);
    let ids: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    starts(column("u64 0 8", ids.clone()), &["18446744073709551615"]);
    starts(column("i64 0 8", ids), &["! x is"]);
}

#[test]
fn times_are_exact_whatever_their_unit_and_zone() {
    let nanos = vec![1_710_063_000_000_000_001, -1];
    let naive: ArrayRef = Arc::new(TimestampNanosecondArray::from(nanos.clone()));
    let wanted = ["2024-03-10T09:30:00.000000001Z", "1969-12-31T23:59:59.999999999Z"];
    starts(column("i64 0 8\ttime=ns", naive.clone()), &wanted);
    let zoned: ArrayRef = Arc::new(TimestampNanosecondArray::from(nanos).with_timezone("America/New_York"));
    starts(column("i64 0 8\ttime=ns", zoned), &wanted);
    starts(column("u64 0 8\ttime=ns", naive.clone()), &[wanted[0], "! x is"]);
    starts(column("i64 0 8\ttime=us", naive.clone()), &["! x is", "! x is"]);
    let round = ParseOptions { round_times: true, ..Default::default() };
    let rounded = column_with("i64 0 8\ttime=us", naive.clone(), round).unwrap();
    starts(rounded, &["2024-03-10T09:30:00Z", "1970-01-01T00:00:00Z"]);
    // Of which unit would the number be?
    let refused = column_with("i64 0 8", naive, ParseOptions::default());
    assert!(matches!(refused, Err(ImportError::OtherType { .. })), "{refused:?}");
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_710_063_000_000_001]));
    starts(column("i64 0 8\ttime=ns", micros.clone()), &["2024-03-10T09:30:00.000001Z"]);
    starts(column("i64 0 8\ttime=s", micros), &["! x is"]);
    starts(column("i64 0 8\ttime=s", Arc::new(Date32Array::from(vec![19_792]))), &["2024-03-10T00:00:00Z"]);
    let text: ArrayRef =
        Arc::new(StringArray::from(vec!["2024-03-10T09:30:00.000000001Z", "1710063000.5", "x"]));
    starts(column("i64 0 8\ttime=ns\tinput=s", text), &[wanted[0], "2024-03-10T09:30:00.5Z", "! x is \"x\""]);
    let counts: ArrayRef = Arc::new(Int32Array::from(vec![1_710_063_000]));
    starts(column("i64 0 8\ttime=ns\tinput=s", counts), &["2024-03-10T09:30:00Z"]);
}

#[test]
fn text_comes_from_every_type_of_text() {
    let mut names = StringDictionaryBuilder::<Int8Type>::new();
    names.extend([Some("buy"), None, Some("sell"), Some("buy")]);
    let names: ArrayRef = Arc::new(names.finish());
    starts(column("u8 0 1\tenum=buy:1,sell:2\tdefault=sell", names.clone()), &["buy", "sell", "sell", "buy"]);
    starts(column("[u8;4] 0 4\ttext=", names.clone()), &["buy", "! x has no value", "sell", "buy"]);
    starts(column("[u8;3] 0 3\ttext=\tdefault=", names.clone()), &["buy", "", "! x is \"sell\"", "buy"]);
    let cut = ParseOptions { truncate_text: true, ..Default::default() };
    let cut = column_with("[u8;3] 0 3\ttext=\tdefault=", names, cut).unwrap();
    starts(cut, &["buy", "", "sel", "buy"]);
    let views: ArrayRef = Arc::new(StringViewArray::from(vec!["a long text, longer than a view", "é"]));
    starts(column("[u8;32] 0 32\ttext=", views), &["a long text, longer than a view", "é"]);
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"AAPL\0\0\0"[..], b"\xff"]));
    starts(column("[u8;4] 0 4\ttext=", bytes.clone()), &["AAPL", "! x is bytes, and the field is text"]);
    starts(column("[u8;7] 0 7", bytes), &["AAPL", "! x is 1 bytes, and the field has 7"]);
    let numbers: ArrayRef =
        Arc::new(StringArray::from(vec!["340282366920938463463374607431768211455", "-1"]));
    starts(column("u128 0 16", numbers), &["340282366920938463463374607431768211455", "! x is \"-1\""]);
    let truths: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    starts(column("u8 0 1\tbool=", truths.clone()), &["true", "false"]);
    starts(column("u8 0 1", truths), &["! x is true or false", "! x is true or false"]);
    let truths: ArrayRef = Arc::new(Int32Array::from(vec![1, 0, 2]));
    starts(column("u8 0 1\tbool=", truths), &["true", "false", "! x is \"2\""]);
}

#[test]
fn a_value_that_does_not_fit_leaves_those_around_it_as_they_are() {
    let texts = |texts: &[&str]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let names = |names: &[&str]| -> ArrayRef {
        let mut builder = StringDictionaryBuilder::<Int8Type>::new();
        builder.extend(names.iter().map(|name| Some(*name)));
        Arc::new(builder.finish())
    };
    for side in ["u8 0 1\tenum=buy:1,sell:2", "i128 0 16\tenum=buy:1,sell:2"] {
        for of in [texts, names] {
            starts(column(side, of(&["sell", "buy", "sell"])), &["sell", "buy", "sell"]);
            starts(column(side, of(&["sell", "by", "buy"])), &["sell", "! x is \"by\"", "buy"]);
            starts(column(side, of(&["2", "buy"])), &["sell", "buy"]);
        }
    }
    for of in [texts, names] {
        let symbol = "[u8;7] 0 7\ttext=";
        starts(column(symbol, of(&["ABCD.N", "", "sevenLs", "é"])), &["ABCD.N", "", "sevenLs", "é"]);
        starts(column(symbol, of(&["A", "eightLet", "B\0C", "B"])), &["A", "! x is", "! x is", "B"]);
        starts(column("[u8;7] 0 7\ttext=\tdefault=none", of(&["A", "", "B"])), &["A", "", "B"]);
        starts(column("i32 0 4\tdecimal=1", of(&["1.5", "1.55", "-2"])), &["1.5", "! x is", "-2.0"]);
    }
}

#[test]
fn a_number_that_is_no_value_of_an_enum_is_taken_of_an_export_alone() {
    let side = "u8 0 1\tenum=buy:1,sell:2\tdefault=7";
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), Some(9), Some(2), None]));
    starts(column(side, numbers.clone()), &["buy", "! x is \"9\": expected one of buy, sell", "sell", "7"]);
    let mut builder = StringDictionaryBuilder::<Int8Type>::new();
    builder.extend(["buy", "9", "buy"].map(Some));
    starts(column(side, Arc::new(builder.finish())), &["buy", "! x is \"9\"", "buy"]);
    starts(column(side, Arc::new(StringArray::from(vec!["9", "sell"]))), &["! x is \"9\"", "sell"]);
    // What an export has without a name was without one.
    let sequences: ArrayRef = Arc::new(UInt64Array::from(vec![0, 1, 2, 3]));
    let mut source =
        ColumnSource::parquet(parquet_of(vec![("_sequence", sequences), ("x", numbers)])).unwrap();
    let table = Table::new(&Schema::from_text(&format!("E 1\nx {side}\n")).unwrap());
    source.begin(&table, ParseOptions::default(), 0).unwrap();
    let mut rows = Rows::default();
    source.next_batch(&mut rows).unwrap();
    assert!(rows.faults.is_empty());
    assert_eq!(rows.events, [1, 9, 2, 7]);
}

#[test]
fn lists_have_the_length_of_the_field() {
    let mut lists = ListBuilder::new(UInt32Builder::new());
    lists.append_value([Some(1), Some(2)]);
    lists.append_value([Some(1)]);
    lists.append_value([Some(1), None]);
    lists.append_null();
    let lists: ArrayRef = Arc::new(lists.finish());
    let wanted = ["[1,2]", "! x is a list of 1 values", "! x has no value", "! x has no value"];
    starts(column("[u32;2] 0 8", lists.clone()), &wanted);
    let refused = column_with("u32 0 4", lists, ParseOptions::default());
    assert!(matches!(refused, Err(ImportError::OtherType { .. })));
}

#[test]
fn structs_are_columns_with_dots() {
    let price: ArrayRef = Arc::new(Int64Array::from(vec![5, 6]));
    let leg = StructArray::try_new(
        vec![arrow_schema::Field::new("px", price.data_type().clone(), true)].into(),
        vec![price],
        Some(vec![true, false].into()),
    );
    let leg: ArrayRef = Arc::new(leg.unwrap());
    let mut source = ColumnSource::parquet(parquet_of(vec![("leg", leg)])).unwrap();
    let schema = source.schema("Trade").unwrap();
    assert_eq!(schema.to_text(), "Trade 8\nleg.px i64 0 8\n");
    source.begin(&Table::new(&schema), ParseOptions::default(), 0).unwrap();
    let mut rows = Rows::default();
    assert_eq!(source.next_batch(&mut rows).unwrap(), 2);
    assert_eq!(rows.events[..8], 5i64.to_le_bytes());
    assert!(matches!(rows.faults[&1], RowFault::Field(FieldFault::Missing { .. })));
}

#[test]
fn a_schema_is_made_of_a_file_and_reads_it() {
    let decimals = Decimal128Array::from(vec![10_125, 5]).with_precision_and_scale(10, 2).unwrap();
    let file = || {
        parquet_of(vec![
            ("Trade Time", Arc::new(TimestampMicrosecondArray::from(vec![1, 2])) as ArrayRef),
            ("price", Arc::new(decimals.clone())),
            ("live", Arc::new(BooleanArray::from(vec![true, false]))),
            ("symbol", Arc::new(StringArray::from(vec!["AAPL", "LONGER-NAME"]))),
            ("size", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
            ("_hidden", Arc::new(Int32Array::from(vec![1, 2]))),
        ])
    };
    let mut source = ColumnSource::parquet(file()).unwrap();
    let schema = source.schema("My Trades").unwrap();
    let wanted = "My_Trades 56\ttime=Trade_Time\n\
        Trade_Time i64 0 8\ttime=us\tsource=Trade Time\nprice i64 8 8\tdecimal=2\nlive u8 16 1\tbool=\n\
        symbol [u8;16] 17 16\ttext=\n_pad0 [u8;7] 33 7\nsize f64 40 8\tdefault=NaN\n\
        hidden i32 48 4\tsource=_hidden\n_pad1 [u8;4] 52 4\n";
    assert_eq!(schema, Schema::from_text(wanted).unwrap());
    let table = Table::new(&schema);
    source.begin(&table, ParseOptions::default(), 0).unwrap();
    let mut rows = Rows::default();
    assert_eq!((source.next_batch(&mut rows).unwrap(), rows.faults.len()), (2, 0));
    let values: Vec<String> =
        table.columns.iter().map(|column| column.value(&rows.events[56..]).to_string()).collect();
    assert_eq!(values, ["1970-01-01T00:00:00.000002Z", "0.05", "false", "LONGER-NAME", "NaN", "2"]);
    // From a row on, as a recording that is resumed does.
    let mut source = ColumnSource::parquet(file()).unwrap();
    source.begin(&table, ParseOptions::default(), 1).unwrap();
    let whole = rows.events.clone();
    assert_eq!((source.next_batch(&mut rows).unwrap(), rows.first_row), (1, 1));
    assert_eq!(rows.events, whole[56..]);
    assert_eq!(source.next_batch(&mut rows).unwrap(), 0);
}

#[test]
fn columns_that_are_missing_are_named_before_the_first_row() {
    let file = parquet_of(vec![("a", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]);
    let mut source = ColumnSource::parquet(file).unwrap();
    let schema =
        Schema::from_text("E 16\na u32 0 4\nb u32 4 4\nc u32 8 4\tdefault=9\nd u32 12 4\tsource=D\n");
    let refused = source.begin(&Table::new(&schema.unwrap()), ParseOptions::default(), 0);
    let Err(ImportError::NoColumn { missing, there }) = refused else { panic!("{refused:?}") };
    assert_eq!((missing, there), (vec!["b".to_owned(), "D".to_owned()], vec!["a".to_owned()]));
    let schema = Schema::from_text("E 8\nx u32 0 4\tsource=a\nc u32 4 4\tdefault=9\n").unwrap();
    source.begin(&Table::new(&schema), ParseOptions::default(), 0).unwrap();
    let mut rows = Rows::default();
    assert_eq!(source.next_batch(&mut rows).unwrap(), 1);
    assert_eq!(rows.events, [1, 0, 0, 0, 9, 0, 0, 0]);
}

#[test]
fn arrow_is_read_as_a_file_and_as_a_stream() {
    let batch =
        RecordBatch::try_from_iter([("a", Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef)]).unwrap();
    let (mut stream, mut file) = (Vec::new(), Vec::new());
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let mut writer = FileWriter::try_new(&mut file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = |bytes: &[u8]| {
        let path = folder.path().join(bytes.len().to_string());
        fs::write(&path, bytes).unwrap();
        ColumnSource::arrow(File::open(&path).unwrap())
    };
    let table = Table::new(&Schema::from_text("E 4\na i32 0 4\n").unwrap());
    let pipe = ColumnSource::arrow_stream(Cursor::new(stream.clone()));
    for source in [open(&file), open(&stream), pipe] {
        let mut source = source.unwrap();
        source.begin(&table, ParseOptions::default(), 0).unwrap();
        let mut rows = Rows::default();
        assert_eq!(source.next_batch(&mut rows).unwrap(), 2);
        assert_eq!(rows.events, [1, 0, 0, 0, 2, 0, 0, 0]);
    }
}

/// Whatever becomes of a file: an answer, and no crash.
#[test]
fn damaged_files_are_errors() {
    let file = {
        let mut file = parquet_of(vec![
            ("a", Arc::new(Int32Array::from_iter_values(0..100)) as ArrayRef),
            ("b", Arc::new(StringArray::from_iter_values((0..100).map(|n| n.to_string())))),
        ]);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        bytes
    };
    let table = Table::new(&Schema::from_text("E 12\na i32 0 4\nb [u8;8] 4 8\ttext=\n").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| -> Result<usize, ImportError> {
        let path = folder.path().join("a");
        fs::write(&path, bytes).unwrap();
        let mut source = ColumnSource::parquet(File::open(&path).unwrap())?;
        source.begin(&table, ParseOptions::default(), 0)?;
        let (mut rows, mut count) = (Rows::default(), 0);
        loop {
            match source.next_batch(&mut rows)? {
                0 => return Ok(count),
                more => count += more,
            }
        }
    };
    assert_eq!(read(&file).unwrap(), 100);
    // The crate's panics are errors here, but they would still be printed.
    std::panic::set_hook(Box::new(|_| ()));
    for cut in (0..file.len()).step_by(7) {
        assert!(read(&file[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..file.len() {
        for flip in [0x01, 0x80] {
            let mut damaged = file.clone();
            damaged[at] ^= flip;
            let _ = read(&damaged);
        }
    }
    let _ = std::panic::take_hook();
    assert!(read(b"").is_err() && read(b"PAR1").is_err() && read(&[0; 100]).is_err());
    let none = ColumnSource::avro(Cursor::new(b"Obj\x01nonsense".to_vec()));
    assert!(none.is_err());
}

#[test]
fn an_sqlite_table_of_somebody_else_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE trades (ts TEXT, price REAL, size INTEGER, symbol TEXT);
             INSERT INTO trades VALUES ('2024-03-10T09:30:00.000000001Z', 101.25, 5, 'AAPL');
             INSERT INTO trades VALUES ('2024-03-10T09:30:00.000000002Z', 0.1, -5, 'MSFT');",
        )
        .unwrap();
    let schema = Schema::from_text(
        "Trade 24\tts\nts u64 0 8\ttime=ns\nprice i64 8 8\tdecimal=2\nsize i32 16 4\nsymbol [u8;4] 20 4\ttext=\n",
    );
    let table = Table::new(&schema.unwrap());
    let mut source = SqliteSource::open(&path, &SqliteRows::OnlyTable).unwrap();
    source.begin(&table, ParseOptions::default(), 0).unwrap();
    let mut rows = Rows::default();
    assert_eq!(source.next_batch(&mut rows).unwrap(), 2);
    let values: Vec<String> =
        table.columns.iter().map(|column| column.value(&rows.events[..24]).to_string()).collect();
    assert_eq!(values, ["2024-03-10T09:30:00.000000001Z", "101.25", "5", "AAPL"]);
    assert!(matches!(rows.faults[&1], RowFault::Float { .. }), "{:?}", rows.faults);
    let mut source = SqliteSource::open(&path, &SqliteRows::Table("trades".to_owned())).unwrap();
    let inferred = source.schema("Trade").unwrap();
    let wanted =
        "Trade 56\nts [u8;32] 0 32\ttext=\nprice f64 32 8\nsize i64 40 8\nsymbol [u8;8] 48 8\ttext=\n";
    assert_eq!(inferred.to_text(), wanted);
    let query = SqliteRows::Query("SELECT size * 2 AS n FROM trades WHERE size > 0".to_owned());
    let mut source = SqliteSource::open(&path, &query).unwrap();
    let table = Table::new(&Schema::from_text("N 8\nn i64 0 8\n").unwrap());
    source.begin(&table, ParseOptions::default(), 0).unwrap();
    assert_eq!((source.next_batch(&mut rows).unwrap(), &rows.events[..1]), (1, &[10][..]));
    database.execute_batch("CREATE TABLE other (a)").unwrap();
    let which = SqliteSource::open(&path, &SqliteRows::OnlyTable);
    assert!(matches!(which, Err(ImportError::WhichTable { .. })));
    for bad in ["DROP TABLE trades", "nonsense"] {
        assert!(SqliteSource::open(&path, &SqliteRows::Query(bad.to_owned())).is_err(), "{bad}");
    }
    assert!(SqliteSource::open(&path, &SqliteRows::Table("none".to_owned())).is_err());
    assert!(SqliteSource::open(&folder.path().join("absent"), &SqliteRows::OnlyTable).is_err());
}
