//! GeoJSON geometries to ISO WKB, little-endian (OGC 06-103r4, section 8; Z as type + 1000).

use busta_core::{Error, Result};
use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// GeoJSON's types; the number of WKB is the place plus one (RFC 7946, section 3.1).
pub(super) const TYPES: [&str; 7] =
    ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"];
/// Geometries in geometries in geometries; nobody means more than this.
pub(super) const MAX_DEPTH: usize = 16;

/// What a file's metadata says about its geometries.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// Bits of [`TYPES`]; those with Z start at bit 8.
    types: u16,
    /// The least and the greatest of x, y and z.
    bounds: [Option<(f64, f64)>; 3],
}

impl Extent {
    /// GeoParquet's `geometry_types`.
    pub fn types(&self) -> Vec<String> {
        let named = |z: usize, suffix: &'static str| {
            (0..7)
                .filter(move |n| self.types >> (n + z) & 1 == 1)
                .map(move |n| format!("{}{suffix}", TYPES[n]))
        };
        named(0, "").chain(named(8, " Z")).collect()
    }

    /// GeoParquet's `bbox`: minima, then maxima.
    pub fn bbox(&self) -> Option<Vec<f64>> {
        let known: Vec<(f64, f64)> = self.bounds.iter().flatten().copied().collect();
        (known.len() >= 2)
            .then(|| known.iter().map(|axis| axis.0).chain(known.iter().map(|axis| axis.1)).collect())
    }

    fn point(&mut self, position: &Position) {
        for (bound, value) in self.bounds.iter_mut().zip(position.values()) {
            let (low, high) = bound.unwrap_or((value, value));
            *bound = Some((low.min(value), high.max(value)));
        }
    }
}

/// Writes the GeoJSON geometry `raw` as WKB, and notes it in `extent`.
///
/// # Errors
/// If this is no geometry, or one of its positions has other than 2 or 3 numbers.
pub(super) fn write(raw: &str, extent: &mut Extent, out: &mut Vec<u8>) -> Result<()> {
    let (number, has_z) = geometry(raw, 0, false, extent, out)
        .map_err(|why| Error::data(format!("the geometry is not valid GeoJSON: {why}")))?;
    extent.types |= 1 << (number - 1 + if has_z { 8 } else { 0 });
    Ok(())
}

/// A geometry of GeoJSON. Other members are not read.
#[derive(Deserialize)]
struct Geometry<'a> {
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
    #[serde(borrow)]
    geometries: Option<Vec<&'a RawValue>>,
}

type Outcome<T> = std::result::Result<T, String>;

