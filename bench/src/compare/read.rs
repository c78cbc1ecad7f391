//! Reading a run back.

use std::path::Path;

use crate::harness::Row;

#[derive(Debug)]
pub enum ReadError {
    Io { path: String, source: std::io::Error },
    Json { path: String, line: usize, source: serde_json::Error },
    Empty { path: String },
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadError::Io { path, source } => write!(f, "can't read {path}: {source}"),
            ReadError::Json { path, line, source } => write!(
                f,
                "{path}, line {line}: neither a summary.json nor a line of --json: {source}; make one with \
                 `slipring-bench all --json > FILE` or `--out DIR`"
            ),
            ReadError::Empty { path } => write!(f, "{path} holds no figures"),
        }
    }
}

impl std::error::Error for ReadError {}

/// A run read back; lines of `--json` have the rows alone.
#[derive(Debug, PartialEq)]
pub struct Run {
    pub rows: Vec<Row>,
    pub cpu: Option<String>,
    /// Cores that it could use.
    pub cores: Option<usize>,
    pub quick: Option<bool>,
}

/// Reads the rows of a `summary.json`, or of lines of `--json`.
pub fn read(path: &Path) -> Result<Run, ReadError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ReadError::Io { path: path.display().to_string(), source })?;
    parse(&text, &path.display().to_string())
}

fn parse(text: &str, path: &str) -> Result<Run, ReadError> {
    #[derive(serde::Deserialize)]
    struct Machine {
        cpu: Option<String>,
        cores: Option<Vec<usize>>,
    }
    #[derive(serde::Deserialize)]
    struct Summary {
        rows: Vec<Row>,
        machine: Option<Machine>,
        quick: Option<bool>,
    }
    let run = match serde_json::from_str::<Summary>(text) {
        Ok(Summary { rows, machine, quick }) => {
            let (cpu, cores) = machine.map_or((None, None), |machine| (machine.cpu, machine.cores));
            Run { rows, cpu, cores: cores.map(|cores| cores.len()), quick }
        }
        Err(_) => Run { rows: lines(text, path)?, cpu: None, cores: None, quick: None },
    };
    if run.rows.is_empty() { Err(ReadError::Empty { path: path.to_owned() }) } else { Ok(run) }
}

fn lines(text: &str, path: &str) -> Result<Vec<Row>, ReadError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|source| ReadError::Json {
                path: path.to_owned(),
                line: at + 1,
                source,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::rate;

    #[test]
    fn both_forms_are_read_and_others_refused_with_their_line() {
        let rows = vec![rate("slipring", (1.0, 0.5, 2.0)), rate("disruptor", (3.0, 2.0, 4.0))];
        let lines: Vec<String> =
            rows.iter().map(|row| serde_json::to_string(row).expect("plain data")).collect();
        assert_eq!(parse(&lines.join("\n"), "a").expect("lines").rows, rows);
        let summary = format!("{{\"machine\": {{}}, \"rows\": [{}]}}", lines.join(","));
        assert_eq!(parse(&summary, "a").expect("a summary").rows, rows);
        let whole = format!(
            "{{\"quick\": true, \"machine\": {{\"cpu\": \"one\", \"cores\": [0, 2]}}, \"rows\": [{}]}}",
            lines.join(",")
        );
        let whole = parse(&whole, "a").expect("a summary");
        assert_eq!((whole.cpu.as_deref(), whole.cores, whole.quick), (Some("one"), Some(2), Some(true)));
        let bad = format!("{}\n{{\"bench\":1}}", lines[0]);
        assert!(matches!(parse(&bad, "a"), Err(ReadError::Json { line: 2, .. })));
        assert!(matches!(parse("", "a"), Err(ReadError::Empty { .. })));
        // The contract's own fields are enough.
        let bare = r#"{"bench":"append","contender":"slipring","metric":"throughput","unit":"M/s","median":2,"min":1,"max":3,"rounds":3,"ratio":{}}"#;
        assert_eq!(parse(bare, "a").expect("a bare line").rows[0].median, 2.0);
    }
}
