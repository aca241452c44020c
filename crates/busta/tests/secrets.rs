//! A secret in the configuration never shows, whatever happens and however much is logged.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::path::Path;

use busta_sandbox::{API_KEY, API_KEY_PARAM, BEARER_TOKEN, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};
use support::Desk;
use support::origin::Origin;

const WRONG: &str = "wr0ng-t0ken-0f-the-test";

fn desk(url: &str) -> Desk {
    let stream = |name: &str| {
        format!("    streams: [{{ name: {name}, path: /rest/none/{name}?size=5, records: $ }}]\n")
    };
    Desk::new(&format!(
        "sources:
  - name: bearer
    type: api
    base_url: {url}/auth/bearer
    auth: {{ type: bearer, token: \"${{TOKEN}}\" }}
{}  - name: basic
    type: api
    base_url: {url}/auth/basic
    auth: {{ type: basic, username: {USERNAME}, password: {PASSWORD} }}
{}  - name: key
    type: api
    base_url: {url}/auth/key-query
    auth: {{ type: api_key, name: {API_KEY_PARAM}, in: query, key: {API_KEY} }}
{}  - name: oauth
    type: api
    base_url: {url}/auth/oauth
    auth: {{ type: oauth2, grant: client_credentials, token_url: {url}/oauth/token, client_id: {CLIENT_ID}, client_secret: {CLIENT_SECRET} }}
{}  - name: refused
    type: api
    base_url: {url}/auth/bearer
    auth: {{ type: bearer, token: {WRONG} }}
{}  - name: echoed
    type: api
    base_url: {url}/auth/bearer/echo
    auth: {{ type: bearer, token: \"${{TOKEN}}\" }}
{}  - name: unreachable
    type: api
    base_url: http://127.0.0.1:1
    auth: {{ type: basic, username: {USERNAME}, password: {WRONG} }}
    streams: [{{ name: unreachable, path: /x, params: {{ api_key: {WRONG} }}, records: $ }}]
",
        stream("bearer"),
        stream("basic"),
        stream("key"),
        stream("oauth"),
        stream("refused"),
        stream("echoed"),
    ))
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else if entry.file_name() != "busta.yaml" {
            found.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn secrets_are_in_no_output_log_or_store() {
    let origin = Origin::default();
    let desk = desk(&origin.url());
    let secrets = [BEARER_TOKEN, PASSWORD, API_KEY, CLIENT_SECRET, WRONG];
    let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
    let commands: [&[&str]; 9] = [
        &[
            "--log",
            "trace",
            "--log-format",
            "json",
            "--log-file",
            "trace.log",
            "sources",
            "collect",
            "--parallel",
            "--json",
        ],
        &["--log", "trace", "sources", "collect"],
        &["--log", "trace", "sources", "test", "refused"],
        &["sources", "info", "key"],
        &["sources", "collect", "--dry-run"],
        &["runs", "failures"],
        &["runs", "show"],
        &["check"],
        &["data", "list"],
    ];
    for args in commands {
        let output = desk.command(args).env("TOKEN", BEARER_TOKEN).output().unwrap();
        texts.push((format!("stdout of {args:?}"), output.stdout));
        texts.push((format!("stderr of {args:?}"), output.stderr));
    }
    assert!(origin.stats().total.statuses[&200] >= 4, "the credentials were not even sent");
    // The records of `echoed` are what the origin said, word for word: they are data.
    files(desk.path(), &mut texts);
    texts.retain(|(name, _)| !name.ends_with("busta.db") && !name.ends_with("busta.db-wal"));
    assert!(texts.iter().any(|(name, text)| name.ends_with("trace.log") && text.len() > 1000));
    for (name, text) in texts {
        let text = String::from_utf8_lossy(&text);
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {name}: {}", around(&text, secret));
        }
    }
}

fn around(text: &str, what: &str) -> String {
    let at = text.find(what).unwrap();
    text[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect::<String>() + "<HERE>"
}
