//! Reads what `deploy/` holds, without more of YAML than it needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file of the repository.
pub(crate) fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The block scalars under `key: |`, without their indentation.
pub(crate) fn blocks(yaml: &str, key: &str) -> Vec<String> {
    let header = format!("{key}: |");
    let mut lines = yaml.lines().peekable();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim_start() != header {
            continue;
        }
        let outer = line.len() - line.trim_start().len();
        let mut block = String::new();
        while let Some(line) = lines.next_if(|line| line.trim().is_empty() || line.len() - line.trim_start().len() > outer) {
            block += line.get(outer + 2..).unwrap_or_default();
            block.push('\n');
        }
        blocks.push(block);
    }
    blocks
}

/// What stands after each `key:`, comments left out.
pub(crate) fn values<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    let value = |line: &'a str| Some(line.trim().strip_prefix(key)?.strip_prefix(": ")?.split(" #").next()?.trim());
    yaml.lines().filter_map(value).collect()
}

/// A configuration as it would be mounted: the files that it names exist, below a folder that goes with this.
pub(crate) struct Mounted {
    _folder: TempDir,
    path: PathBuf,
}

impl Mounted {
    /// Moves every absolute path of the configuration that `file` gives a content into a folder of its own.
    pub(crate) fn new(config: &str, file: impl Fn(&str) -> Option<String>) -> Self {
        let folder = TempDir::new().unwrap();
        let mut moved = config.to_owned();
        for path in config.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/')) {
            let Some(content) = file(path) else { continue };
            let there = folder.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(there.parent().unwrap()).unwrap();
            std::fs::write(&there, content).unwrap();
            moved = moved.replace(&format!("\"{path}\""), &format!("\"{}\"", there.display()));
        }
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, moved).unwrap();
        Self { _folder: folder, path }
    }

    /// What `check` prints, and what it warns of; no fault.
    pub(crate) fn checked(&self) -> (String, String) {
        self.checked_with(&[])
    }

    /// The same, with these environment variables.
    pub(crate) fn checked_with(&self, environment: &[(&str, &str)]) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passport-gateway"));
        let check = command.arg("check").arg("--config").arg(&self.path).envs(environment.iter().copied()).output().unwrap();
        let [printed, warned] = [check.stdout, check.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(check.status.success(), "{warned}");
        (printed, warned)
    }
}

/// A tool that `make test` has got, or the machine's own of that name.
pub(crate) fn tool(path: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(path);
    if ours.is_file() { ours } else { Path::new(path).file_name().unwrap().into() }
}
