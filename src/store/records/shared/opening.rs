//! The Redis before it is trusted with records: that it keeps what it acknowledges, and that they were written with this key.

use tokio::time::Instant;

use super::script::ABOUT;
use crate::secret::Secret;
use crate::store::records::seal::{self, Salt, Seal};
use crate::store::redis::{Redis, cmd};
use crate::store::{StoreError, Use};

/// How this program lays its records out.
const FORMAT: u8 = 1;

/// What must be so for an acknowledged record to be there after a crash, and always.
const NEEDED: [(&str, &str); 4] =
    [("maxmemory-policy", "noeviction"), ("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no")];

/// A store that is known, and its keys.
pub(super) struct Opened {
    /// What the store is, byte for byte: a script refuses if it is another by then.
    pub(super) about: Vec<u8>,
    pub(super) seal: Seal,
    /// The connection by which it is known.
    pub(super) connected: Instant,
}

/// Why nothing can be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Redis gives no answer, or refuses.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// It might lose records.
    #[error("Redis may lose idempotency records that it acknowledged: {0}")]
    Forgetful(String),
    /// It was written with another encryption key, or without one.
    #[error(
        "the idempotency records in Redis were written with another encryption key, or with none where one is configured, or the other \
         way round: give the key they were written with, or another `store.prefix`"
    )]
    Key,
    /// It was written by a newer version.
    #[error("the idempotency records in Redis were written by a newer version of passport-gateway: run that version")]
    Newer,
    /// What stands there is no record.
    #[error("an idempotency record in Redis is damaged")]
    Damaged,
    /// The records that were there are gone.
    #[error("the idempotency records in Redis are others than a moment ago: Redis lost what it held")]
    Moved,
    /// There is no room.
    #[error("the store of idempotency records is full")]
    Full,
    /// A claim was made, but its lease was over before anybody heard of it.
    #[error("a claim took longer than its lease")]
    Late,
}

impl Trouble {
    /// Whether trying again is in vain.
    pub(super) fn lasts(&self) -> bool {
        !matches!(self, Self::Store(_) | Self::Moved)
    }
}

/// Finds out what the store is, or makes it.
pub(super) async fn open(redis: &Redis, key: Option<&Secret>, connected: Instant) -> Result<Opened, Trouble> {
    vet(redis).await?;
    let mut about = read(redis).await?;
    if about.is_none() {
        make(redis, key).await?;
        // Of two that make it at once, one comes first.
        about = read(redis).await?;
    }
    let about = about.ok_or(Trouble::Moved)?;
    let (format, rest) = about.split_first().ok_or(Trouble::Damaged)?;
    if *format > FORMAT {
        return Err(Trouble::Newer);
    }
    let (salt, check) = rest.split_first_chunk::<{ size_of::<Salt>() }>().ok_or(Trouble::Damaged)?;
    let seal = Seal::new(salt, key);
    if seal.fits(check) { Ok(Opened { about, seal, connected }) } else { Err(Trouble::Key) }
}

async fn read(redis: &Redis) -> Result<Option<Vec<u8>>, StoreError> {
    redis.query(Use::Idempotency, cmd("GET").arg(redis.key(ABOUT))).await
}

async fn make(redis: &Redis, key: Option<&Secret>) -> Result<(), StoreError> {
    let salt = seal::salt();
    let about = [&[FORMAT], salt.as_slice(), &Seal::new(&salt, key).check()].concat();
    redis.query::<Option<String>>(Use::Idempotency, cmd("SET").arg(redis.key(ABOUT)).arg(about).arg("NX")).await.map(drop)
}

/// Asks Redis how it keeps what it acknowledges. One that does not say so is taken at its operator's word, which is told.
async fn vet(redis: &Redis) -> Result<(), Trouble> {
    let (mut wrong, mut silent) = (Vec::new(), Vec::new());
    for (name, needed) in NEEDED {
        match redis.query::<Vec<String>>(Use::Idempotency, cmd("CONFIG").arg("GET").arg(name)).await {
            Ok(answer) => match answer.get(1) {
                Some(value) if value == needed => {}
                Some(value) => wrong.push(format!("`{name}` is `{value}`, set `{name} {needed}`")),
                None => silent.push(name),
            },
            Err(StoreError::Failed(error)) if matches!(error.code(), Some("NOPERM" | "ERR")) => silent.push(name),
            Err(error) => return Err(error.into()),
        }
    }
    if !wrong.is_empty() {
        return Err(Trouble::Forgetful(wrong.join("; ")));
    }
    if !silent.is_empty() {
        tracing::warn!(
            settings = silent.join(", "),
            "Redis does not tell how it keeps what it acknowledges; idempotency records need maxmemory-policy noeviction, appendonly yes, \
             appendfsync always and no-appendfsync-on-rewrite no"
        );
    }
    Ok(())
}
