//! A gateway that was started from a file, which the test writes anew.

use std::path::{Path, PathBuf};

use passport_gateway::config;
use passport_gateway::gateway::Surroundings;
use tempfile::TempDir;

use super::{Passport, World, clock, places};
use crate::support::until::until;

/// How often a gateway looks at its files.
const POLL: std::time::Duration = std::time::Duration::from_secs(2);

/// A world, and the folder its configuration stands in.
pub(crate) struct Filed {
    pub(crate) world: World,
    path: PathBuf,
    places: String,
    folder: TempDir,
}

impl Filed {
    /// A gateway from a file that has these lines besides listeners and Passport's place.
    pub(crate) async fn with(lines: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("gateway.toml");
        Self::at(folder, path, lines, |path, text| std::fs::write(path, text).unwrap()).await
    }

    /// The same, where the file is put in place by `write`.
    pub(crate) async fn at(folder: TempDir, path: PathBuf, lines: &str, write: impl Fn(&Path, &str)) -> Self {
        let clock = clock();
        let passport = Passport::start(&clock).await;
        let places = places(passport.address, lines);
        write(&path, &format!("{places}\n{lines}"));
        let config = match config::load(&path) {
            Ok(loaded) => loaded.config,
            Err(report) => panic!("{}", report.render(false)),
        };
        let surroundings = Surroundings { path: Some(path.clone()), ..Surroundings::default() };
        let world = World::served(clock, passport, surroundings, config);
        world.until_minted(1).await;
        Self { world, path, places, folder }
    }

    /// A file beside the configuration.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The whole text of a configuration with these lines.
    pub(crate) fn text(&self, lines: &str) -> String {
        format!("{}\n{lines}", self.places)
    }

    /// Writes the configuration anew.
    pub(crate) fn write(&self, lines: &str) {
        std::fs::write(&self.path, self.text(lines)).unwrap();
    }

    /// Writes it anew, and waits until the gateway has noticed by itself.
    pub(crate) async fn rewrite(&self, lines: &str) {
        let before = self.reloads().await;
        self.write(lines);
        self.noticed(before).await;
    }

    /// Reads of the configuration that have ended, either way.
    pub(crate) async fn reloads(&self) -> f64 {
        let of = |result: &str| format!("passport_gateway_config_reloads_total{{result=\"{result}\"}}");
        self.world.metric(&of("ok")).await + self.world.metric(&of("failed")).await
    }

    /// Waits until there was one more than `before`.
    pub(crate) async fn noticed(&self, before: f64) {
        // The clock is moved as seldom as may be, since tests count on what it does to limits and stored answers.
        let mut looks: u32 = 0;
        until("the change is noticed", async || {
            if looks.is_multiple_of(100) {
                self.world.clock.advance(POLL);
            }
            looks += 1;
            self.reloads().await > before
        })
        .await;
    }

    /// What `/status` tells of the last reload.
    pub(crate) async fn last_reload(&self) -> serde_json::Value {
        self.world.admin("/status").await.json()["last_reload"].take()
    }
}
