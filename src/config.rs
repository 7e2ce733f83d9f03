//! Configuration: the file's exact shape ([`raw`]) becomes types that cannot be wrong ([`validate`]), or every fault at once.
//!
//! Nothing below the composition root sees the whole [`Config`]: each part takes its own slice.

pub mod settings;

pub use self::settings::*;
