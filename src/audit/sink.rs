//! Where records go: a file that may be moved away and is then opened anew, or standard output.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::config::AuditPlace;

/// An open stream.
#[derive(Debug)]
pub(super) struct Sink {
    place: AuditPlace,
    file: File,
    /// What is to stay free on the disk for records that were promised.
    set_aside: Option<u64>,
}

impl Sink {
    pub(super) fn open(place: &AuditPlace, set_aside: Option<u64>) -> io::Result<Self> {
        let file = match place {
            AuditPlace::File(path) => open(path)?,
            AuditPlace::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?),
        };
        Ok(Self { place: place.clone(), file, set_aside })
    }

    /// Opens the file anew if another, or none, has its name now, or if `asked`; says whether it did.
    pub(super) fn renew(&mut self, asked: bool) -> io::Result<bool> {
        let AuditPlace::File(path) = &self.place else { return Ok(false) };
        if !asked && fs::metadata(path).is_ok_and(|found| is_same(&found, &self.file)) {
            return Ok(false);
        }
        // The old one is kept until the new one is there: a record is rather in the wrong file than in none.
        let file = open(path)?;
        let old = std::mem::replace(&mut self.file, file);
        synced(&old)?;
        Ok(true)
    }

    /// Writes some bytes; says how many.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Log lines may go there, too: neither is to stand in the middle of the other.
        let _whole = matches!(self.place, AuditPlace::Stdout).then(|| io::stdout().lock());
        self.file.write(bytes)
    }

    /// Makes sure that there is room for what was promised.
    pub(super) fn reserve(&mut self) -> io::Result<()> {
        let Some(set_aside) = self.set_aside else { return Ok(()) };
        let found = self.file.metadata()?;
        if found.is_file() {
            return allocate(&self.file, found.len(), set_aside);
        }
        if found.file_type().is_char_device() && !io::IsTerminal::is_terminal(&self.file) {
            // A device holds nothing; whether it takes anything is found out by an empty line.
            self.file.write_all(b"\n")?;
            self.set_aside = None;
        }
        Ok(())
    }

    /// Lets what was written outlive the machine's end.
    pub(super) fn sync(&self) -> io::Result<()> {
        synced(&self.file)
    }
}

/// Appends to the file, which is the owner's alone when it is made.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn is_same(found: &Metadata, file: &File) -> bool {
    file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
}

/// What is no file cannot be synced, and needs not be.
fn synced(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() { file.sync_data() } else { Ok(()) }
}

/// Takes blocks beyond the end of the file, so that nobody else can fill them; its length stays.
#[cfg(target_os = "linux")]
fn allocate(file: &File, end: u64, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    match fallocate(file, FallocateFlags::KEEP_SIZE, end, bytes) {
        // Not every file system can.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => is_free(file, bytes),
        allocated => Ok(allocated?),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(file: &File, _: u64, bytes: u64) -> io::Result<()> {
    is_free(file, bytes)
}

/// Whether so much is free, though others may take it.
fn is_free(file: &File, bytes: u64) -> io::Result<()> {
    let disk = rustix::fs::fstatvfs(file)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < bytes { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}
