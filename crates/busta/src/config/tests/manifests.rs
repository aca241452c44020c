//! Sources of manifests, a user's own and those that come with busta: what is told when they are wrong, and
//! where.

use std::io;
use std::path::Path;
use std::sync::Arc;

use busta_core::clock::{Clock, SystemClock};
use busta_core::dataset::Keep;
use busta_core::meter::NoMeter;

use super::connectors;
use crate::config::env::Environment;
use crate::config::{Config, ConfigErrors, Draft, Registry};

/// Files by name.
struct Folder<'a>(&'a [(&'a str, &'a str)]);

impl Environment for Folder<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "KEY").then(|| "key-of-the-shop-1234".to_owned())
    }

    fn file(&self, path: &str) -> io::Result<String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

const SHOP: &str = "name: shop
summary: orders of a shop
example: |
  name: shop
  type: shop
  base_url: http://shop.example
parameters:
  base_url: { type: text, required: true, description: Where the shop is. }
  regions: { type: list, of: text, values: [eu, us], default: [eu] }
  size: { type: number, min: 1, max: 500, default: 100 }
  auth: { type: auth, keys: { key: { type: text, required: true } } }
presets:
  overseas: { regions: [us] }
source:
  base_url: $(.base_url)
  auth: { if: $(.auth), type: api_key, name: X-Key, key: $(.auth.key) }
  streams:
    - name: orders
      for_each: { region: $(.regions) }
      path: /orders/{region}
      params: { size: $(.size) }
      primary_key: id
datasets:
  orders: { keep: first, view: { time: placed, text: [title], score: amount } }
";

fn load(yaml: &str, files: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    load_with(connectors::REGISTRY, yaml, files)
}

fn load_with(registry: Registry, yaml: &str, files: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Draft::read(Path::new("busta.yaml"), yaml.to_owned(), &Folder(files), registry)?
        .build(&clock, &mut |_| Arc::new(NoMeter))
}

fn problems(yaml: &str, files: &[(&str, &str)]) -> String {
    load(yaml, files).err().map_or_else(|| "no problem".to_owned(), |errors| errors.to_string())
}

fn shop(section: &str) -> String {
    let section = section.replace('\n', "\n    ");
    format!("connectors: [shop.yaml]\nsources:\n  - name: mine\n    type: shop\n    {section}\n")
}

#[test]
fn an_own_manifest_is_a_type_of_source() {
    let yaml = shop("base_url: http://x\npreset: overseas\npriority: high\nauth: { key: \"${KEY}\" }");
    let config = load(&yaml, &[("shop.yaml", SHOP)]).unwrap();
    let source = &config.sources[0];
    assert_eq!((source.kind.as_str(), source.source.streams()[0].phase.as_deref()), ("shop", Some("shop")));
}

#[test]
fn datasets_of_a_manifest_are_overridden_key_by_key() {
    let section = "base_url: http://x\ntables: { orders: sold }";
    let dataset = |more: &str| {
        let config = load(&format!("{}{more}", shop(section)), &[("shop.yaml", SHOP)]).unwrap();
        config.sources[0].source.streams()[0].dataset.clone()
    };
    let own = dataset("");
    assert_eq!(
        (own.keep, own.change_log, own.view.unwrap().score.as_deref()),
        (Keep::First, false, Some("amount"))
    );
    let own = dataset("datasets: { sold: { change_log: true, view: { score: null, group_by: region } } }\n");
    let view = own.view.unwrap();
    assert_eq!((own.keep, own.change_log), (Keep::First, true));
    assert_eq!((view.score, view.group_by.as_deref(), view.text.len()), (None, Some("region"), 1));
    let own = dataset("datasets: { sold: { keep: newest, view: null } }\n");
    assert!(own.is_plain());
}

