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

fn normal_error(said: &[&str]) -> String {
    let (mut lines, mut margin, mut foreign) = (Vec::new(), 0, false);
    for line in said {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        if let Some(place) = words.strip_prefix("--> ") {
            foreign = !place.starts_with("tests/compile_fail/");
            margin = indent;
            if foreign {
                // The file in its package, without line and column.
                let file = place.rsplit("/src/").next().and_then(|place| place.split(':').next());
                lines.push(format!("{:indent$}--> $SRC/{}", "", file.unwrap_or(place)));
                continue;
            }
        }
        let source = words.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|');
        foreign &= source;
        if foreign {
            continue;
        }
        let counted = words.starts_with("and ") && words.ends_with(" others");
        lines.push(if counted { format!("{:indent$}and $N others", "") } else { line.trim_end().to_owned() });
    }
    // The margin is as wide as the longest line number, which may have gone.
    let digits = |line: &String| {
        line.trim_start().find(" |").filter(|end| line.trim_start()[..*end].parse::<u32>().is_ok())
    };
    let spare = margin.saturating_sub(lines.iter().filter_map(digits).max().unwrap_or(margin));
    let kept = |line: &String| line.strip_prefix(&" ".repeat(spare)).unwrap_or(line).to_owned() + "\n";
    lines.iter().map(kept).collect()
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
