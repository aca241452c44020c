//! Sentiment against the reference: PyPI's `vaderSentiment`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use busta_connectors::registry::TRANSFORMS;
use busta_connectors::transforms::{Chain, TransformContext, read};
use busta_core::{Records, Transform};
use busta_testkit::judges;
use serde_json::{Value, json};

/// So many texts are made besides the package's own examples.
const GENERATED: usize = 20_000;

/// Words that each rule of the model looks at, and words that none does.
const WORDS: &[&str] = &[
    "good",
    "great",
    "terrible",
    "bad",
    "love",
    "hate",
    "smart",
    "sux",
    "VADER",
    "GREAT",
    "BAD",
    "very",
    "extremely",
    "barely",
    "kinda",
    "hardly",
    "SO",
    "sort of",
    "kind of",
    "not",
    "never",
    "isn't",
    "without doubt",
    "nor",
    "least",
    "at least",
    "the least",
    "but",
    "BUT",
    "however",
    "no",
    "no good",
    "the shit",
    "the bomb",
    "bad ass",
    "yeah right",
    "kiss of death",
    "to die for",
    "hand to mouth",
    "beating heart",
    "broken heart",
    "cut the mustard",
    ":)",
    ":-(",
    "8-)",
    ";)",
    "<3",
    "lol",
    "ROTFL",
    "meh",
    "💘",
    "😁",
    "🔥",
    "日本",
    "Übel",
    "İ",
    "ﬁne",
    "ß",
    "the",
    "plot",
    "is",
    "was",
    "it",
    "film",
    "a",
    "C++",
    "$$$",
    "1.5",
    "don't",
    "uber",
    "fucking",
    "damn",
    "'",
    "never so",
    "never this good",
];

const ENDS: &[&str] =
    &["", ".", "!", "!!", "!!!!!", "?", "??", "????", "?!?", ",", "...", "\n\n", " ", "\u{1c}"];

/// Texts that make the rules meet.
fn generated() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(20_261_123);
    let mut text = || {
        let mut text = String::new();
        for _ in 0..random.usize(1..16) {
            text.push_str(WORDS[random.usize(..WORDS.len())]);
            text.push_str(if random.u8(..4) == 0 { ENDS[random.usize(..ENDS.len())] } else { "" });
            text.push(' ');
        }
        text + ENDS[random.usize(..ENDS.len())]
    };
    (0..GENERATED).map(|_| text()).collect()
}

fn examples(python: &Path, judge: &Path) -> Vec<String> {
    let output = Command::new(python).arg(judge).arg("--examples").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn scores_are_those_of_the_reference() {
    let Some(python) = judges::python() else { return };
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge_sentiment.py");
    let examples = examples(&python, &judge);
    assert!(examples.len() > 20, "the package's own examples: {examples:?}");
    let texts = examples.into_iter().chain(generated());
    let records: Vec<String> = texts.map(|text| json!({ "text": text }).to_string()).collect();
    let records: Records = records.iter().map(String::as_str).collect();

    let context = TransformContext { base_dir: PathBuf::new() };
    let step = json!({ "sentiment": { "fields": ["text"], "into": "s" } });
    let chain = Chain::new(vec![read(0, step, TRANSFORMS, &context).unwrap()]);
    let made = chain.apply(&"s".into(), &records);
    assert_eq!((made.records.len(), made.failures.len()), (records.len(), 0));

    let folder = tempfile::tempdir().unwrap();
    let scored = folder.path().join("scored.ndjson");
    let read = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap();
    // What says nothing has no score here, and 0 there.
    let lines = made.records.iter().map(read).filter(|record| !record["s_compound"].is_null());
    std::fs::write(&scored, lines.map(|record| format!("{record}\n")).collect::<String>()).unwrap();
    let output = Command::new(python).arg(judge).arg(&scored).output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "scores differ; see above");
}
