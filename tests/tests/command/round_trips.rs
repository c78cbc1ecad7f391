//! What goes out of a journal comes back in as it was: by CSV and by JSON lines, voids, times that went back
//! and names of other files among it; and what would come back as something else is refused.

use crate::place::Place;

const SCHEMA: &str = "name = \"T\"\ntime = \"ts\"\n[fields]\nts = { type = \"time\", unit = \"ns\", source = \"exch_ts\" }\n\
    recv = { type = \"time\", unit = \"ns\", source = \"ts\" }\nprice = { type = \"decimal\", scale = 2 }\n\
    name = { type = \"text\", length = 8 }\nf = \"f64\"\nbig = \"i128\"\n";

const CSV: &str = "exch_ts,ts,price,name,f,big\n5,6,1.25,\"a,\"\"b\"\"\",0.1,-170141183460469231731687303715884105728\n\
    3,9,-0.01,,NaN,7\n8,8,100,é,-inf,0\n";

#[test]
fn an_export_recorded_again_is_the_same_journal() {
    let place = Place::with(&[("t.toml", SCHEMA.as_bytes()), ("in.csv", CSV.as_bytes())]);
    place.fine("record one --input in.csv --schema t.toml");
    for format in ["csv", "jsonl"] {
        place.fine(&format!("export one -o out.{format}"));
        place.fine(&format!("record {format} --input out.{format} --like one"));
        let (first, second) =
            (place.fine("replay one --format csv"), place.fine(&format!("replay {format} --format csv")));
        assert_eq!(first, second, "{format}");
        assert!(first.contains("1970-01-01T00:00:00.000000005Z,1,1970-01-01T00:00:00.000000003Z"), "{first}");
    }
}

#[test]
fn lost_records_stay_lost() {
    let place = Place::with(&[("t.toml", b"name = \"V\"\n[fields]\nx = { type = \"u64\", default = 0 }\n")]);
    place.write("in.jsonl", "{\"_time\":1,\"x\":1}\n{\"_time\":2,\"_void\":true}\n{\"_time\":3,\"x\":3}\n");
    place.fine("record one --input in.jsonl --schema t.toml");
    let shown = place.fine("replay one --json");
    assert!(shown.contains("\"_void\":true") && !shown.contains("\"x\":0"), "{shown}");
    place.write("again.jsonl", shown.as_bytes());
    place.fine("record two --input again.jsonl --like one");
    assert_eq!(place.fine("replay two --json"), shown);
}

#[test]
fn a_schema_that_means_another_thing_is_refused_where_a_journal_is_there() {
    let place = Place::with(&[("t.toml", SCHEMA.as_bytes()), ("in.csv", CSV.as_bytes())]);
    place.fine("record one --input in.csv --schema t.toml");
    let before = place.fine("replay one --format csv");
    for (from, to, field) in [
        ("scale = 2", "scale = 4", "price"),
        ("unit = \"ns\", source = \"ts\"", "unit = \"us\", source = \"ts\"", "recv"),
        ("time = \"ts\"\n", "", "ts"),
    ] {
        place.write("other.toml", SCHEMA.replace(from, to));
        let said = place.exits(3, "record one --input in.csv --schema other.toml");
        assert!(said.contains(&format!("another thing by {field} ")), "{said}");
        assert_eq!(place.fine("replay one --format csv"), before);
    }
    // What the files are called may change, and what stands for a value that is missing.
    place.write("other.toml", SCHEMA.replace("source = \"exch_ts\"", "source = \"when\", default = 9"));
    place.write("more.csv", CSV.replace("exch_ts", "when"));
    place.fine("record one --input more.csv --schema other.toml");
}

#[test]
fn an_empty_text_is_told_from_none() {
    let schema =
        "name = \"V\"\n[fields]\nvenue = { type = \"text\", length = 4, default = \"XNAS\" }\nx = \"u64\"\n";
    let place = Place::with(&[("t.toml", schema.as_bytes())]);
    place.write("in.csv", "venue,x\n,1\n\"\",2\nA,3\nA,\"4\"\n\"A,\",5\n\"\",6\n");
    place.write(
        "in.jsonl",
        "{\"x\":1}\n{\"venue\":\"\",\"x\":2}\n{\"venue\":\"A\",\"x\":3}\n{\"x\":4,\"venue\":\"A\"}\n\
         {\"venue\":\"A,\",\"x\":5}\n{\"x\":6,\"venue\":\"\"}\n",
    );
    for end in ["csv", "jsonl"] {
        place.fine(&format!("record {end} --input in.{end} --schema t.toml"));
        let rows = place.fine(&format!("replay {end} --format csv --fields venue,x"));
        assert_eq!(rows, "venue,x\nXNAS,1\n\"\",2\nA,3\nA,4\n\"A,\",5\n\"\",6\n", "{end}");
        // And out and back.
        for to in ["csv", "jsonl"] {
            let (out, back) = (format!("{end}-out.{to}"), format!("{end}-{to}"));
            place.fine(&format!("export {end} -o {out}"));
            place.fine(&format!("record {back} --input {out} --like {end}"));
            assert_eq!(place.fine(&format!("replay {back} --format csv --fields venue,x")), rows, "{out}");
        }
    }
}
