//! Each way in which two schemas can differ beyond what is derived, with its text.

use slipring_journal::{Difference, Mapping};

/// Fields one behind the other, as `name kind` with attributes behind; the size of the whole is in front.
fn differences(found: &str, wanted: &str) -> Vec<String> {
    let (found, wanted) = (crate::schema(found), crate::schema(wanted));
    let differences = Mapping::between(&found, &wanted).expect_err("they differ");
    differences.iter().map(Difference::to_string).collect()
}

#[track_caller]
fn one(found: &str, wanted: &str, expected: &str) {
    assert_eq!(differences(&format!("E 64\n{found}\n"), &format!("E 64\n{wanted}\n")), [expected]);
}

#[test]
fn numbers_are_never_narrowed_nor_lose_their_sign() {
    one(
        "a u64 0 8",
        "a u32 0 4",
        "a: is u64, wanted u32: it may be too great for that: keep `u64`, or say how in `impl Upcast`",
    );
    one(
        "a u32 0 4",
        "a i32 0 4",
        "a: is u32, wanted i32: it may be too great for that: keep `u32`, or say how in `impl Upcast`",
    );
    one(
        "a i8 0 1",
        "a u64 0 8",
        "a: is i8, wanted u64: it may be below zero: keep `i8`, or say how in `impl Upcast`",
    );
    one(
        "a f64 0 8",
        "a f32 0 4",
        "a: is f64, wanted f32: these are two kinds of numbers: keep `f64`, or say how in `impl Upcast`",
    );
    one(
        "a u8 0 1",
        "a f64 0 8",
        "a: is u8, wanted f64: these are two kinds of numbers: keep `u8`, or say how in `impl Upcast`",
    );
}

#[test]
fn arrays_keep_their_length_and_texts_are_not_cut() {
    one(
        "a [u32;3] 0 12",
        "a [u32;4] 0 16",
        "a: is [u32;3], wanted [u32;4]: an array keeps its length: keep `[u32;3]`, or say how in `impl Upcast`",
    );
    one(
        "a u32 0 4",
        "a [u32;1] 0 4",
        "a: is u32, wanted [u32;1]: a number and an array are two things: keep `u32`, or say how in `impl Upcast`",
    );
    one(
        "a [u8;8] 0 8\ttext=",
        "a [u8;7] 0 7\ttext=",
        "a: is [u8;8] (text), wanted [u8;7] (text): it would be cut: keep `[u8;8] (text)`, or say how in `impl Upcast`",
    );
    one(
        "a [[u8;4];2] 0 8",
        "a [[u8;4];3] 0 12",
        "a: is [[u8;4];2], wanted [[u8;4];3]: an array keeps its length: keep `[[u8;4];2]`, or say how in `impl Upcast`",
    );
    one(
        "a[0].x u8 0 1",
        "a[0].x u8 0 1\na[1].x u8 1 1\tsince=2",
        "a[1].x: is fewer elements, wanted u8: an array keeps its length: give a longer one another name, or say how in \
         `impl Upcast`",
    );
    one(
        "a[0].x u8 0 1\na[1].x u8 1 1",
        "a[0].x u8 0 1",
        "a[1].x: is u8, wanted fewer elements: an array keeps its length: keep its elements, or say how in `impl Upcast`",
    );
    // Whatever it is.
    one("a dec64 0 8", "a dec32 0 4", "a: is dec64, wanted dec32: keep `dec64`, or say how in `impl Upcast`");
}

