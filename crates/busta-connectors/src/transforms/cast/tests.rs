use super::super::document::Node;
use super::Type;
use super::convert::convert;

fn cast(json: &str, to: Type) -> Option<String> {
    convert(&Node::new(json), to).ok().map(|made| made.unwrap_or_else(|| json.to_owned()))
}

#[test]
fn what_is_cast_without_a_loss() {
    for (json, to, made) in [
        ("42", Type::Int, "42"),
        ("\"42\"", Type::Int, "42"),
        ("42.00", Type::Int, "42"),
        ("-0.0", Type::Int, "0"),
        ("123456789012345678901234567890", Type::Int, "123456789012345678901234567890"),
        ("\"-1.50\"", Type::Float, "-1.50"),
        ("1e400", Type::Float, "1e400"),
        ("7", Type::Float, "7"),
        ("\"True\"", Type::Bool, "true"),
        ("0", Type::Bool, "false"),
        ("1.10", Type::Text, "\"1.10\""),
        ("false", Type::Text, "\"false\""),
        ("\"a\\n\"", Type::Text, "\"a\\n\""),
        ("\" {\\\"a\\\": 1} \"", Type::Json, "{\"a\": 1}"),
        ("[1]", Type::Json, "[1]"),
        ("null", Type::Int, "null"),
        ("\"2024-05-01\"", Type::Datetime, "\"2024-05-01T00:00:00Z\""),
        ("\"2024-05-01T12:00:00+02:00\"", Type::Datetime, "\"2024-05-01T10:00:00Z\""),
        ("\"2024-05-01 12:00:00.5\"", Type::Datetime, "\"2024-05-01T12:00:00.500Z\""),
        ("\"2024-05-01 12:00:00+00\"", Type::Datetime, "\"2024-05-01T12:00:00Z\""),
        ("\"Wed, 01 May 2024 12:00:00 GMT\"", Type::Datetime, "\"2024-05-01T12:00:00Z\""),
        ("1714564800", Type::Datetime, "\"2024-05-01T12:00:00Z\""),
        ("1714564800.25", Type::Datetime, "\"2024-05-01T12:00:00.250Z\""),
        ("1714564800001", Type::Datetime, "\"2024-05-01T12:00:00.001Z\""),
        ("1735689600000001", Type::Datetime, "\"2025-01-01T00:00:00.000001Z\""),
        ("-0.5", Type::Datetime, "\"1969-12-31T23:59:59.500Z\""),
    ] {
        assert_eq!(cast(json, to).as_deref(), Some(made), "{json} to {to:?}");
    }
}

#[test]
fn what_would_lose_something_is_refused() {
    for (json, to) in [
        ("42.5", Type::Int),
        ("\"042\"", Type::Int),
        ("\" 42\"", Type::Int),
        ("1e3", Type::Int),
        ("true", Type::Int),
        ("\"\"", Type::Float),
        ("\"NaN\"", Type::Float),
        ("\"1,5\"", Type::Float),
        ("\"[1]\"", Type::Float),
        ("2", Type::Bool),
        ("\"yes\"", Type::Bool),
        ("{}", Type::Text),
        ("\"soon\"", Type::Datetime),
        ("\"2024-13-01\"", Type::Datetime),
        ("true", Type::Datetime),
        ("1714564800.1234567891", Type::Datetime),
        ("\"{\"", Type::Json),
        ("\"\\\"\\\\ud83d\\\"\"", Type::Json),
    ] {
        assert_eq!(cast(json, to), None, "{json} to {to:?}");
    }
}
