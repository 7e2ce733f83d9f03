//! `new-key` and `hash-key`: API keys, of which the configuration holds only a digest.

use std::io::Read;

use super::{Exit, complain, say};
use crate::identity::{hash_key as digest, new_key as random_key};

/// Prints a fresh key and the lines that admit it.
pub(super) fn new_key() -> Exit {
    let (key, sha256) = random_key();
    say(format_args!("# The key, for the caller alone; the gateway keeps only its digest.\n{key}\n"));
    say("# For the configuration:");
    print_entry(&sha256);
    Exit::Done
}

/// Prints the lines that admit the key on standard input.
pub(super) fn hash_key() -> Exit {
    let mut key = String::new();
    if let Err(error) = std::io::stdin().lock().take(4096).read_to_string(&mut key) {
        complain(format_args!("the key on standard input cannot be read: {error}"));
        return Exit::Failed;
    }
    match digest(key.trim()) {
        Ok(sha256) => {
            print_entry(&sha256);
            Exit::Done
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}

fn print_entry(sha256: &str) {
    say(format_args!(
        "[[api_keys]]\nid = \"name-of-the-caller\"\nsha256 = \"{sha256}\"\ntenant = \"name-of-the-tenant\"\nscopes = []"
    ));
}
