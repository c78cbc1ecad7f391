//! Records without an event: what counts them, and what they are in files.

use slipring_journal::{Journal, Schema};

use crate::place::Place;

/// Twenty records, a second apart over midnight; that of sequence 4 has no event.
fn place() -> Place {
    let place = Place::new();
    let schema = Schema::from_text("T 8\nn u64 0 8\n").unwrap();
    let (mut writer, _) = Journal::at(place.path("j")).open_raw(&schema).unwrap();
    for n in 0..20_u64 {
        let time_ns = 86_390_000_000_000 + n * 1_000_000_000;
        match n {
            4 => writer.append_void(time_ns).unwrap(),
            n => writer.append(time_ns, &n.to_le_bytes()).unwrap(),
        };
    }
    writer.close().unwrap();
    place
}

#[test]
fn the_first_and_the_last_so_many_are_events() {
    let place = place();
    let shown = |args: &str| place.fine(&format!("replay j --fields n {args}")).lines().skip(1).count();
    for (args, count) in [
        ("--last 16 --format csv", 16),
        ("--limit 16 --format csv", 16),
        ("--last 15 --format csv", 15),
        ("--last 100 --format csv", 19),
        ("--last 3 --to-sequence 5 --format csv", 3),
        ("--last 0 --format csv", 0),
    ] {
        assert_eq!(shown(args), count, "{args}");
    }
    // What lies between them is shown.
    for args in ["--last 16", "--limit 5"] {
        let lines = place.fine(&format!("replay j --format jsonl {args}"));
        assert_eq!(
            lines.lines().count(),
            args[args.len() - 2..].trim().parse::<usize>().unwrap() + 1,
            "{args}"
        );
        assert!(lines.contains("\"_void\":true"), "{lines}");
    }
}

#[test]
fn an_export_as_json_lines_has_them_so_that_sequences_stay() {
    let place = place();
    let said = place.fine("export j -o out.jsonl");
    assert!(
        said.contains("exported 19 events")
            && said.contains("records without an event, as \"_void\":true: 1"),
        "{said}"
    );
    assert_eq!(place.read("out.jsonl"), place.fine("replay j --format jsonl"));
    place.fine("record k --like j --input out.jsonl");
    assert_eq!(place.records("k"), place.records("j"));
    // In the part of their time.
    place.fine("export j -o days --format jsonl --partition day");
    let part = |day: &str| place.read(&format!("days/day=1970-01-{day}/part-0.jsonl"));
    assert_eq!(part("01") + &part("02"), place.read("out.jsonl"));
    assert!(part("01").contains("\"_void\":true"));
    let said: serde_json::Value = serde_json::from_str(&place.fine("export j -o k.jsonl --json")).unwrap();
    assert_eq!((said["voids"].as_u64(), said["voids_left_out"].as_u64()), (Some(1), Some(0)));
}

#[test]
fn what_has_no_form_for_them_leaves_them_out_and_says_so() {
    let place = place();
    let said = place.fine("export j -o out.csv");
    assert!(said.contains("records without an event, left out: 1"), "{said}");
    assert_eq!(place.read("out.csv").lines().count(), 20);
    let said = place.fine("export j -o values --format jsonl --partition n");
    assert!(said.contains("records without an event, left out: 1"), "{said}");
    // Where the output is the file it is said beside it.
    let output = place.run("export j --format csv -o -");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 20);
    assert!(String::from_utf8_lossy(&output.stderr).contains("records without an event, left out: 1"));
}
