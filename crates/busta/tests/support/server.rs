//! A `busta serve` of the tests, on a port of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::{Desk, exit_code};

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    child: Child,
    pub url: String,
    pub client: Client,
    token: Option<String>,
    runtime: Runtime,
}

impl Server {
    /// Starts it in the desk's folder, and waits until it says where it serves.
    pub fn start(desk: &Desk) -> Self {
        Self::start_at(desk, "127.0.0.1:0")
    }

    /// The same at an address.
    pub fn start_at(desk: &Desk, bind: &str) -> Self {
        Self::started(desk.command(&["serve", "--bind", bind]))
    }

    /// The same, to die at the `nth` time that it passes a failpoint.
    pub fn start_to_die_at(desk: &Desk, failpoint: &str, nth: u64) -> Self {
        let mut command = desk.command(&["serve", "--bind", "127.0.0.1:0"]);
        command.env("BUSTA_FAILPOINT", format!("{failpoint}:{nth}"));
        Self::started(command)
    }

    fn started(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().expect("it has ended").unwrap();
        let url = line.strip_prefix("busta: serving on ").and_then(|rest| rest.split(';').next());
        let Some(url) = url.map(str::to_owned) else {
            let rest: Vec<String> = lines.map_while(Result::ok).collect();
            panic!("{line}\n{}", rest.join("\n"));
        };
        // Read on, so that it never waits for a full pipe, and to be seen where a test fails.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| println!("serve: {line}")));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // Connections are not kept: the server closes those that rest, which nobody here would see until the next
        // request is lost on one.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { child, url, client, token: None, runtime }
    }

    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// An answer: its status and its text.
    pub fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, String) {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            (response.status(), response.text().await.unwrap())
        })
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, text) = self.send(Method::GET, path, None);
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The names in a list, read in parts of `limit`.
    pub fn all(&self, path: &str, limit: usize) -> Vec<String> {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit={limit}{cursor}"));
            let items = page["items"].as_array().unwrap();
            assert!(!items.is_empty() && items.len() <= limit, "{page:#}");
            names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { return names };
            cursor = format!("&cursor={next}");
        }
    }

    pub fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, text) = self.send(Method::POST, path, Some(body));
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Asks until `holds`; the last answer.
    pub fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path);
            if holds(&answer) {
                return answer;
            }
            assert!(Instant::now() < until, "it does not come to pass: {answer:#}");
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });
        }
    }

    /// Starts a run of everything and gives its id.
    pub fn collect(&self) -> String {
        let (status, accepted) = self.post("/api/v1/admin/collect", serde_json::json!({}));
        assert_eq!(status, StatusCode::ACCEPTED, "{accepted:#}");
        accepted["run_id"].as_str().unwrap().to_owned()
    }

    /// Waits until the run has this state.
    pub fn until_run(&self, id: &str, state: &str) -> Value {
        self.until(&format!("/api/v1/runs/{id}"), |run| run["state"] == state)
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code once it has ended.
    pub fn ended(&mut self) -> i32 {
        exit_code(self.child.wait().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(Some(ended)) = self.child.try_wait() {
            println!("serve: {ended}");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
