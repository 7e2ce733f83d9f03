//! Worlds with an audit trail, each with a file of its own, and what the trail of one says.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::world::World;
use crate::config::{Audit, AuditPlace, WhenFull};

/// How long the thread may take for a few lines, on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(20);

/// Status, outcome and attempts, as a record has them.
pub(super) type Record = (Option<u64>, String, u64);

/// Worlds that refuse a payment which could not be recorded.
pub(super) struct Trails {
    folder: TempDir,
    begun: Cell<usize>,
}

impl Default for Trails {
    fn default() -> Self {
        Self { folder: TempDir::new().unwrap(), begun: Cell::new(0) }
    }
}

impl Trails {
    pub(super) fn begin(&self) -> World {
        self.begun.set(self.begun.get() + 1);
        let audit = Audit { to: AuditPlace::File(self.path()), when_full: WhenFull::RefuseMoney, hmac_key: None };
        World::with_workers(1, |config| config.audit = Some(audit))
    }

    /// What the trail of the present world says of writes; nothing can be recorded in it any more.
    pub(super) fn records(&self, world: &World) -> Vec<Record> {
        assert!(world.audit.as_ref().unwrap().close(PATIENCE));
        let text = fs::read_to_string(self.path()).unwrap();
        // What is set aside is given back with the file; a trail of many worlds need not fill a disk.
        fs::remove_file(self.path()).unwrap();
        text.lines().map(|line| record(&serde_json::from_str(line).unwrap())).collect()
    }

    /// The file of the present world.
    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.jsonl", self.begun.get()))
    }
}

fn record(line: &Value) -> Record {
    assert_eq!(line["event"], "write", "{line}");
    (line["status"].as_u64(), line["outcome"].as_str().unwrap().to_owned(), line["attempts"].as_u64().unwrap())
}
