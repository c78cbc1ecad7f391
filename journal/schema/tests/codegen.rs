//! What is generated from the schema files in `generated/`, as it lies there beside them. `SLIPRING_BLESS=1`
//! writes it anew. That the Rust compiles and says the same schema is another test, `generated_rust`.

use slipring_journal::Schema;
use slipring_schema::{codegen, file};
use std::path::{Path, PathBuf};
use std::process::Command;

const NAMES: [&str; 6] = ["order", "message", "packed", "aligned", "tuple", "changed"];

fn generated(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated").join(name)
}

fn schema(name: &str) -> Schema {
    let text = std::fs::read_to_string(generated(&format!("{name}.toml"))).unwrap();
    file::from_toml(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn what_is_generated_is_as_it_was() {
    let bless = std::env::var_os("SLIPRING_BLESS").is_some();
    let mut differ = Vec::new();
    for name in NAMES {
        let schema = schema(name);
        for (ending, text) in [
            ("rs", codegen::rust(&schema)),
            ("h", codegen::c(&schema)),
            ("py", codegen::numpy(&schema)),
            ("sql", codegen::sql(&schema)),
        ] {
            let path = generated(&format!("{name}.{ending}"));
            if bless {
                std::fs::write(&path, &text).unwrap();
            }
            if std::fs::read_to_string(&path).unwrap_or_default() != text {
                differ.push(path);
            }
        }
    }
    assert!(differ.is_empty(), "not as generated now (SLIPRING_BLESS=1 writes it): {differ:?}");
}

/// Runs a program if this machine has it; whether it does.
fn run(command: &mut Command) -> bool {
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{command:?}\n{}{said}",
                String::from_utf8_lossy(&output.stdout)
            );
            true
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("not here: {command:?}");
            false
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

#[test]
fn headers_compile_as_c_and_as_cpp() {
    for name in NAMES {
        let header = generated(&format!("{name}.h"));
        for language in [["-xc", "-std=c11"], ["-xc++", "-std=c++11"]] {
            let mut cc = Command::new("cc");
            run(cc.args(language).args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]).arg(&header));
        }
    }
}

/// A stand-in for numpy, which not every machine has, looks whether the fields lie in the record.
#[test]
fn python_reads_the_dtypes() {
    let check = "import sys, types\n\
        numpy = types.ModuleType('numpy'); numpy.dtype = lambda said: said; sys.modules['numpy'] = numpy\n\
        said = {}; exec(open(sys.argv[1]).read(), said); dtype = said['dtype']\n\
        assert len(dtype['names']) == len(set(dtype['names'])) == len(dtype['formats'])\n\
        assert dtype['names'][:3] == ['_time', '_epoch_kind', '_crc'] and dtype['offsets'][:3] == [0, 8, 12]\n\
        assert all(16 <= at < dtype['itemsize'] for at in dtype['offsets'][3:])\n\
        assert set(said['scales']) | set(said['names']) <= set(dtype['names'])";
    for name in NAMES {
        run(Command::new("python3").args(["-c", check]).arg(generated(&format!("{name}.py"))));
    }
}

#[test]
fn sqlite_takes_the_tables() {
    for name in NAMES {
        let script = format!(".read {}", generated(&format!("{name}.sql")).display());
        run(Command::new("sqlite3").args(["-bail", ":memory:", &script]));
    }
}

/// What no file says, and only a journal could: names, texts and places that fit no language.
#[test]
fn schemas_of_no_file_give_code_all_the_same() {
    for text in [
        "a\u{1}*/b 16\nx*/\u{202e} u32 8 4\tunit=*/ \\\tenum=a:1,a b:2\n",
        "class 8\nlegs[0].px u32 0 4\nlegs[2].px u32 4 4\n",
        "E 8\nA/x u64 0 8\nB/x u64 0 8\n",
        "E 4\nx u32=1 0 4\n",
        "u64 8\nu64 u64 0 8\n",
        "E 0\n",
        " 8\n u64 0 8\n",
    ] {
        let schema = Schema::from_text(text).unwrap_or_else(|| panic!("{text:?}"));
        for code in
            [codegen::rust(&schema), codegen::c(&schema), codegen::numpy(&schema), codegen::sql(&schema)]
        {
            assert!(!code.contains(['\u{1}', '\u{202e}']), "{code}");
        }
        let header = codegen::c(&schema);
        assert_eq!(header.matches("/*").count(), header.matches("*/").count(), "{header}");
    }
}
