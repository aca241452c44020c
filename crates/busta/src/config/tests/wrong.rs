//! Every way to be wrong that we could think of, as it is shown.

use super::problems;

/// A test per case, each with its snapshot.
macro_rules! cases {
    ($($name:ident: $yaml:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let shown = problems($yaml);
                assert_ne!(shown, "no problem");
                insta::assert_snapshot!(stringify!($name), shown);
            }
        )*
    };
}

cases! {
    // The YAML itself.
    empty_file: "";
    only_a_comment: "# nothing\n";
    a_list_at_the_top: "- name: a\n";
    a_text_at_the_top: "hello\n";
    tab_indent: "sources:\n\t- name: a\n\t  type: files\n";
    unclosed_quote: "sources:\n  - name: \"a\n    type: files\n";
    unclosed_bracket: "sources:\n  - name: a\n    type: files\n    paths: [a, b\nparallel: true\n";
    two_colons: "sources:\n  - name: a: b\n    type: files\n";
    bad_indent: "sources:\n  - name: a\n   type: files\n    paths: [x]\n";
    two_documents: "sources: []\n---\nsources: []\n";
    duplicate_key: "parallel: true\nsources:\n  - { name: a, type: files, paths: [x] }\nparallel: false\n";
    unknown_alias: "sources: *nothing\n";
    alias_to_itself: "a: &x [*x]\n";
    unknown_tag: "sources: !include other.yaml\n";
    complex_key: "? [a, b]\n: c\n";
    alias_bomb: &bomb();
    too_deep: &format!("sources: {}{}\n", "[".repeat(80), "]".repeat(80));
    syntax_error_beside_a_secret: "sources:\n  - name: a\n    auth: { type: bearer, token: hunter2-hunter2\n";

    // References.
    missing_variable: "sources:\n  - name: a\n    type: files\n    paths: [\"${NOT_SET}/x\"]\n";
    unclosed_reference: "sources:\n  - name: a\n    type: files\n    paths: [\"${TOKEN\"]\n";
    missing_secret_file: "sources:\n  - name: a\n    type: files\n    paths: [\"${file:/nope}\"]\n";

    // The top level.
    no_sources: "parallel: true\n";
    no_source_in_the_list: "sources: []\n";
    sources_is_a_mapping: "sources:\n  orders:\n    type: api\n";
    unknown_top_key: "concurency: 4\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    source_keys_at_the_top: "name: a\ntype: files\nsources: []\n";
    several_at_once: "concurrency: many\nparallel: yes\nretry: { max_retry: 1, initial_backoff: 5 }\nmemory_budget: 1 TB\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    later_keys: "cluster: { workers: 3 }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    server_of_all_kinds_of_wrong: "server:\n  bind: localhost\n  grace: soon\n  on_busy: wait\n  max_connections: 0\n  portt: 1\n  activity: { ring: 0 }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    server_out_of_bounds: "server:\n  max_connections: 0\n  activity: { ring: 0 }\n  tokens:\n    - { name: a, role: read, token: \"${DIGITS}${DIGITS}\" }\n    - { name: a, role: operate, token: \"${DIGITS}${DIGITS}\" }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    bad_tokens: "server:\n  tokens:\n    - { name: a, role: admin, token: tok-from-nowhere-123456 }\n    - { name: b, role: read, token: \"${TOKEN}\" }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    bad_schedules: "schedule: fortnightly\nsources:\n  - { name: a, type: files, paths: [x], schedule: { every: 10m, cron: \"0 4 * * *\" } }\n  - { name: b, type: files, paths: [x], schedule: { cron: \"0 4 * *\", timezone: Europe/Berlyn } }\n  - { name: c, type: files, paths: [x], schedule: { every: 10m, timezone: Europe/Berlin, jitter: 1h } }\n  - { name: d, type: files, paths: [x], schedule: { auto: { min: 1h, max: 1m } } }\n  - { name: e, type: files, paths: [x], schedule: {} }\n  - { name: f, type: files, paths: [x], schedule: { evry: 1h, overlap: wait } }\n  - { name: g, type: files, paths: [x], schedule: { every: 10ms, initial_delay: 9000d } }\n";
    datasets_that_cannot_be: "datasets:\n  drops: { snapshot: true, changelog: true, keep: last }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    a_dataset_that_only_holds_rows: "datasets:\n  nothing: { keep: first }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    bad_retention: "retention: { runs: long, max_events: 0 }\nsources:\n  - { name: a, type: files, paths: [x], retention: 0s }\n  - { name: b, type: files, paths: [x], retention: { rows: 90d } }\n  - { name: c, type: files, paths: [x], retention: 90 }\n";
    restless_retention: "retention: { every: 10ms, max_events: 0 }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    zero_limits: "concurrency: 0\npools: { api: 0, feeds: 3 }\nhosts: { api.example.com: { max_concurrency: 0 } }\ndeadlines: { request: 0s }\nmemory_budget: 10B\nsources:\n  - { name: a, type: files, paths: [x], max_concurrency: 0 }\n";
    backoff_above_its_bound: "retry: { initial_backoff: 1m, max_backoff: 30s }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    negative_concurrency: "concurrency: -1\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    state_without_path: "state: { file: x }\nsources:\n  - { name: a, type: files, paths: [x] }\n";

    // Sources.
    source_is_a_text: "sources:\n  - orders\n";
    no_name: "sources:\n  - type: files\n    paths: [x]\n";
    bad_name: "sources:\n  - name: my orders!\n    type: files\n    paths: [x]\n";
    duplicate_name: "sources:\n  - { name: a, type: files, paths: [x] }\n  - { name: a, type: files, paths: [y] }\n";
    no_type: "sources:\n  - name: a\n    paths: [x]\n";
    unknown_type: "sources:\n  - name: a\n    type: apo\n";
    unknown_type_without_a_guess: "sources:\n  - name: a\n    type: carrier-pigeon\n";
    unknown_source_key: "sources:\n  - name: a\n    type: files\n    path: [x]\n";
    misspelt_common_key: "sources:\n  - name: a\n    type: files\n    paths: [x]\n    priorty: high\n";
    unknown_priority: "sources:\n  - name: a\n    type: files\n    paths: [x]\n    priority: urgent\n";
    bad_units: "sources:\n  - name: a\n    type: files\n    paths: [x]\n    rate_limit: 10 per second\n    deadline: 5 minutes\n    request_timeout: 10\n";
    a_text_for_a_list: "sources:\n  - name: a\n    type: files\n    paths: x\n";
    a_list_for_a_text: "sources:\n  - name: a\n    type: api\n    base_url: [http://x]\n    streams: []\n";
    unknown_pagination: "sources:\n  - name: a\n    type: api\n    base_url: http://x\n    streams:\n      - name: s\n        path: /s\n        pagination: { type: next_urk, path: $.next }\n";
    unknown_key_in_pagination: "sources:\n  - name: a\n    type: api\n    base_url: http://x\n    streams:\n      - name: s\n        path: /s\n        pagination:\n          type: page\n          sise: 3\n";
    missing_key_in_a_stream: "sources:\n  - name: a\n    type: api\n    base_url: http://x\n    streams:\n      - name: s\n";
    the_connectors_own_problems: "sources:\n  - name: a\n    type: api\n    base_url: ftp://x\n    streams:\n      - { name: s, path: s }\n      - { name: t, path: /t }\n      - { name: u, path: u }\n";
    problems_of_all_sources: "sources:\n  - name: a\n    type: files\n    path: [x]\n  - name: b\n    type: api\n    base_ur: http://x\n    page_size: big\n    streams: []\n  - name: c\n    type: nothing\n";

    // Transforms.
    transforms_is_a_mapping: "sources:\n  - name: a\n    type: files\n    paths: [x]\n    transforms:\n      drop: [a]\n";
    unknown_transform: "sources:\n  - name: a\n    type: files\n    paths: [x]\n    transforms:\n      - drop: [a]\n      - renam: { a: b }\n      - just a text\n      - { set: { a: 1 }, drop: [b] }\n";
    mistakes_in_transforms: "sources:\n  - name: a\n    type: files\n    paths: [x]\n    transforms:\n      - select: [a..b, ok, \"links[x]\"]\n      - rename: { a.*.b: c, same: same, x: z, y: z }\n      - cast: { price: flaot, \"a[\": int }\n      - set: { key: \"{a.b\", \"x*\": 1 }\n      - filter: { cloud: { less: 3 }, day: {}, size: { lt: [1] } }\n      - drop: links\n";

    // Quality.
    quality_of_a_source_that_is_wrong_too: "sources:\n  - name: a\n    type: files\n    path: [x]\n    quality:\n      fail_on: errors\n      streams:\n        s: { volume: { min: 5, max: 2, change: -0.5 } }\n";
    numbers_of_quality: "sources:\n  - name: a\n    type: files\n    path: [x]\n    quality:\n      streams:\n        s: { volume: { min: 5, max: 2, change: -0.5 }, fields: { f: { tolerance: 2 } } }\n";

    // Destinations.
    unknown_destination: "destination: { type: sqlight, path: x }\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    destination_is_a_text: "destination: busta.db\nsources:\n  - { name: a, type: files, paths: [x] }\n";
    unknown_destination_key: "sources:\n  - name: a\n    type: files\n    paths: [x]\n    destination: { type: sqlite, paht: x }\n";

    // Secrets.
    secret_of_a_wrong_type: "sources:\n  - name: a\n    type: api\n    base_url: http://x\n    page_size: \"${TOKEN}\"\n    auth: { type: bearer, token: [\"s3cret-value\"] }\n    streams: []\n";
    problem_beside_a_secret: "sources:\n  - name: a\n    type: api\n    base_url: http://x\n    auth: { type: basic, password: hunter2, usr: me }\n    streams: []\n";
    misspelt_key_of_a_secret: "sources:\n  - name: a\n    type: api\n    base_url: http://x\n    auth: { type: bearer, tokn: \"${TOKEN}\" }\n    streams: []\n";
}

fn bomb() -> String {
    let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..8 {
        let below = format!("*a{}", level - 1);
        yaml.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
    }
    yaml
}

#[test]
fn no_snapshot_shows_a_secret() {
    for yaml in [
        "sources:\n  - name: a\n    type: api\n    auth: { type: bearer, tokn: \"${TOKEN}\" }\n",
        "sources:\n  - name: a\n    type: api\n    auth:\n      type: basic\n      password: |\n        tok-from-env-1234\n     x\n",
        "sources:\n  - name: a\n    token: tok-from-env-1234\n    type: api: x\n",
        "a: {token: tok-from-env-1234\n",
        "sources:\n  - { name: a, type: files, path: \"http://me:tok-from-env-1234@x\" }\n",
        "a: [\"http://x?api_key=tok-from-env-1234\"\nb: c\n",
    ] {
        let shown = problems(yaml);
        assert!(!shown.contains("tok-from-env-1234"), "{shown}");
    }
}
