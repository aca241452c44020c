//! Items written down: from templates in which all is ready that does not differ from item to item.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::meta::{COLLECTIONS, Collection, Meta, VARIANTS};
use super::space::{Area, DEGREE};
use super::time::write_time;
use super::world::StacWorld;
use crate::dataset::lock;
use crate::objects::Object;

/// So many sets of templates are kept; when there are more they are made anew.
const MAX_TEMPLATES: usize = 64;

/// An asset that items have.
pub(super) struct Asset {
    pub(super) key: &'static str,
    file: &'static str,
    title: &'static str,
    media_type: &'static str,
    roles: &'static [&'static str],
    /// Common name and central wavelength in micrometres.
    band: Option<(&'static str, f64)>,
    gsd: u32,
    /// By how much it is smaller than the largest.
    divisor: u64,
}

const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
const DATA: &[&str] = &["data", "reflectance"];

/// Ten assets.
pub(super) const ASSETS: [Asset; 10] = [
    band("blue", "B02.tif", "Blue (band 2) - 10m", 0.49, 10, 1),
    band("green", "B03.tif", "Green (band 3) - 10m", 0.56, 10, 1),
    band("red", "B04.tif", "Red (band 4) - 10m", 0.665, 10, 1),
    band("nir", "B08.tif", "NIR 1 (band 8) - 10m", 0.842, 10, 1),
    band("swir16", "B11.tif", "SWIR 1 (band 11) - 20m", 1.61, 20, 2),
    band("swir22", "B12.tif", "SWIR 2 (band 12) - 20m", 2.19, 20, 2),
    plain("scl", "SCL.tif", "Scene classification map (SCL)", COG, &["data"], 8),
    plain("visual", "TCI.tif", "True color image", COG, &["visual"], 2),
    plain("thumbnail", "preview.jpg", "Thumbnail of preview image", "image/jpeg", &["thumbnail"], 16),
    plain(
        "granule_metadata",
        "metadata.xml",
        "Metadata of the granule",
        "application/xml",
        &["metadata"],
        32,
    ),
];

const fn band(
    key: &'static str,
    file: &'static str,
    title: &'static str,
    center: f64,
    gsd: u32,
    divisor: u64,
) -> Asset {
    Asset { key, file, title, media_type: COG, roles: DATA, band: Some((key, center)), gsd, divisor }
}

const fn plain(
    key: &'static str,
    file: &'static str,
    title: &'static str,
    media_type: &'static str,
    roles: &'static [&'static str],
    divisor: u64,
) -> Asset {
    Asset { key, file, title, media_type, roles, band: None, gsd: 0, divisor }
}

impl Asset {
    /// What a collection says of it.
    pub(super) fn about(&self) -> serde_json::Value {
        json!({ "type": self.media_type, "title": self.title, "roles": self.roles })
    }
}

/// The object behind an asset in one of its variants.
fn object(world: &StacWorld, asset: usize, variant: u64) -> Object {
    let size = (world.asset / ASSETS[asset].divisor).max(1);
    Object::seeded(asset as u64 * VARIANTS + variant, size)
}

/// What differs from item to item.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    Id,
    Times,
    Created,
    Updated,
    Platform,
    Cloud,
    Epsg,
    Tile,
    Zone,
    SunAzimuth,
    SunElevation,
    Area,
    Seed(usize),
    Sum(usize),
}

impl Slot {
    /// A slot by the name that templates give it.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "times" => Self::Times,
            "created" => Self::Created,
            "updated" => Self::Updated,
            "platform" => Self::Platform,
            "cloud" => Self::Cloud,
            "epsg" => Self::Epsg,
            "tile" => Self::Tile,
            "zone" => Self::Zone,
            "azimuth" => Self::SunAzimuth,
            "elevation" => Self::SunElevation,
            "area" => Self::Area,
            _ => match name.split_once(':')? {
                ("seed", asset) => Self::Seed(asset.parse().ok()?),
                ("sum", asset) => Self::Sum(asset.parse().ok()?),
                _ => return None,
            },
        })
    }
}

/// Items of one collection, with texts before and between what differs.
struct Template {
    parts: Vec<(String, Option<Slot>)>,
}

impl Template {
    /// Names of slots stand between dollar signs.
    fn read(text: &str) -> Self {
        let pieces: Vec<&str> = text.split('$').collect();
        let parts = pieces.chunks(2).map(|pair| {
            let slot = pair.get(1).and_then(|name| Slot::named(name));
            debug_assert!(slot.is_some() || pair.len() == 1, "{pair:?}");
            (pair[0].to_owned(), slot)
        });
        Self { parts: parts.collect() }
    }

    fn write(&self, out: &mut Vec<u8>, meta: &Meta, sums: &Sums) {
        for (text, slot) in &self.parts {
            out.extend_from_slice(text.as_bytes());
            if let Some(slot) = slot {
                write_slot(out, *slot, meta, sums);
            }
        }
    }
}