#[test]
fn meanings_are_never_changed_silently() {
    one(
        "a i64 0 8\tdecimal=4",
        "a i64 0 8\tdecimal=2",
        "a: is i64 (decimal=4), wanted i64 (decimal=2): digits would be lost: keep `i64 (decimal=4)`, or say how in `impl \
         Upcast`",
    );
    one(
        "a i64 0 8\tdecimal=2",
        "a i64 0 8\tdecimal=3",
        "a: is i64 (decimal=2), wanted i64 (decimal=3): counted so finely it may be too great for that: take a wider \
         number, or say how in `impl Upcast`",
    );
    one(
        "a u64 0 8\ttime=ns",
        "a u64 0 8\ttime=us",
        "a: is u64 (time=ns), wanted u64 (time=us): digits would be lost: keep `u64 (time=ns)`, or say how in `impl \
         Upcast`",
    );
    one(
        "a u64 0 8\ttime=ms",
        "a u64 0 8\ttime=ns",
        "a: is u64 (time=ms), wanted u64 (time=ns): counted so finely it may be too great for that: take a wider number, \
         or say how in `impl Upcast`",
    );
    one(
        "a u64 0 8\ttime=ms",
        "a u64 0 8\tdecimal=2",
        "a: is u64 (time=ms), wanted u64 (decimal=2): a time is not a decimal: keep `u64 (time=ms)`, or say how in `impl \
         Upcast`",
    );
    one(
        "a u8 0 1\tenum=buy:1,sell:2",
        "a u8 0 1\tenum=sell:1,buy:2",
        "a: is u8 (enum=buy:1,sell:2), wanted u8 (enum=sell:1,buy:2): `buy` was 1 and can't be 2: leave it its number, or \
         say how in `impl Upcast`",
    );
}

#[test]
fn added_fields_say_what_they_were() {
    one(
        "a u8 0 1",
        "a u8 0 1\nb.c u8 1 1",
        "b.c: is -, wanted u8: say what it is in older events: `default = ..`, or `since = N` for zero; if it had another \
         name, `was = \"..\"`",
    );
    one(
        "a u8 0 1",
        "a u8 0 1\nb u8 1 1\tdefault=256",
        "b: is -, wanted u8: the default \"256\" is no value that can be taken here: write a plain number",
    );
    one(
        "a u8 0 1",
        "a u8 0 1\nb u64 8 8\ttime=ns\tdefault=2024-03-10",
        "b: is -, wanted u64 (time=ns): the default \"2024-03-10\" is no value that can be taken here: write a plain number",
    );
}

#[test]
fn what_a_name_stands_for_stays() {
    one(
        "a u8 0 1",
        "a.x u8 0 1\tsince=2",
        "a.x: is u8 as `a`, wanted u8: give it another name, or say how in `impl Upcast`",
    );
    one(
        "a.x u8 0 1",
        "a u8 0 1\tsince=2",
        "a: is a struct, wanted u8: give it another name, or say how in `impl Upcast`",
    );
    one(
        "a u8 0 1",
        "b u8 0 1\twas=a\na u8 1 1",
        "a: is a, wanted u8: `b` is that too: take its `was` from one of them",
    );
    one(
        "tag u32 0 4\nA u32=1 0 4\nA/x u8 4 1",
        "tag u32 0 4",
        "tag: is a one-of event, wanted u32: give it another name, or say how in `impl Upcast`",
    );
    one(
        "tag u32 0 4",
        "tag u32 0 4\nA u32=1 0 4\nA/x u8 4 1",
        "tag: is -, wanted a one-of event: a one-of event in place of another event: say how in `impl Upcast`",
    );
}

