//! Schemas that nobody's derive writes: no panic, whatever the bytes.

use proptest::prelude::*;
use slipring_journal::{Difference, Mapping, Schema, Upgrade};

/// Lines that look like fields, most of which make little sense together.
const LINES: &str = "(E|D) (0|8|64)(\tversion=[0-3])?(\twas=[DE],E)?\n\
    ((tag|[a-c_]|[A-C]|[a-c]\\[[01]\\]|[A-C]/[a-c0]|[a-c]\\.([a-c]|tag|[AB]|A/b)) \
    (u8|u32|i64|u64|f32|f64|u32=[12]|\\[u8;[0-4]\\]|\\[\\[u8;2\\];2\\]|\\[i16;2\\]|x|\\[u8;99999999999999999999\\]) \
    (0|4|8|12|16|20|24|32|40|63) (0|1|2|4|8)\
    (\t(was=[a-c],[A-C]|was\\.[12]=[a-c]|since=2|default=(-1|300|ab|\\[1,2\\])|decimal=[0-3]|time=(s|ns)|text=|enum=a:1))*\n){0,9}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1000)))]

    #[test]
    fn whatever_two_schemas_say_is_mapped_or_refused(found in LINES, wanted in LINES, fill in any::<u8>()) {
        let (Some(found), Some(wanted)) = (Schema::from_text(&found), Schema::from_text(&wanted)) else {
            return Ok(());
        };
        match Mapping::between(&found, &wanted) {
            Ok(mapping) => {
                let mut event = vec![!fill; wanted.size];
                mapping.apply(&vec![fill; found.size], &mut event);
                let mut again = vec![fill; wanted.size];
                mapping.apply(&vec![fill; found.size], &mut again);
                prop_assert_eq!(event, again, "what lay there before shows through");
            }
            Err(differences) => {
                prop_assert!(!differences.is_empty());
                prop_assert_eq!(Difference::table(&differences).to_string().lines().count(), 1 + differences.len());
            }
        }
        prop_assert!(Upgrade::between(&found, &found).is_ok());
    }
}

/// What else may be said of a field.
const SAID: &str = "decimal=([0-9]|38|39)|time=(s|ms|us|ns|x)|enum=[ab]:(0|1|255|-1),[ab]:[0-3]|bool=|text=";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1000)))]

    #[test]
    fn whatever_is_said_of_one_layout_turns_its_numbers_or_says_which_it_can_not(
        found in LINES, said in proptest::collection::vec(SAID, 9), fill in any::<u8>()
    ) {
        let Some(found) = Schema::from_text(&found) else { return Ok(()) };
        let mut wanted = found.clone();
        for (field, said) in wanted.fields.iter_mut().zip(&said) {
            let (name, value) = said.split_once('=').expect("it has one");
            field.attributes = vec![(name.to_owned(), value.to_owned())];
        }
        let upgrade = Upgrade::between(&found, &wanted).expect("one layout");
        let (older, mut newer) = (vec![fill; found.size], vec![!fill; wanted.size]);
        if let Err(difference) = upgrade.apply(&older, &mut newer) {
            prop_assert!(!difference.field.is_empty() && !difference.advice.is_empty());
        }
    }
}

#[test]
fn names_without_end_take_neither_time_nor_memory() {
    let nested = "a.".repeat(40_000) + "a";
    let arrays = format!("a{}", "[0]".repeat(40_000));
    let slashes = "A/".repeat(40_000) + "a";
    let formers = "b,".repeat(60_000) + "b";
    for (name, attributes) in [
        (&nested, String::new()),
        (&arrays, String::new()),
        (&slashes, String::new()),
        (&"a".to_owned(), format!("\twas={formers}")),
    ] {
        let text = format!("E 8\n{name} u64 0 8{attributes}\n");
        let schema = crate::schema(&text);
        // The outcome is whatever it is; that there is one says enough.
        let _ = Mapping::between(&schema, &schema);
        let _ = Mapping::between(&crate::schema("E 8\nb u64 0 8\n"), &schema);
    }
}