/// Writes a geometry, with Z if `z` or if any of its positions has one; its type and whether it has Z.
/// WKB knows no mixture: where only some positions have a Z, that of the others is NaN.
fn geometry(
    raw: &str,
    depth: usize,
    z: bool,
    extent: &mut Extent,
    out: &mut Vec<u8>,
) -> Outcome<(u32, bool)> {
    let geometry: Geometry<'_> = parse(raw)?;
    let Some(place) = TYPES.iter().position(|name| *name == geometry.r#type) else {
        return Err(format!("`{}` is not the type of a geometry", geometry.r#type));
    };
    let number = place as u32 + 1;
    if number == 7 {
        let members = geometry.geometries.ok_or("it has no `geometries`")?;
        return collection(&members, depth, z, extent, out).map(|has_z| (number, has_z));
    }
    let coordinates = geometry.coordinates.ok_or("it has no `coordinates`")?.get();
    // All forms as the widest: polygons, of rings, of positions.
    let polygons: Vec<Vec<Line>> = match number {
        1 => vec![vec![vec![parse(coordinates)?]]],
        2 | 4 => vec![vec![parse(coordinates)?]],
        3 | 5 => vec![parse(coordinates)?],
        _ => parse(coordinates)?,
    };
    let z = z || polygons.iter().flatten().flatten().any(|position| position.z.is_some());
    let mut shapes = Shapes { extent, out, z };
    let lines = || polygons.iter().flatten();
    match number {
        1 => shapes.each(1, lines().flatten(), Shapes::point),
        2 => shapes.each(2, lines(), Shapes::line),
        3 => shapes.each(3, polygons.iter(), |shapes, rings| shapes.lines(rings)),
        4 => shapes.parts(4, lines().flatten().collect(), Shapes::point),
        5 => shapes.parts(5, lines().collect(), Shapes::line),
        _ => shapes.parts(6, polygons.iter().collect(), |shapes, rings| shapes.lines(rings)),
    }
    Ok((number, z))
}

fn collection(
    members: &[&RawValue],
    depth: usize,
    z: bool,
    extent: &mut Extent,
    out: &mut Vec<u8>,
) -> Outcome<bool> {
    if depth == MAX_DEPTH {
        return Err("its collections are too deep".to_owned());
    }
    let start = out.len();
    header(7, z, out);
    count(members.len(), out);
    let mut with_z = 0;
    for member in members {
        with_z += usize::from(geometry(member.get(), depth + 1, z, extent, out)?.1);
    }
    if with_z > 0 && !z {
        // Now that some have a Z, all get one.
        out.truncate(start);
        return collection(members, depth, true, extent, out);
    }
    Ok(z)
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a str) -> Outcome<T> {
    serde_json::from_str(raw).map_err(|error| error.to_string())
}

type Line = Vec<Position>;

struct Shapes<'a> {
    extent: &'a mut Extent,
    out: &'a mut Vec<u8>,
    z: bool,
}

impl Shapes<'_> {
    fn point(&mut self, position: &Position) {
        self.extent.point(position);
        let z = self.z.then(|| position.z.unwrap_or(f64::NAN));
        for value in [position.x, position.y].into_iter().chain(z) {
            self.out.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn line(&mut self, line: &Line) {
        count(line.len(), self.out);
        for position in line {
            self.point(position);
        }
    }

    fn lines(&mut self, lines: &[Line]) {
        count(lines.len(), self.out);
        for line in lines {
            self.line(line);
        }
    }

    /// Geometries of type `number`, each with its header.
    fn each<T>(&mut self, number: u32, shapes: impl Iterator<Item = T>, write: impl Fn(&mut Self, T)) {
        for shape in shapes {
            header(number, self.z, self.out);
            write(self, shape);
        }
    }

    /// A Multi geometry of type `number`; its parts are of the type three before.
    fn parts<T>(&mut self, number: u32, parts: Vec<T>, write: impl Fn(&mut Self, T)) {
        header(number, self.z, self.out);
        count(parts.len(), self.out);
        self.each(number - 3, parts.into_iter(), write);
    }
}

fn header(number: u32, z: bool, out: &mut Vec<u8>) {
    out.push(1);
    out.extend_from_slice(&(if z { number + 1000 } else { number }).to_le_bytes());
}

fn count(count: usize, out: &mut Vec<u8>) {
    // A record is shorter than 4 GiB, so what it counts is too.
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

/// Two or three numbers.
#[derive(Clone, Copy, Debug)]
struct Position {
    x: f64,
    y: f64,
    z: Option<f64>,
}

impl Position {
    fn values(&self) -> impl Iterator<Item = f64> {
        [self.x, self.y].into_iter().chain(self.z)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Numbers;
        impl<'de> Visitor<'de> for Numbers {
            type Value = Position;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a position of 2 or 3 numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Position, A::Error> {
                let wrong = |n| serde::de::Error::invalid_length(n, &self);
                let x = seq.next_element()?.ok_or_else(|| wrong(0))?;
                let y = seq.next_element()?.ok_or_else(|| wrong(1))?;
                let z = seq.next_element()?;
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(Position { x, y, z }),
                    Some(_) => Err(wrong(4)),
                }
            }
        }
        deserializer.deserialize_seq(Numbers)
    }
}