/// Which of them it is, nothing says: neither is shown in place of the other.
#[test]
fn a_field_is_not_guessed_among_several() {
    let advice = "older events have all of these: take all but one out of `was`, or give it a name that they lack, or say \
        how in `impl Upcast`";
    let refused = |field: &str, names: &str| format!("{field}: is {names}, wanted i64: {advice}");
    // `price` was dropped, and `px` took its name.
    one(
        "price i64 0 8\npx i64 8 8",
        "price i64 0 8\twas=px\nq u8 8 1\tsince=2",
        &refused("price", "`price`, `px`"),
    );
    one("px i64 0 8\nlimit i64 8 8", "price i64 0 8\twas=px,limit", &refused("price", "`px`, `limit`"));
    one(
        "a.x i64 0 8\nb.x i64 8 8",
        "a.x i64 0 8\twas.1=b\nq u8 8 1\tsince=2",
        &refused("a.x", "`a.x`, `b.x`"),
    );
    // Two have changed their names with each other, or have not.
    assert_eq!(
        differences(
            "E 24\na i64 0 8\nb i64 8 8\n",
            "E 24\na i64 0 8\twas=b\nb i64 8 8\twas=a\nq u8 16 1\tsince=2\n"
        ),
        [refused("a", "`a`, `b`"), refused("b", "`b`, `a`")]
    );
    // A name that is in use again is that of its own field.
    let found = crate::schema("E 16\nb i64 0 8\na i64 8 8\n");
    let wanted = crate::schema("E 17\nb i64 0 8\twas=a\na i64 8 8\tsince=3\nq u8 16 1\tsince=4\n");
    let mapping = Mapping::between(&found, &wanted).unwrap();
    let (older, mut newer) = ((0..16).collect::<Vec<u8>>(), [0; 17]);
    mapping.apply(&older, &mut newer);
    assert_eq!(newer[..16], older);
}

#[test]
fn variants_do_not_go() {
    one(
        "tag u32 0 4\nA u32=1 0 4\nA/x u8 4 1\nB u32=2 0 4",
        "tag u32 0 4\nA u32=1 0 4\nA/x u8 4 1",
        "B: is a variant, tag 2, wanted -: its events could not be shown: keep the variant, say its new name's `was = \
         \"..\"`, or say how in `impl Upcast`",
    );
    one(
        "tag u32 0 4\nA u32=1 0 4\nA/x u8 4 1",
        "tag u32 0 4\nB u32=1 0 4\twas=A\nB/x u8 4 1\nC u32=2 0 4\twas=A",
        "C: is A, wanted a variant: `B` is that too: take its `was` from one of them",
    );
    one(
        "tag u32 0 4\nA u32=1 0 4\nA/x u16 4 2",
        "tag u32 0 4\nA u32=1 0 4\nA/x u8 4 1",
        "A.x: is u16, wanted u8: it may be too great for that: keep `u16`, or say how in `impl Upcast`",
    );
}

#[test]
fn the_event_as_a_whole_is_named_and_no_newer() {
    assert_eq!(
        differences("Deal 8\na u64 0 8\n", "Order 8\twas=Trade\na u64 0 8\n"),
        ["(event): is Deal, wanted Order: if it is the same event, give it `was = \"Deal\"`"]
    );
    assert_eq!(
        differences("E 8\tversion=3\na u64 0 8\n", "E 8\tversion=2\na u64 0 8\n"),
        [
            "(event): is version 3, wanted version 2: a newer program has written this: use its version of the event"
        ]
    );
    let mut hostile = crate::schema("E 8\na u64 0 8\n");
    hostile.fields[0].offset = 1;
    let told = Mapping::between(&hostile, &crate::schema("E 8\na u64 0 8\n")).unwrap_err();
    assert_eq!(told[0].advice, "`E` has fields that lie outside of it or over each other");
}

/// Of an array of structs a difference is said once.
#[test]
fn the_whole_refusal_is_a_table() {
    let found = crate::schema("E 64\nid u64 0 8\nlegs[0].px i64 8 8\nlegs[1].px i64 16 8\n");
    let wanted =
        crate::schema("E 64\nid u32 0 4\nlegs[0].px i32 8 4\nlegs[1].px i32 12 4\nquantity u64 16 8\n");
    let differences = Mapping::between(&found, &wanted).unwrap_err();
    let expected = "  \
        field       found  wanted  what to do\n  \
        id          u64    u32     it may be too great for that: keep `u64`, or say how in `impl Upcast`\n  \
        legs[0].px  i64    i32     it may be too great for that: keep `i64`, or say how in `impl Upcast`\n  \
        quantity    -      u64     say what it is in older events: `default = ..`, or `since = N` for zero; if it had another \
        name, `was = \"..\"`";
    assert_eq!(Difference::table(&differences).to_string(), expected);
}
