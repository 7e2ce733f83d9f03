//! Whether files hold what they held: by a digest of their content, whatever links and names lead to it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

/// As much of a file as is looked at.
const LONGEST: u64 = 16 << 20;
/// How long content must stay as it is before it counts: a file may be in the middle of being written.
const PAUSE: Duration = Duration::from_millis(50);
/// How often that is tried; what is still being written is found at the next look.
const TRIES: usize = 10;

/// The content of files: a digest for each, or why it cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents(Vec<(PathBuf, Result<Vec<u8>, io::ErrorKind>)>);

/// The content of these files, looked at where blocking is allowed.
pub(super) async fn contents(mut paths: Vec<PathBuf>) -> Contents {
    paths.sort();
    paths.dedup();
    let looked_at = move || paths.into_iter().map(|path| (path.clone(), digest(&path).map_err(|error| error.kind()))).collect();
    Contents(tokio::task::spawn_blocking(looked_at).await.unwrap_or_default())
}

/// Their content if it is other than `seen` and stays as it is.
pub(super) async fn changed(paths: Vec<PathBuf>, seen: &Contents) -> Option<Contents> {
    let mut before = contents(paths.clone()).await;
    for _ in 0..TRIES {
        if before == *seen {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
        let now = contents(paths.clone()).await;
        if now == before {
            return Some(now);
        }
        before = now;
    }
    None
}

fn digest(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?.take(LONGEST);
    let mut digest = Context::new(&SHA256);
    // It may be a secret's.
    let mut piece = Zeroizing::new([0; 8 * 1024]);
    loop {
        match file.read(&mut *piece)? {
            0 => return Ok(digest.finish().as_ref().to_vec()),
            read => digest.update(&piece[..read]),
        }
    }
}
