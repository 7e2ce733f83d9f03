//! A folder of the demo's own, which only its user can read, and which goes when the demo ends.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder; dropping it removes it with all that is in it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a fresh folder among the system's temporary ones.
    pub(super) fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("pgw-demo-{:08x}", fastrand::u32(..)));
        // It fails if the path exists, whoever made it.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Writes a new file into it and gives back its path.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// Where a file of this name stands, or would.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, it stays for the system to clear: nobody is left to be told.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_its_user_can_read_it_and_it_goes_with_its_files() {
        let folder = Folder::create().unwrap();
        let file = folder.write("secret", "s3cr3t").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

        assert_eq!((mode(folder.as_ref()), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read_to_string(&file).unwrap(), "s3cr3t");

        drop(folder);
        assert!(!file.exists());
    }
}
