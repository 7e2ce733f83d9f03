//! The ready file: every bound address, written last and all at once.

use std::fmt::{self, Display, Write as _};
use std::path::Path;
use std::{fs, io, process};

use super::listener::Address;

/// What the ready file tells.
#[derive(Clone, Debug)]
pub struct ReadyFile {
    /// Where callers connect.
    pub server: Vec<Address>,
    /// Where probes and scrapes connect.
    pub admin: Address,
    /// Where changes are made, if anywhere.
    pub control: Option<Address>,
}

impl ReadyFile {
    /// Writes it as TOML; whoever sees the file sees all of it.
    ///
    /// # Errors
    ///
    /// The system's, when it cannot be written; then nothing is left behind.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.tmp", process::id()));
        let written = fs::write(&beside, self.to_string()).and_then(|()| fs::rename(&beside, path));
        written.inspect_err(|_| {
            // What went wrong is told already.
            let _ = fs::remove_file(&beside);
        })
    }
}

impl Display for ReadyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server: Vec<_> = self.server.iter().map(quoted).collect();
        writeln!(f, "server = [{}]", server.join(", "))?;
        writeln!(f, "admin = {}", quoted(&self.admin))?;
        if let Some(control) = &self.control {
            writeln!(f, "control = {}", quoted(control))?;
        }
        Ok(())
    }
}

/// A TOML basic string.
fn quoted(address: &Address) -> String {
    let mut quoted = String::from('"');
    for character in address.to_string().chars() {
        // Writing to memory cannot fail.
        let _ = match character {
            '"' | '\\' => write!(quoted, "\\{character}"),
            control if control.is_control() => write!(quoted, "\\u{:04X}", u32::from(control)),
            plain => write!(quoted, "{plain}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::Listen;

    use super::*;

    fn example() -> ReadyFile {
        ReadyFile {
            server: vec![
                Address::from(Listen::Tcp("127.0.0.1:41234".parse().unwrap())),
                Address::from(Listen::Unix(PathBuf::from("/run/a \"b\"\\c\n.sock"))),
            ],
            admin: Address::from(Listen::Tcp("[::1]:41235".parse().unwrap())),
            control: None,
        }
    }

    #[test]
    fn it_is_toml_whatever_the_path_of_a_socket_is() {
        let toml: toml::Table = example().to_string().parse().unwrap();

        assert_eq!(toml["server"][0].as_str(), Some("127.0.0.1:41234"));
        assert_eq!(toml["server"][1].as_str(), Some("unix:/run/a \"b\"\\c\n.sock"));
        assert_eq!(toml["admin"].as_str(), Some("[::1]:41235"));
        assert!(!toml.contains_key("control"));
    }

    #[test]
    fn an_older_file_is_replaced_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ready.toml");
        fs::write(&path, "old").unwrap();

        example().write(&path).unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), example().to_string());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("ready.toml")).unwrap();

        assert!(example().write(&directory.path().join("ready.toml")).is_err());

        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
