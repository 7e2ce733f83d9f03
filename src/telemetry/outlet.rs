//! The way of log lines to standard output: into memory, and from there by one thread.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use crate::lines::{Batch, Lines, Next};

/// How long to wait before a standard output that does not block is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// Where the subscriber puts its lines.
pub(super) struct Outlet(pub(super) Arc<Lines>);

/// Takes one line.
pub(super) struct Line<'a>(&'a Lines);

impl<'a> MakeWriter<'a> for Outlet {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

impl Write for Line<'_> {
    /// A line comes whole. One that finds no room is counted and is no error of whoever logs it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the thread that writes.
pub(super) fn write_lines(lines: Arc<Lines>) -> io::Result<()> {
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    thread::Builder::new().name("log".to_owned()).spawn(move || run(&lines, output)).map(drop)
}

fn run(lines: &Lines, mut output: File) {
    let (mut spare, mut told) = (Batch::default(), 0);
    loop {
        let Next { batch, closed } = lines.next(spare, None);
        let written = write_whole(&mut output, &batch.bytes).is_ok();
        if !written {
            // Nobody is left to read; they are counted.
            lines.lose(batch.lines);
        }
        lines.finish();
        if closed {
            return;
        }
        let lost = lines.lost();
        // Told once somebody reads again.
        if written && lost > told {
            tracing::warn!(lines = lost - told, "log lines were dropped: standard output takes them too slowly, or not at all");
            told = lost;
        }
        spare = batch;
    }
}

/// Writes all of it, with nothing of anybody else's in between.
fn write_whole(output: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    let _whole = io::stdout().lock();
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
