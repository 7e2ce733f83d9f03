//! A real headless Chromium with one page, as a process that ends with its test.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A browser; its one page is driven from here.
pub(crate) struct Browser(Arc<Mutex<Driver>>);

struct Driver {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts one: the machine's own Chromium, or the one that `make test` has got.
    pub(crate) fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = root.join("target/tools/chromium");
        let there = tools.join("node_modules/playwright-core/package.json").is_file();
        assert!(there, "there is no Chromium: run `make test`, which gets what the tests need");
        let mut process = Command::new("node")
            .arg(root.join("tests/tools/chromium/driver.mjs"))
            .arg(&tools)
            .arg(installed().unwrap_or_else(|| tools.join("chromium")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node, 20 or newer, is installed and on the PATH");
        let (commands, answers) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        Self(Arc::new(Mutex::new(Driver { process, commands, answers })))
    }

    pub(crate) async fn open(&self, url: &str) {
        self.tell(json!({ "command": "open", "url": url })).await;
    }

    /// The value of an expression in the page.
    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        self.tell(json!({ "command": "evaluate", "script": script })).await
    }

    /// The text of the first element that a selector finds.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({}).textContent", Value::from(selector))).await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an expression in the page is true.
    pub(crate) async fn until(&self, script: &str) {
        self.tell(json!({ "command": "until", "script": script })).await;
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.tell(json!({ "command": "click", "selector": selector })).await;
    }

    pub(crate) async fn press(&self, key: &str) {
        self.tell(json!({ "command": "press", "key": key })).await;
    }

    /// Lets the page have this size, in light or dark.
    pub(crate) async fn look(&self, width: u32, dark: bool) {
        self.tell(json!({ "command": "look", "width": width, "height": 900, "dark": dark })).await;
    }

    /// Keeps a picture in `target/screenshots/`: of the whole page, or of what is seen of it.
    pub(crate) async fn picture(&self, name: &str, whole: bool) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        self.tell(json!({ "command": "picture", "path": folder.join(name), "whole": whole })).await;
    }

    /// What assistive technology is told of an element.
    pub(crate) async fn tree(&self, selector: &str) -> String {
        self.tell(json!({ "command": "tree", "selector": selector })).await.as_str().unwrap().to_owned()
    }

    /// Errors on its console, and the URLs that it asked for.
    pub(crate) async fn told(&self) -> (Vec<String>, Vec<String>) {
        let told = self.tell(json!({ "command": "told" })).await;
        let texts = |key: &str| serde_json::from_value(told[key].clone()).unwrap();
        (texts("errors"), texts("requests"))
    }

    async fn tell(&self, command: Value) -> Value {
        let driver = Arc::clone(&self.0);
        let told = move || driver.lock().unwrap().tell(&command);
        // On a thread of its own: the gateway answers the page on this one.
        tokio::task::spawn_blocking(told).await.unwrap()
    }
}

impl Driver {
    fn tell(&mut self, command: &Value) -> Value {
        writeln!(self.commands.as_mut().unwrap(), "{command}").expect("the browser runs");
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{command}: no answer: {line}"));
        assert!(answer["error"].is_null(), "{command}: {}", answer["error"]);
        answer["value"].take()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It closes the browser when there are no more commands.
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}

fn installed() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&folders).map(|folder| folder.join("chromium"));
    found.into_iter().find(|path| path.is_file())
}
