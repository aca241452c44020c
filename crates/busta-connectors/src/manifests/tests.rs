//! What sections become, and who is told what is wrong with them.

use std::sync::Arc;

use busta_core::connector::ConfigProblem;
use serde_json::{Value, json};

use super::*;
use crate::formats::yaml::parse as yaml;

/// A shop whose orders may be read with their lines, and a search that follows.
const SHOP: &str = r#"
name: shop
summary: a shop
example: "name: shop"
parameters:
  base_url: { type: text, required: true }
  regions: { type: list, of: text, values: [eu, us], default: [eu], description: Where. More. }
  lines: { type: boolean, default: false }
  size: { type: number, min: 1, max: 500, default: 100 }
  auth:
    type: auth
    keys:
      id: { type: text, required: true }
      key: { type: text }
  token_url: { type: text }
  since: { type: text, pattern: '\d{4}-\d\d-\d\d' }
presets:
  overseas: { regions: [us], size: 200 }
checks:
  - { that: '$((.lines | not) or .size <= 400)', say: "at most 400 with `lines`, not $(.size)", at: size }
source:
  base_url: $(.base_url)
  auth:
    if: $(.auth)
    type: api_key
    name: X-Key
    key: $(.auth.key // .auth.id)
  headers: { User-Agent: "shop/1 ($(.source.name))" }
  streams:
    - name: orders
      path: /orders
      params: { per_page: $(.size), region: "$(.regions | join(\",\"))", since: $(.since) }
      primary_key: id
    - if: $(.lines)
      name: lines
      path: "/orders/{orders.id}/lines"
      primary_key: [order_id, line]
    - each: $(.regions)
      as: region
      name: stock_$(.region)
      path: /stock/$(.region)
      parent: $(.source.of)
datasets:
  orders: { keep: first, view: { time: at, sentiment: "$(.source.transforms | map(.sentiment? // empty | .into // \"sentiment\") | first)" } }
transforms:
  - drop: [internal]
"#;

const FINDER: &str = r#"
name: finder
summary: finds
example: "name: finder"
parameters:
  base_url: { type: text, required: true }
  query: { type: text, required: true }
source:
  base_url: $(.base_url)
  params: { key: fixed }
  streams:
    - { name: hits, path: /hits, params: { q: $(.query) }, primary_key: id }
    - { name: details, path: "/hits/{hits.id}", primary_key: id }
    - { name: sellers, from: hits, map: .seller, primary_key: id }
"#;

fn library() -> Library {
    let mut library = Library::default();
    for text in [SHOP, FINDER] {
        let manifest = parse(text).unwrap();
        manifest.check_programs().unwrap();
        library.add(Arc::new(manifest));
    }
    library
}

fn assembled(section: &str) -> Result<Assembly, Vec<Blamed>> {
    let library = library();
    let keys = yaml(section).unwrap().0.unwrap().to_json();
    let about = json!({ "name": "mine", "transforms": [{ "sentiment": { "into": "mood" } }] });
    let section = Section { keys: object(keys), about: object(about) };
    assemble(&library, library.find("shop").unwrap(), section)
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// Each problem as `place: message`, those of the manifest's author with its name before.
fn told(blamed: &[Blamed]) -> Vec<String> {
    let mut told: Vec<_> = blamed
        .iter()
        .map(|blamed| match blamed {
            Blamed::User(problem) => problem.to_string(),
            Blamed::Manifest(manifest, problem) => format!("[{}] {problem}", manifest.name()),
        })
        .collect();
    told.sort();
    told
}

fn wrong(section: &str) -> Vec<String> {
    told(&assembled(section).unwrap_err())
}

#[test]
fn a_section_becomes_keys_transforms_and_datasets() {
    let made =
        assembled("{ base_url: 'http://x', preset: overseas, regions: [us, eu], tables: { orders: sold } }")
            .unwrap();
    insta::assert_json_snapshot!(
        "section",
        json!({ "keys": made.keys, "transforms": made.transforms, "datasets": made.datasets })
    );
}

#[test]
fn what_is_optional_is_there_when_it_is_asked_for() {
    let made =
        assembled("{ base_url: 'http://x', lines: true, auth: { id: 7 }, since: 2024-01-01 }").unwrap();
    assert_eq!(made.keys["auth"], json!({ "type": "api_key", "name": "X-Key", "key": "7" }));
    assert_eq!(made.keys["streams"][0]["params"]["since"], "2024-01-01");
    assert_eq!(made.keys["streams"][1]["name"], "lines");
}

#[test]
fn a_chain_becomes_services_and_children() {
    let made = assembled(
        "base_url: http://x
then:
  - type: finder
    of: orders
    base_url: http://y
    with: { low: '.price * 0.8' }
    include: { order_id: orders.id }
    query: '{with.low} {orders.title}'",
    )
    .unwrap();
    insta::assert_json_snapshot!("chain", made.keys);
    assert_eq!(made.transforms.len(), 1);
}

#[test]
fn wrong_parameters_are_told_where_they_stand() {
    let problems = wrong(
        "regions: [eu, uk]\nlines: yes\nsize: 900\nauth: { key: k, secret: s }\nsince: yesterday\nsizes: 1\npreset: overseas",
    );
    insta::assert_snapshot!("wrong_parameters", problems.join("\n"));
}

#[test]
fn requirements_are_told_at_their_parameter() {
    let problems = wrong("{ base_url: 'http://x', lines: true, size: 450 }");
    assert_eq!(problems, ["size. at most 400 with `lines`, not 450"]);
    assert_eq!(
        wrong("{ base_url: 'http://x', preset: abroad }"),
        ["preset. unknown variant `abroad`, expected one of `overseas`"]
    );
}

#[test]
fn wrong_chains_are_told() {
    let problems = wrong(
        "base_url: http://x
tables: { none: x }
then:
  - { type: findr, of: orders }
  - { of: orders }
  - { type: finder, with: x }
  - text",
    );
    insta::assert_snapshot!("wrong_chains", problems.join("\n"));
    let problems = wrong(
        "base_url: http://x
tables: { none: x }
then:
  - { type: finder, of: nothing, base_url: http://y, query: q }
  - { type: shop, of: orders, base_url: http://y }
  - { type: finder, of: hits, base_url: http://y, query: q }",
    );
    insta::assert_snapshot!("wrong_joints", problems.join("\n"));
}

#[test]
fn problems_with_what_was_made_are_told_to_whom_can_mend_them() {
    let made = assembled(
        "base_url: http://x
size: 3
regions: [us]
then:
  - { type: finder, of: orders, base_url: http://y, query: q, with: { low: .price } }",
    )
    .unwrap();
    let of = |path: &str| told(&[made.blame(ConfigProblem::new(path, "is wrong"))]).remove(0);
    assert_eq!(of("base_url"), "base_url. is wrong");
    assert_eq!(of("streams.0.params.per_page"), "size. is wrong");
    assert_eq!(of("streams.0.params.region"), "regions. is wrong (in what `shop` makes of it)");
    assert_eq!(of("streams.0.path"), "[shop] source.streams.0.path. is wrong");
    assert_eq!(of("streams.1.name"), "[shop] source.streams.2.name. is wrong");
    assert_eq!(of("headers.User-Agent"), "[shop] source.headers.User-Agent. is wrong");
    assert_eq!(of("services.finder.base_url"), "then.0.base_url. is wrong");
    assert_eq!(of("services.finder.params"), "[finder] source.params. is wrong");
    assert_eq!(of("streams.2.params.q"), "then.0.query. is wrong");
    assert_eq!(of("streams.2.parent"), "then.0.of. is wrong");
    assert_eq!(of("streams.2.with.low"), "then.0.with.low. is wrong");
    assert_eq!(of("streams"), "[shop] source.streams. is wrong");
}

#[test]
fn wrong_manifests_are_explained() {
    let wrong = |text: &str| match Manifest::read(yaml(text).unwrap().0.unwrap().to_json()) {
        Ok(manifest) => manifest.check_programs().unwrap_err(),
        Err(problems) => problems,
    };
    let told = |text: &str| wrong(text).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let names = told(
        "name: My Shop\nsummary: x\nexample: x\nsource: {}\nparameters: { type: { type: text }, Big: { type: text }, priority: { type: text } }\nchecks: [{ that: $(.x), say: x, at: x }]",
    );
    insta::assert_snapshot!("wrong_names", names);
    let values = told(
        "name: a\nsummary: x\nexample: x\nsource: {}\nparameters: { n: { type: number, default: x }, t: { type: text, values: [a, b] } }\npresets: { p: { t: c, u: 1 } }",
    );
    insta::assert_snapshot!("wrong_values", values);
    let programs = told(
        "name: a\nsummary: x\nexample: x\nsource: { streams: [{ name: $(.a |) }, { path: /$(nope)/x, map: $(.a }] }\ndatasets: { a: { keep: $(now) } }",
    );
    insta::assert_snapshot!("wrong_programs", programs);
    assert!(
        told("name: a\nsummary: x\nexample: x\nsource: {}\nparameters: { a: { type: text, pattern: '(' } }")
            .contains("no regular expression")
    );
}

#[test]
fn schemas_know_the_parameters() {
    let library = library();
    let mut generator = schemars::SchemaGenerator::default();
    let schema = schema(library.find("shop").unwrap(), &library, &mut generator).to_value();
    insta::assert_json_snapshot!("schema", schema);
    let mut whole = schema.clone();
    whole["$defs"] = serde_json::json!(generator.definitions());
    assert!(boon_takes(&whole));
    let link = &whole["$defs"]["Then"]["oneOf"][0];
    assert_eq!(link["additionalProperties"], false);
    assert_eq!(link["required"], serde_json::json!(["type", "of"]));
}

/// Whether a schema is one.
fn boon_takes(schema: &Value) -> bool {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("mem:///schema", schema.clone()).unwrap();
    compiler.compile("mem:///schema", &mut schemas).is_ok()
}
