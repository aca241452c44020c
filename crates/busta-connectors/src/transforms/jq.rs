//! `jq`: programs in the language of jq, run by jaq.

use busta_core::Result;
use busta_core::connector::{Built, ConfigProblem, read_config};
use busta_core::transform::Warning;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::Node;
use super::{Outcome, Step, TransformContext, TransformKind};
use crate::jq::{Given, Program};

/// Programs in the language of jq.
pub static KIND: TransformKind = TransformKind {
    name: "jq",
    summary: "Runs a jq program on every record",
    example: "- jq: 'select(.properties.platform != null) | .year = (.properties.datetime[:4] | tonumber)'\n",
    schema: <JqConfig as JsonSchema>::json_schema,
    build,
};

/// The program. Each of its outputs is a record; none drops the record; an error makes it fail. It sees
/// the record and nothing else: no files, no environment, no clock (`env`, `input`, `now`, `localtime`,
/// `debug` and `halt` do not exist). At most 10,000 outputs of 32 MiB together come of one record. A record fails for
/// which the program makes a value that is longer than that when it is written, or does not come to an end: after a
/// million steps, 5,000 more and 16 for each byte of the record. Once that has happened in a batch, its other records
/// have the 5,000 and 16 only.
#[derive(Debug, Deserialize, JsonSchema)]
struct JqConfig(String);

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let JqConfig(text) = read_config(keys)?;
    let wrong = |message| vec![ConfigProblem { path: Vec::new(), message }];
    Ok(Box::new(Jq(Program::compile(&text).map_err(wrong)?)))
}

struct Jq(Program);

impl Step for Jq {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        let outputs = self.0.records(&record.json(), &Given::default())?;
        Ok(Outcome::Replaced(outputs.into_iter().map(Node::made).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, record: &str) -> Result<Vec<String>> {
        Program::compile(program).map_err(busta_core::Error::config)?.records(record, &Given::default())
    }

    #[test]
    fn outputs_are_records() {
        assert_eq!(run(".b = .a + 1", r#"{"a":1}"#).unwrap(), [r#"{"a":1,"b":2}"#]);
        assert_eq!(run(".[] | {n: .}", r#"{"x":1,"y":2}"#).unwrap(), [r#"{"n":1}"#, r#"{"n":2}"#]);
        assert!(run("empty", "{}").unwrap().is_empty());
        assert!(run("select(.a > 1)", r#"{"a":1}"#).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_touched_keeps_its_digits_and_order() {
        let record = r#"{"z":12345678901234567890123,"a":1.10,"e":1e400,"t":"\u00fc\n\u007f"}"#;
        let out = run(".k = 1", record).unwrap();
        assert_eq!(
            out,
            ["{\"z\":12345678901234567890123,\"a\":1.10,\"e\":1e400,\"t\":\"ü\\n\\u007f\",\"k\":1}"]
        );
    }

    #[test]
    fn errors_are_of_the_record() {
        for (program, said) in [
            (".a", "a record must be a JSON object"),
            ("error(\"no good\")", "no good"),
            (".a.b.c", "index"),
            (".x = nan", "JSON"),
            (". = (range(20000) | {n: .})", "more than 10000"),
        ] {
            let error = run(program, r#"{"a":"text"}"#).unwrap_err().to_string();
            assert!(error.contains(said), "{program}: {error}");
        }
        let deep = format!("{}{}", r#"{"a":"#.repeat(2000), "1".to_owned() + &"}".repeat(2000));
        assert!(run(".", &deep).unwrap_err().to_string().contains("nested"));
    }

    #[test]
    fn a_program_sees_the_record_and_nothing_else() {
        for program in [
            "env",
            "$ENV",
            "input",
            "inputs",
            "now",
            "halt",
            "debug",
            "localtime",
            "import \"a\" as a; .",
            "include \"a\"; .",
        ] {
            assert!(Program::compile(program).is_err(), "{program}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (program, said) in [
            (".a |", "expected term at the end"),
            ("fou(1)", "`fou`"),
            ("{a: $x}", "`$x`"),
            ("\"a", "closing quote"),
            ("", "empty"),
        ] {
            let error = Program::compile(program).err().unwrap();
            assert!(error.contains(said), "{program}: {error}");
        }
    }
}
