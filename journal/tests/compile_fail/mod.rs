//! Refusals, each with its whole text: the compiler itself over each file of this folder, against the library
//! that this test was built with. Nothing is built for it.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Prints which library it was built with.
const WHO: &str = "#[test] fn who() {} fn main() { println!(\"{:?}\", std::any::TypeId::of::<NAMED>()); }";

/// The compiler with the libraries that this test was built with.
struct Compiler {
    /// Where cargo puts libraries, and this test.
    libraries: PathBuf,
    externs: Vec<OsString>,
    scratch: tempfile::TempDir,
}

impl Compiler {
    fn new() -> Self {
        let test = std::env::current_exe().expect("the path of this test");
        let libraries = test.parent().expect("a folder").to_owned();
        let scratch = tempfile::tempdir().expect("a folder");
        let mut compiler = Compiler { libraries, externs: Vec::new(), scratch };
        let journal = TypeId::of::<slipring_journal::Schema>();
        let externs = [
            compiler.library("slipring_journal", "slipring_journal::Schema", journal),
            compiler.library("bytemuck", "bytemuck::PodCastError", TypeId::of::<bytemuck::PodCastError>()),
        ];
        compiler.externs.extend(externs);
        compiler
    }

    fn rustc(&self) -> Command {
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        // The derive looks up in the manifest there what the library is called.
        rustc.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"));
        rustc.args(["--edition=2024", "--color=never", "-L"]).arg(dependencies(&self.libraries));
        rustc.arg("--out-dir").arg(self.scratch.path());
        rustc.args(self.externs.iter().flat_map(|library| ["--extern".into(), library.clone()]));
        rustc
    }

    /// The argument for a library. There may be several of that name, with other features or from other days;
    /// the types of each have ids of their own.
    fn library(&self, name: &str, of_type: &str, id: TypeId) -> OsString {
        let (file, ask) = (self.scratch.path().join("who.rs"), self.scratch.path().join("who"));
        std::fs::write(&file, WHO.replace("NAMED", of_type)).expect("a program");
        let (prefix, id) = (format!("lib{name}-"), format!("{id:?}\n"));
        for entry in std::fs::read_dir(&self.libraries).expect("the libraries") {
            let library = entry.expect("a file").path();
            let file_name = library.file_name().unwrap_or_default().to_string_lossy();
            if !file_name.starts_with(&prefix) || !file_name.ends_with(".rlib") {
                continue;
            }
            let mut argument = OsString::from(format!("{name}="));
            argument.push(&library);
            let built = run(self.rustc().arg("--extern").arg(&argument).arg(&file));
            if built.status.success() && run(&mut Command::new(&ask)).stdout == id.as_bytes() {
                return argument;
            }
        }
        panic!("{} has no {name} that this test was built with", self.libraries.display());
    }

    /// What the compiler says of a file that it must refuse.
    fn refusal(&self, file: &str) -> String {
        let said = run(self.rustc().args(["--emit=metadata", file]));
        assert!(!said.status.success(), "{file} is not refused");
        normal(&String::from_utf8_lossy(&said.stderr))
    }
}

fn dependencies(folder: &Path) -> OsString {
    let mut argument = OsString::from("dependency=");
    argument.push(folder);
    argument
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Without counts of errors, and without what depends on where other sources lie, how long they are and how
/// many types there are.
fn normal(said: &str) -> String {
    let aside = ["error: aborting due to", "For more information about", "Some errors have detailed"];
    let said: Vec<&str> =
        said.lines().filter(|line| !aside.iter().any(|start| line.starts_with(start))).collect();
    let errors = said.split(|line| line.is_empty()).filter(|error| !error.is_empty()).map(normal_error);
    errors.collect::<Vec<_>>().join("\n")
}

/// A line's number is `LL`: a comment above it moves it. What lies in other files is named without its lines.
fn normal_error(said: &[&str]) -> String {
    let arrow = |line: &&str| line.trim_start().starts_with("--> ").then(|| line.find("--> ")).flatten();
    // As wide as the longest line number.
    let margin = said.iter().find_map(arrow).unwrap_or(0);
    let (mut lines, mut foreign) = (String::new(), false);
    for &line in said {
        let (number, words) = line.split_at_checked(margin).unwrap_or((line, ""));
        if margin == 0 || !number.bytes().all(|byte| byte == b' ' || byte.is_ascii_digit()) {
            foreign = false;
            lines += &format!("{line}\n");
            continue;
        }
        let number = if number.trim().is_empty() { "  " } else { "LL" };
        if let Some(place) = words.strip_prefix("--> ") {
            foreign = !place.starts_with("tests/compile_fail/");
            lines += &format!("{number}--> {}\n", if foreign { in_package(place) } else { in_case(place) });
            continue;
        }
        foreign &= words.trim_start().starts_with('|');
        if foreign {
            continue;
        }
        let count = words.trim_start().strip_prefix("and ").and_then(|words| words.strip_suffix(" others"));
        let words = count.map_or_else(|| words.to_owned(), |count| words.replace(count, "$N"));
        let line = format!("{number}{words}");
        lines += line.trim_end();
        lines.push('\n');
    }
    lines
}

/// A file of a library, in its package.
fn in_package(place: &str) -> String {
    let file = place.rsplit("/src/").next().and_then(|place| place.split(':').next());
    format!("$SRC/{}", file.unwrap_or(place))
}

/// A place in a case: the file and the column.
fn in_case(place: &str) -> String {
    let mut parts = place.rsplitn(3, ':');
    let (column, _line, file) = (parts.next(), parts.next(), parts.next());
    format!("{}:LL:{}", file.unwrap_or_default(), column.unwrap_or_default())
}

/// The texts are those of the compiler that the project is developed with. After an upgrade, look at what
/// changed and accept it with `SLIPRING_BLESS=1 cargo test -p slipring-journal --test derive`.
#[test]
fn refusals_say_what_where_and_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let compiler = Compiler::new();
    let mut looked_at = 0;
    for entry in std::fs::read_dir(&folder).expect("the cases") {
        let file = entry.expect("a file").path();
        if file.extension() != Some("rs".as_ref()) || file.ends_with("mod.rs") {
            continue;
        }
        let name = file.file_name().expect("a name").to_string_lossy();
        let found = compiler.refusal(&format!("tests/compile_fail/{name}"));
        let place = file.with_extension("stderr");
        if std::env::var_os("SLIPRING_BLESS").is_some() {
            std::fs::write(&place, &found).expect("the text can be written");
        }
        let wanted = std::fs::read_to_string(&place).unwrap_or_default();
        assert!(found == wanted, "{name} says\n{found}\nand not what {} says", place.display());
        looked_at += 1;
    }
    assert!(looked_at > 10, "{looked_at} cases");
}