fn write_slot(out: &mut Vec<u8>, slot: Slot, meta: &Meta, sums: &Sums) {
    match slot {
        Slot::Id => meta.write_id(out),
        Slot::Times => write_times(out, meta),
        Slot::Created => write_time(out, meta.created),
        Slot::Updated => write_time(out, meta.updated),
        Slot::Platform => out.extend_from_slice(meta.platform.as_bytes()),
        Slot::Cloud => write_fraction(out, i64::from(meta.cloud), 100, 2),
        Slot::Epsg => write_number(out, i64::from(meta.epsg)),
        Slot::Tile => meta.write_tile(out),
        Slot::Zone => write_number(out, i64::from(meta.zone)),
        Slot::SunAzimuth => write_fraction(out, i64::from(meta.sun.0), 100, 2),
        Slot::SunElevation => write_fraction(out, i64::from(meta.sun.1), 100, 2),
        Slot::Area => write_area(out, &meta.area),
        Slot::Seed(asset) => write_number(out, (asset as u64 * VARIANTS + meta.variant) as i64),
        Slot::Sum(asset) => out.extend_from_slice(sums[asset][meta.variant as usize].as_bytes()),
    }
}

fn write_times(out: &mut Vec<u8>, meta: &Meta) {
    if !meta.home().is_composite {
        out.extend_from_slice(br#""datetime":""#);
        write_time(out, meta.time.from);
    } else {
        out.extend_from_slice(br#""datetime":null,"start_datetime":""#);
        write_time(out, meta.time.from);
        out.extend_from_slice(br#"","end_datetime":""#);
        write_time(out, meta.time.until);
    }
    out.push(b'"');
}

fn write_number(out: &mut Vec<u8>, number: i64) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "{number}");
}

/// Appends `units / per` with all of its decimals.
fn write_fraction(out: &mut Vec<u8>, units: i64, per: i64, decimals: usize) {
    if units < 0 {
        out.push(b'-');
    }
    let units = units.abs();
    write_number(out, units / per);
    out.push(b'.');
    super::time::digits(out, (units % per) as u32, decimals);
}

fn write_degrees(out: &mut Vec<u8>, all: &[i64]) {
    for (n, units) in all.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b"" } else { b"," });
        write_fraction(out, *units, DEGREE, 6);
    }
}

