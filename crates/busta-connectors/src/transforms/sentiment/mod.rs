//! `sentiment`: how favourable a text is, by VADER.
//!
//! VADER is the rule-based model of C.J. Hutto and E.E. Gilbert, "VADER: A Parsimonious Rule-based Model for
//! Sentiment Analysis of Social Media Text" (ICWSM-14). The crate `vader-parity` computes what the authors'
//! own `vaderSentiment` 3.3.2 in Python does, to the last digit it prints; `tests/sentiment.rs` holds it to that.

mod text;

use std::sync::LazyLock;

use async_trait::async_trait;
use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use busta_core::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use vader_parity::{SentimentIntensityAnalyzer, SentimentScores};

use super::document::{Node, Path, Put};
use super::problems::{Problems, key};
use super::select::paths;
use super::{Outcome, Step, TransformContext, TransformKind};

/// Says how favourable texts are.
pub static KIND: TransformKind = TransformKind {
    name: "sentiment",
    summary: "Says how favourable a text is (VADER): compound, pos, neu, neg and a label",
    example: "- sentiment: { fields: [title, selftext] }\n",
    schema: <SentimentConfig as JsonSchema>::json_schema,
    build,
};

/// The keys as they stand in the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SentimentConfig {
    /// The paths of the texts, which are joined by a blank line. What is missing, blank or no text is left
    /// out; of more than 100,000 bytes together the beginning counts.
    fields: Vec<String>,
    /// What the names of the new fields begin with: `sentiment` gives `sentiment_compound` (from -1 to 1),
    /// `sentiment_pos`, `sentiment_neu`, `sentiment_neg` (parts of 1) and `sentiment_label`. They are null
    /// where there is no text.
    #[serde(default = "default_into")]
    into: String,
}

fn default_into() -> String {
    "sentiment".to_owned()
}

/// The usual thresholds, those of the model's authors
/// (<https://github.com/cjhutto/vaderSentiment#about-the-scoring>).
const POSITIVE: f64 = 0.05;
const NEGATIVE: f64 = -0.05;

/// Its dictionaries take a while to read, and never change.
static ANALYZER: LazyLock<SentimentIntensityAnalyzer> = LazyLock::new(SentimentIntensityAnalyzer::new);

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let config: SentimentConfig = read_config(keys)?;
    let mut problems = Problems::default();
    if config.into.is_empty() {
        problems.add(&[key("into")], "is empty, expected the beginning of a name such as `sentiment`");
    }
    let fields = paths(&config.fields).map_err(|wrong| {
        for mut problem in wrong {
            problem.path.insert(0, key("fields"));
            problems.add(&problem.path, problem.message);
        }
    });
    let fields = problems.finish(fields.unwrap_or_default())?;
    let field = |part: &str| Path::field(&format!("{}_{part}", config.into));
    Ok(Box::new(Sentiment { fields, into: ["compound", "pos", "neu", "neg", "label"].map(field) }))
}

struct Sentiment {
    fields: Vec<Path>,
    /// Where compound, pos, neu, neg and the label go.
    into: [Path; 5],
}

#[async_trait]
impl Step for Sentiment {
    async fn prepare(&self) -> Result<()> {
        let load = tokio::task::spawn_blocking(|| LazyLock::force(&ANALYZER));
        load.await.map(drop).map_err(|e| Error::bug("loading the dictionaries was cut short").caused_by(e))
    }

    fn apply<'a>(&self, record: &mut Node<'a>, warnings: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        let text = text::gather(record, &self.fields)?;
        if text.cut {
            warnings.push(Warning {
                rule: "sentiment".to_owned(),
                message: format!("only the first {} bytes of a long text were looked at", text::LONGEST),
            });
        }
        let values = match text.joined {
            Some(text) => columns(&ANALYZER.polarity_scores(&text)),
            None => [const { Value::Null }; 5],
        };
        for (path, value) in self.into.iter().zip(values) {
            record.put(path.segments(), Put::Replace, &Node::new(value.to_string()))?;
        }
        Ok(Outcome::Kept)
    }
}

fn columns(scores: &SentimentScores) -> [Value; 5] {
    let SentimentScores { neg, neu, pos, compound } = *scores;
    [compound.into(), pos.into(), neu.into(), neg.into(), label(compound).into()]
}

