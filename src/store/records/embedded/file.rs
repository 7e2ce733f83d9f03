//! The file of the embedded store: found, made, or left as it is with a clear error.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase, StorageError, TableDefinition, TableError};

use crate::secret::Secret;
use crate::store::records::seal::{self, Salt, Seal};

/// How this program lays its tables out.
const FORMAT: u8 = 1;
/// What the file is and how it is sealed.
const ABOUT: TableDefinition<&str, &[u8]> = TableDefinition::new("about");
/// Pages that are kept in memory, in bytes.
const CACHE: usize = 16 << 20;

/// A file that is open, and its keys.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) seal: Seal,
}

/// Why a file of records cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the idempotency records in {} are held by another process; give each process a file of its own", .0.display())]
    Held(PathBuf),
    /// The system refuses.
    #[error("the idempotency records in {} cannot be opened: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is none of ours, or damaged.
    #[error("the idempotency records in {} are damaged, or it is another program's file: {reason}; nothing was changed: \
             restore the file, or keep it and name another one, which forgets every key", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer version wrote it.
    #[error("the idempotency records in {} were written by a newer version of passport-gateway (format {format}); \
             nothing was changed: run that version", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u8,
    },
    /// It was written with another encryption key, or without one.
    #[error("the idempotency records in {} were written with another encryption key, or with none where one is configured, or \
             the other way round; nothing was changed: give the key they were written with, or name another file", .0.display())]
    Key(PathBuf),
    /// The system gives no thread.
    #[error("the system gives no thread for the idempotency records: {0}")]
    Thread(#[source] io::Error),
}

/// Opens the file, or makes it if it is not there.
pub(super) fn open(path: &Path, key: Option<&Secret>) -> Result<Opened, OpenError> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, key).map_err(io)?,
        Err(error) => return Err(io(error)),
        // Whatever else the file is, its mode is only tightened.
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(io)?;
        }
        Ok(_) => {}
    }
    let database = existing(path)?;
    let about = about(&database).map_err(|reason| OpenError::Damaged { path: path.to_owned(), reason })?;
    if about.format > FORMAT {
        return Err(OpenError::Newer { path: path.to_owned(), format: about.format });
    }
    let seal = Seal::new(&about.salt, key);
    if seal.fits(&about.check) { Ok(Opened { database, seal }) } else { Err(OpenError::Key(path.to_owned())) }
}

/// Makes a file aside and puts it into its place whole: a crash meanwhile leaves none, and of two processes one comes first.
fn make(path: &Path, key: Option<&Secret>) -> io::Result<()> {
    let aside = path.with_added_extension(format!("new-{:016x}", fastrand::u64(..)));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let made = fill(&aside, key).and_then(|()| match fs::hard_link(&aside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&aside)?;
    made?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn fill(path: &Path, key: Option<&Secret>) -> io::Result<()> {
    let database = Database::builder().set_cache_size(CACHE).create(path).map_err(io::Error::other)?;
    let salt = seal::salt();
    let written = (|| {
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(ABOUT)?;
            table.insert("format", [FORMAT].as_slice())?;
            table.insert("salt", salt.as_slice())?;
            table.insert("check", Seal::new(&salt, key).check().as_slice())?;
        }
        transaction.commit()?;
        Ok::<_, redb::Error>(())
    })();
    written.map_err(io::Error::other)
}

/// Opens a file that is there, every page of it checked: a damaged one is an error here, not a panic later.
fn existing(path: &Path) -> Result<Database, OpenError> {
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
        Database::builder().set_cache_size(CACHE).set_check_integrity_on_open(true).open(path)
    }));
    let damaged = |reason: String| OpenError::Damaged { path: path.to_owned(), reason };
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch)) => {
            Err(OpenError::Held(path.to_owned()))
        }
        Ok(Err(DatabaseError::Storage(StorageError::Io(error)))) if error.kind() != io::ErrorKind::InvalidData => {
            Err(OpenError::Io { path: path.to_owned(), error })
        }
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("its structure is broken".to_owned())),
    }
}

struct About {
    format: u8,
    salt: Salt,
    check: Vec<u8>,
}

fn about(database: &Database) -> Result<About, String> {
    let read = || -> Result<Option<About>, redb::Error> {
        let table = match database.begin_read()?.open_table(ABOUT) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let value = |key| Ok::<_, redb::Error>(table.get(key)?.map(|value| value.value().to_vec()));
        let (format, salt, check) = (value("format")?, value("salt")?, value("check")?);
        let format = format.and_then(|format| format.first().copied());
        // What a newer version keeps beside the format is not ours to judge.
        let salt = salt.and_then(|salt| salt.try_into().ok()).or(format.filter(|format| *format > FORMAT).map(|_| [0; 32]));
        Ok(format.zip(salt).map(|(format, salt)| About { format, salt, check: check.unwrap_or_default() }))
    };
    match read() {
        Ok(about) => about.ok_or_else(|| "it holds no idempotency records".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Pretends that another version wrote the file.
    pub(in super::super) fn set_format(path: &Path, format: u8) {
        let database = Database::open(path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(ABOUT).unwrap().insert("format", [format].as_slice()).unwrap();
        transaction.commit().unwrap();
    }
}