/// Appends geometry and bbox. What crosses the antimeridian is cut there (RFC 7946, section 3.1.9).
fn write_area(out: &mut Vec<u8>, area: &Area) {
    let Area { west, south, east, north } = *area;
    if area.crosses() {
        out.extend_from_slice(br#""geometry":{"type":"MultiPolygon","coordinates":[["#);
        write_ring(out, [west, south, 180 * DEGREE, north], 0);
        out.extend_from_slice(b"],[");
        write_ring(out, [-180 * DEGREE, south, east, north], 0);
        out.extend_from_slice(b"]]}");
    } else {
        out.extend_from_slice(br#""geometry":{"type":"Polygon","coordinates":["#);
        write_ring(out, [west, south, east, north], DEGREE / 20);
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(br#","bbox":["#);
    write_degrees(out, &[west, south, east, north]);
    out.push(b']');
}

/// Appends a ring of four corners, turned a little.
fn write_ring(out: &mut Vec<u8>, [west, south, east, north]: [i64; 4], turn: i64) {
    out.push(b'[');
    let first = [west, south + turn];
    for (n, corner) in
        [first, [east - turn, south], [east, north - turn], [west + turn, north], first].iter().enumerate()
    {
        out.extend_from_slice(if n == 0 { b"[" } else { b",[" });
        write_degrees(out, corner);
        out.push(b']');
    }
    out.push(b']');
}

/// The checksums of all variants of all assets.
type Sums = Vec<Vec<String>>;

/// What items of a world are made of under one base URL.
pub(super) struct Templates {
    all: Vec<Template>,
    sums: Arc<Sums>,
}

impl Templates {
    fn new(links: &Links<'_>, sums: Arc<Sums>, world: &StacWorld) -> Self {
        let one = |collection| Template::read(&template(collection, links, world));
        Self { all: COLLECTIONS.iter().map(one).collect(), sums }
    }

    /// Appends an item.
    pub(super) fn write(&self, out: &mut Vec<u8>, meta: &Meta) {
        self.all[meta.collection].write(out, meta, &self.sums);
    }
}

/// Where items link to.
pub(super) struct Links<'a> {
    /// The URL behind which `/objects` lies.
    pub(super) origin: &'a str,
    /// The links of an item, in which `$id$` stands for its id.
    pub(super) item: fn(base: &str, collection: &str) -> serde_json::Value,
    /// The URL (or relative path) that the links begin with.
    pub(super) base: &'a str,
}

/// Templates and checksums that were made before.
#[derive(Default)]
pub(super) struct Press {
    templates: Mutex<HashMap<String, Arc<Templates>>>,
    sums: Mutex<HashMap<u64, Arc<Sums>>>,
}

impl Press {
    /// The templates of a world.
    pub(super) fn templates(&self, world: &StacWorld, links: &Links<'_>) -> Arc<Templates> {
        let key = format!("{} {} {}", links.origin, links.base, world.asset);
        if let Some(known) = lock(&self.templates).get(&key) {
            return Arc::clone(known);
        }
        let made = Arc::new(Templates::new(links, self.sums(world), world));
        let mut templates = lock(&self.templates);
        if templates.len() >= MAX_TEMPLATES {
            templates.clear();
        }
        Arc::clone(templates.entry(key).or_insert(made))
    }

    fn sums(&self, world: &StacWorld) -> Arc<Sums> {
        let mut known = lock(&self.sums);
        if known.len() >= MAX_TEMPLATES {
            known.clear();
        }
        let all = || {
            let variants =
                |asset| (0..VARIANTS).map(move |variant| object(world, asset, variant).multihash()).collect();
            Arc::new((0..ASSETS.len()).map(variants).collect())
        };
        Arc::clone(known.entry(world.asset).or_insert_with(all))
    }
}

/// The links of an item of the API.
pub(super) fn api_links(base: &str, collection: &str) -> serde_json::Value {
    let home = format!("{base}/collections/{collection}");
    json!([
        {"rel": "self", "type": "application/geo+json", "href": format!("{home}/items/$id$")},
        {"rel": "parent", "type": "application/json", "href": home},
        {"rel": "collection", "type": "application/json", "href": home},
        {"rel": "root", "type": "application/json", "href": base}
    ])
}

/// An item of a collection as a template's text.
fn template(collection: &Collection, links: &Links<'_>, world: &StacWorld) -> String {
    let assets = (0..ASSETS.len()).map(|n| (ASSETS[n].key.to_owned(), asset_json(n, links.origin, world)));
    let mut text = format!(
        r#"{{"type":"Feature","stac_version":"1.0.0","stac_extensions":{EXTENSIONS},"id":"$id$","collection":"{}",$area$,"properties":{{$times$,"created":"$created$","updated":"$updated$","platform":"$platform$","constellation":"{}","instruments":["msi"],"gsd":{},"eo:cloud_cover":$cloud$,"proj:epsg":$epsg$,"grid:code":"MGRS-$tile$","mgrs:utm_zone":$zone$,"view:sun_azimuth":$azimuth$,"view:sun_elevation":$elevation$,"s2:product_uri":"$id$.SAFE","s2:processing_baseline":"05.10","s2:product_type":"{}","s2:degraded_msi_data_percentage":0}},"assets":"#,
        collection.id, collection.constellation, collection.gsd, collection.level
    );
    text.push_str(&serde_json::Value::Object(assets.collect()).to_string());
    text.push_str(",\"links\":");
    text.push_str(&(links.item)(links.base, collection.id).to_string());
    text.push('}');
    text
}

fn asset_json(asset: usize, origin: &str, world: &StacWorld) -> serde_json::Value {
    let Asset { file, title, media_type, roles, band, gsd, .. } = &ASSETS[asset];
    let size = object(world, asset, 0).size;
    let mut json = json!({
        "href": format!("{origin}/objects/$id$/{file}?size={size}&seed=$seed:{asset}$"),
        "type": media_type,
        "title": title,
        "roles": roles,
        "file:size": size,
        "file:checksum": format!("$sum:{asset}$"),
    });
    if let Some((name, center)) = band {
        json["gsd"] = json!(gsd);
        json["eo:bands"] = json!([{
            "name": name, "common_name": name, "center_wavelength": center
        }]);
    }
    json
}

const EXTENSIONS: &str = r#"["https://stac-extensions.github.io/eo/v1.1.0/schema.json","https://stac-extensions.github.io/file/v2.1.0/schema.json","https://stac-extensions.github.io/projection/v1.1.0/schema.json","https://stac-extensions.github.io/view/v1.0.0/schema.json","https://stac-extensions.github.io/grid/v1.1.0/schema.json"]"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_json_of_about_five_kilobytes() {
        let world: StacWorld = "3000,asset=64".parse().unwrap();
        let links = Links {
            origin: "http://127.0.0.1:40123",
            base: "http://127.0.0.1:40123/stac/3000",
            item: api_links,
        };
        let templates = Press::default().templates(&world, &links);
        let (mut bytes, mut crossing) = (0, 0);
        for index in 0..3000 {
            let (mut out, meta) = (Vec::new(), Meta::new(&world, index));
            templates.write(&mut out, &meta);
            let item: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(item["id"], meta.id());
            assert_eq!(item["properties"]["datetime"].is_null(), meta.home().is_composite);
            assert!(!String::from_utf8(out.clone()).unwrap().contains('$'));
            bytes += out.len();
            crossing += usize::from(item["geometry"]["type"] == "MultiPolygon");
        }
        assert!((4600..=5600).contains(&(bytes / 3000)), "{}", bytes / 3000);
        assert!(crossing > 0);
    }
}