fn label(compound: f64) -> &'static str {
    match compound {
        POSITIVE.. => "positive",
        ..=NEGATIVE => "negative",
        _ => "neutral",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(keys: Value) -> Box<dyn Step> {
        build(keys, &TransformContext { base_dir: Default::default() }).unwrap_or_else(|e| panic!("{e:?}"))
    }

    fn scored(keys: Value, record: &str) -> (Value, Vec<Warning>) {
        let mut warnings = Vec::new();
        let mut node = Node::record(record.as_bytes()).unwrap();
        step(keys).apply(&mut node, &mut warnings).unwrap();
        // Half of a surrogate pair, which some of the texts have, cannot be read as a value.
        node.remove(Path::field("t").segments()).unwrap();
        (node.to_value().unwrap(), warnings)
    }

    #[test]
    fn texts_are_joined_and_scored() {
        let keys = json!({ "fields": ["title", "body.text", "none"], "into": "s" });
        let (made, warnings) =
            scored(keys, r#"{"title":"VADER is smart, handsome, and funny.","body":{"text":" "}}"#);
        assert_eq!(made["s_compound"], json!(0.8316));
        assert_eq!([&made["s_pos"], &made["s_neu"], &made["s_neg"]], [0.746, 0.254, 0.0]);
        assert_eq!(made["s_label"], "positive");
        assert!(warnings.is_empty());

        let joined = scored(json!({ "fields": ["a", "b"] }), r#"{"a":"not","b":"good at all"}"#).0;
        let whole = scored(json!({ "fields": ["a"] }), r#"{"a":"not\n\ngood at all"}"#).0;
        assert_eq!(joined["sentiment_compound"], whole["sentiment_compound"]);
        assert_eq!(joined["sentiment_label"], "negative");
    }

    #[test]
    fn nothing_to_read_is_null_and_replaces_what_was_there() {
        for record in [r#"{"n":1}"#, r#"{"title":null}"#, r#"{"title":" \n"}"#, r#"{"title":7}"#] {
            let record = record.replace('}', r#","sentiment_label":"old"}"#);
            let made = scored(json!({ "fields": ["title"] }), &record).0;
            for part in ["compound", "pos", "neu", "neg", "label"] {
                assert_eq!(made.get(format!("sentiment_{part}")), Some(&Value::Null), "{record}");
            }
        }
    }

    #[test]
    fn thresholds_belong_to_the_labels() {
        for (compound, expected) in [
            (1.0, "positive"),
            (0.05, "positive"),
            (0.0499, "neutral"),
            (0.0, "neutral"),
            (-0.0499, "neutral"),
            (-0.05, "negative"),
            (-1.0, "negative"),
        ] {
            assert_eq!(label(compound), expected, "{compound}");
        }
    }

    #[test]
    fn any_text_has_a_score() {
        for text in ["日本語のテキスト", "\\ud800 great", "💔", "\\u0000", "((((", "İÀ̸", "?!?!"]
        {
            let made = scored(json!({ "fields": ["t"] }), &format!("{{\"t\":\"{text}\"}}")).0;
            let compound = made["sentiment_compound"].as_f64().unwrap_or_else(|| panic!("{text}: {made}"));
            assert!((-1.0..=1.0).contains(&compound), "{text}: {compound}");
        }
        let broken = scored(json!({ "fields": ["t"] }), r#"{"t":"\ud800 great"}"#).0;
        assert_eq!(broken["sentiment_label"], "positive", "a broken sign does not hide the rest");
    }

    #[test]
    fn a_monstrous_text_counts_by_its_beginning() {
        let body = "good ".repeat(text::LONGEST) + "terrible";
        let (made, warnings) = scored(json!({ "fields": ["t"] }), &json!({ "t": body }).to_string());
        assert_eq!((&made["sentiment_label"], &made["sentiment_neg"]), (&json!("positive"), &json!(0.0)));
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn mistakes_are_told_at_their_keys() {
        let wrong = |keys| {
            let problems = build(keys, &TransformContext { base_dir: Default::default() }).err().unwrap();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        assert!(wrong(json!({ "fields": [], "into": "" })).matches("empty").count() == 2);
        assert!(wrong(json!({ "fields": ["a["] })).contains("fields"));
        assert!(wrong(json!({ "into": "x" })).contains("fields"));
    }
}