#[test]
fn one_view_is_the_default_and_users_say_which() {
    let manifest = SHOP.replace("score: amount", "score: amount, default: true");
    let files = [("shop.yaml", manifest.as_str())];
    let yaml = |datasets: &str| {
        let sources = "connectors: [shop.yaml]
sources:
  - { name: one, type: shop, base_url: \"http://x\" }
  - { name: two, type: shop, base_url: \"http://x\", tables: { orders: sold } }
";
        format!("{sources}datasets:\n{datasets}")
    };
    let config = load(&yaml("  sold: { view: { default: true } }\n"), &files).unwrap();
    let is_default = |source: usize| {
        config.sources[source].source.streams()[0].dataset.view.as_ref().is_some_and(|view| view.default)
    };
    assert_eq!((is_default(0), is_default(1)), (false, true));

    let both = "  orders: { view: { default: true } }\n  sold: { view: { default: true } }\n";
    let shown = problems(&yaml(both), &files);
    let expected = "busta.yaml:7:28: datasets.sold.view.default: the view of `orders` is the default already";
    assert!(shown.starts_with(expected), "{shown}");
}

#[test]
fn only_the_destination_that_cannot_goes_without() {
    let yaml = "connectors: [shop.yaml]
destination: { type: sqlite, path: a.db }
sources:
  - { name: one, type: shop, base_url: \"http://x\" }
  - { name: two, type: shop, base_url: \"http://x\", destination: { type: ndjson, path: out } }
";
    let registry =
        Registry { destinations: busta_connectors::registry::DESTINATIONS, ..connectors::REGISTRY };
    let config = load_with(registry, yaml, &[("shop.yaml", SHOP)]).unwrap();
    let dataset = |source: usize| &config.sources[source].source.streams()[0].dataset;
    assert_eq!(dataset(0).keep, Keep::First);
    assert!(dataset(1).is_plain());
    assert_eq!(config.notes, ["`orders`: ndjson out only holds rows; type `sqlite` can do more"]);
}

#[test]
fn wrong_parameters_are_told_at_the_users_keys() {
    let section = "base_url: ftp://x\nregions:\n  - eu\n  - uk\nsize: 1000\nsiez: 3\npriorty: high\npreset: oversea\nauth: { kee: \"${KEY}\" }";
    insta::assert_snapshot!("manifest_parameters", problems(&shop(section), &[("shop.yaml", SHOP)]));
    // What the api finds wrong with a parameter is told at the parameter, too.
    let section = "base_url: ftp://x\nregions: [eu, eu]";
    insta::assert_snapshot!("manifest_values", problems(&shop(section), &[("shop.yaml", SHOP)]));
    insta::assert_snapshot!("manifest_missing", problems(&shop("size: 3"), &[("shop.yaml", SHOP)]));
}

#[test]
fn wrong_manifests_are_told_in_their_file() {
    let yaml = shop("base_url: http://x");
    let wrong = |text: &str| problems(&yaml, &[("shop.yaml", text)]);
    insta::assert_snapshot!("manifest_syntax", wrong("name: shop\nsummary: \"x\nexample: y\n"));
    insta::assert_snapshot!(
        "manifest_keys",
        wrong(&SHOP.replace("summary:", "sumary:").replace("values:", "valus:"))
    );
    insta::assert_snapshot!("manifest_programs", wrong(&SHOP.replace("$(.size)", "$(.size |)")));
    let wrong_source = SHOP.replace("path: /orders", "pth: /orders").replace("keep: first", "keep: frst");
    insta::assert_snapshot!("manifest_source", wrong(&wrong_source));
    insta::assert_snapshot!("manifest_name", wrong(&SHOP.replace("name: shop\nsum", "name: reddit\nsum")));
    insta::assert_snapshot!("manifest_absent", problems(&yaml, &[]));
    insta::assert_snapshot!("manifest_list", problems("connectors: shop.yaml\nsources: []\n", &[]));
}

#[test]
fn datasets_are_told_where_they_are_wrong() {
    let yaml = format!(
        "{}datasets: {{ orders: {{ view: {{ tme: x }}, keep: last }} }}\n",
        shop("base_url: http://x")
    );
    insta::assert_snapshot!("manifest_datasets", problems(&yaml, &[("shop.yaml", SHOP)]));
}

#[test]
fn secrets_of_manifests_stay_secret() {
    let shown = problems(
        &shop("auth: { key: \"${KEY}\", kee: literal-secret }\nsize: \"${KEY}\""),
        &[("shop.yaml", SHOP)],
    );
    assert!(shown.contains("unknown key `kee`") && shown.contains("size"), "{shown}");
    assert!(!shown.contains("key-of-the-shop"), "{shown}");
}

#[test]
fn chains_are_told_at_their_keys() {
    let yaml = "sources:
  - name: market
    type: amazon
    preset: home
    auth: { api_key: \"${KEY}\" }
    then:
      - type: ebay
        of: product
        auth: { client_id: id, client_secret: \"${KEY}\" }
        with: { low: '.price * 0.8' }
        query: \"{products.title}\"
        price: [\"{with.low}\", \"{with.high}\"]
";
    insta::assert_snapshot!("manifest_chain", problems(yaml, &[]));
    let placeholder = yaml.replace("of: product\n", "of: products\n");
    insta::assert_snapshot!("manifest_chain_placeholder", problems(&placeholder, &[]));
}
