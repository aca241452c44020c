//! WKB to GeoJSON geometries: ISO and extended WKB, both byte orders, 2D to 4D (M is left out, since
//! GeoJSON has none).

use super::wkb::{MAX_DEPTH, TYPES};

/// Writes the geometry `wkb` as GeoJSON; `None`, with nothing written, if it is none.
pub(crate) fn push(out: &mut Vec<u8>, wkb: &[u8]) -> Option<()> {
    let start = out.len();
    let mut input = Input { rest: wkb, swap: false };
    let outcome = input.geometry(out, 0).filter(|()| input.rest.is_empty());
    if outcome.is_none() {
        out.truncate(start);
    }
    outcome
}

struct Input<'a> {
    rest: &'a [u8],
    /// Whether it is big-endian.
    swap: bool,
}

/// A geometry's type, and which numbers its positions have.
#[derive(Clone, Copy)]
struct Header {
    number: u32,
    has_z: bool,
    has_m: bool,
}

impl Input<'_> {
    fn geometry(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        let header = self.header()?;
        let name = TYPES.get((header.number as usize).checked_sub(1)?)?;
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(name.as_bytes());
        if header.number == 7 {
            out.extend_from_slice(b"\",\"geometries\":");
            if depth == MAX_DEPTH {
                return None;
            }
            self.list(out, |input, out| input.geometry(out, depth + 1))?;
        } else {
            out.extend_from_slice(b"\",\"coordinates\":");
            self.coordinates(header, out)?;
        }
        out.push(b'}');
        Some(())
    }

    fn coordinates(&mut self, header: Header, out: &mut Vec<u8>) -> Option<()> {
        match header.number {
            1 => self.position(header, out),
            2 => self.list(out, |input, out| input.position(header, out)),
            3 => self.list(out, |input, out| input.list(out, |input, out| input.position(header, out))),
            // The parts are geometries with headers of their own.
            multi => self.list(out, |input, out| {
                let part = input.header()?;
                (part.number + 3 == multi).then_some(())?;
                input.coordinates(part, out)
            }),
        }
    }

    fn list(
        &mut self,
        out: &mut Vec<u8>,
        mut each: impl FnMut(&mut Self, &mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        out.push(b'[');
        for n in 0..self.u32()? {
            if n > 0 {
                out.push(b',');
            }
            each(self, out)?;
        }
        out.push(b']');
        Some(())
    }

    fn position(&mut self, header: Header, out: &mut Vec<u8>) -> Option<()> {
        let (x, y) = (self.f64()?, self.f64()?);
        let z = if header.has_z { Some(self.f64()?) } else { None };
        if header.has_m {
            self.f64()?;
        }
        out.push(b'[');
        // The empty point is written as NaN; GeoJSON has an empty array for it.
        if !(x.is_nan() && y.is_nan()) {
            let numbers = [x, y].into_iter().chain(z.filter(|z| !z.is_nan()));
            for (n, number) in numbers.enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, &number).ok()?;
            }
        }
        out.push(b']');
        Some(())
    }

    fn header(&mut self) -> Option<Header> {
        let (&order, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.swap = order == 0;
        let number = self.u32()?;
        // Extended WKB has flags where ISO adds thousands, and may name a reference system.
        if number & 0x2000_0000 != 0 {
            self.u32()?;
        }
        let plain = number & 0x0fff_ffff;
        Some(Header {
            number: plain % 1000,
            has_z: number & 0x8000_0000 != 0 || matches!(plain / 1000, 1 | 3),
            has_m: number & 0x4000_0000 != 0 || matches!(plain / 1000, 2 | 3),
        })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        let mut bytes = *bytes;
        if self.swap {
            bytes.reverse();
        }
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::wkb::{Extent, write};

    fn there_and_back(geometry: &str) -> String {
        let mut wkb = Vec::new();
        write(geometry, &mut Extent::default(), &mut wkb).unwrap();
        let mut out = Vec::new();
        super::push(&mut out, &wkb).unwrap();
        for cut in 0..wkb.len() {
            assert_eq!(super::push(&mut Vec::new(), &wkb[..cut]), None, "{geometry} cut at {cut}");
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_geometries_come_back() {
        for geometry in [
            r#"{"type":"Point","coordinates":[1.5,-2.0]}"#,
            r#"{"type":"Point","coordinates":[1.5,-2.0,3.25]}"#,
            r#"{"type":"LineString","coordinates":[[0.0,0.0,1.0],[1.0,1.0,2.0]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0.0,0.0],[1.0,0.0],[1.0,1.0],[0.0,0.0]],[[0.1,0.1],[0.2,0.1],[0.2,0.2],[0.1,0.1]]]}"#,
            r#"{"type":"MultiPoint","coordinates":[[0.0,0.0],[1.0,1.0]]}"#,
            r#"{"type":"MultiLineString","coordinates":[[[0.0,0.0],[1.0,1.0]],[]]}"#,
            r#"{"type":"MultiPolygon","coordinates":[[[[0.0,0.0,5.0],[1.0,0.0,5.0],[1.0,1.0,5.0],[0.0,0.0,5.0]]]]}"#,
            r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1.0,2.0,3.0]},{"type":"GeometryCollection","geometries":[]}]}"#,
            r#"{"type":"Polygon","coordinates":[]}"#,
            r#"{"type":"Polygon","coordinates":[[[0.0,0.0]],[[0.0,0.0,1.0],[2.0,2.0]]]}"#,
            r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1.0,2.0]},{"type":"MultiPoint","coordinates":[[1.0,2.0,3.0]]}]}"#,
        ] {
            assert_eq!(there_and_back(geometry), geometry);
        }
    }

    #[test]
    fn extent_knows_types_and_bounds() {
        let mut extent = Extent::default();
        for geometry in
            [r#"{"type":"Point","coordinates":[1,2]}"#, r#"{"type":"Point","coordinates":[-1,5,7]}"#]
        {
            write(geometry, &mut extent, &mut Vec::new()).unwrap();
        }
        assert_eq!(extent.types(), ["Point", "Point Z"]);
        assert_eq!(extent.bbox().unwrap(), [-1.0, 2.0, 7.0, 1.0, 5.0, 7.0]);
    }

    #[test]
    fn others_are_refused_or_read() {
        for wrong in [
            r#"{"type":"Circle","coordinates":[1,2]}"#,
            r#"{"type":"Point"}"#,
            r#"{"type":"Point","coordinates":[1]}"#,
            r#"{"type":"Point","coordinates":[1,2,3,4]}"#,
            r#"{"type":"Polygon","coordinates":[1,2]}"#,
            "7",
        ] {
            assert!(write(wrong, &mut Extent::default(), &mut Vec::new()).is_err(), "{wrong}");
        }
        // Big-endian, extended with SRID 4326 and Z.
        let mut ewkb = vec![0, 0xa0, 0, 0, 1, 0, 0, 0x10, 0xe6];
        for value in [1.0_f64, 2.0, 3.0] {
            ewkb.extend_from_slice(&value.to_be_bytes());
        }
        let mut out = Vec::new();
        super::push(&mut out, &ewkb).unwrap();
        assert_eq!(out, br#"{"type":"Point","coordinates":[1.0,2.0,3.0]}"#);
    }
}
