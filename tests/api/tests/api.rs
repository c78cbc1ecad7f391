//! The public surface of both libraries, as `cargo public-api` lists it, is the one in
//! `docs/reference/api.txt`: a change of it is seen in the change. `SLIPRING_BLESS=1 cargo api` writes the
//! file anew.
#![cfg(feature = "api")]

use std::path::Path;
use std::process::Command;

/// What the compiler's documentation says of a library: one item a line.
fn listing(root: &Path, package: &str) -> String {
    let target = root.join("target/api");
    // The listing needs the compiler's own form of the documentation, which is not stable yet.
    let made = Command::new(env!("CARGO"))
        .current_dir(root)
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["rustdoc", "--quiet", "--lib", "-p", package, "--target-dir"])
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format", "json"])
        .status();
    assert!(made.expect("cargo").success(), "the documentation of {package} can't be made");
    let json = target.join("doc").join(package.replace('-', "_")).with_extension("json");
    let builder = public_api::Builder::from_rustdoc_json(json);
    let builder = builder.omit_blanket_impls(true).omit_auto_trait_impls(true).omit_auto_derived_impls(true);
    let items =
        builder.build().expect("a listing").items().map(|item| format!("{item}\n")).collect::<String>();
    format!("# {package}\n\n{items}\n")
}

#[test]
fn the_public_surface_is_the_one_that_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    let found = ["slipring", "slipring-journal"].map(|package| listing(root, package)).concat();
    let place = root.join("docs/reference/api.txt");
    if std::env::var_os("SLIPRING_BLESS").is_some() {
        std::fs::write(&place, &found).expect("the listing can be written");
    }
    let listed = std::fs::read_to_string(&place).unwrap_or_default();
    let (found, listed): (Vec<&str>, Vec<&str>) = (found.lines().collect(), listed.lines().collect());
    let new = found.iter().filter(|line| !listed.contains(line)).map(|line| format!("+ {line}"));
    let gone = listed.iter().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
    let changes: Vec<String> = new.chain(gone).collect();
    assert!(
        found == listed,
        "the public surface is not the one in docs/reference/api.txt; if that is meant, write it anew with \
         SLIPRING_BLESS=1 cargo api\n{}",
        changes.join("\n")
    );
}
