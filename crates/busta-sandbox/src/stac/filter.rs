//! Conditions on items: CQL2 as JSON, and the older `query` extension, which becomes the same.

use serde_json::Value;

use super::meta::Meta;
use super::space::Area;
use super::time::{Interval, millis};

/// A condition. What it says of a property that an item does not have is neither true nor false.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Property, Compare, Literal),
    In(Property, Vec<Literal>),
    Like(Property, String),
    IsNull(Property),
    Intersects(Area),
    Time(Property, TimeOp, Interval),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeOp {
    After,
    Before,
    During,
    Equals,
    Intersects,
}

/// A value to compare with.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Number(f64),
    Text(String, Option<i64>),
}

/// The properties that can be asked for; others are those that no item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Id,
    Collection,
    Datetime,
    Start,
    End,
    Created,
    Updated,
    Cloud,
    Platform,
    Constellation,
    Epsg,
    Gsd,
    GridCode,
    SunAzimuth,
    SunElevation,
    Level,
    Zone,
    Unknown,
}

/// A property's value.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Scalar {
    Number(f64),
    Time(i64),
    Text(String),
}

/// The properties by their names; the third says what `queryables` calls it.
pub(super) const PROPERTIES: [(&str, Property, &str); 17] = [
    ("id", Property::Id, "string"),
    ("collection", Property::Collection, "string"),
    ("datetime", Property::Datetime, "date-time"),
    ("start_datetime", Property::Start, "date-time"),
    ("end_datetime", Property::End, "date-time"),
    ("created", Property::Created, "date-time"),
    ("updated", Property::Updated, "date-time"),
    ("eo:cloud_cover", Property::Cloud, "number"),
    ("platform", Property::Platform, "string"),
    ("constellation", Property::Constellation, "string"),
    ("proj:epsg", Property::Epsg, "number"),
    ("gsd", Property::Gsd, "number"),
    ("grid:code", Property::GridCode, "string"),
    ("view:sun_azimuth", Property::SunAzimuth, "number"),
    ("view:sun_elevation", Property::SunElevation, "number"),
    ("s2:product_type", Property::Level, "string"),
    ("mgrs:utm_zone", Property::Zone, "number"),
];

impl Property {
    /// The property of this name, with or without `properties.` before it.
    pub(super) fn named(name: &str) -> Self {
        let name = name.strip_prefix("properties.").unwrap_or(name);
        PROPERTIES.iter().find(|(known, ..)| *known == name).map_or(Self::Unknown, |known| known.1)
    }

    /// What an item says.
    pub(super) fn of(self, meta: &Meta) -> Option<Scalar> {
        let composite = meta.home().is_composite;
        let number = |value: f64| Some(Scalar::Number(value));
        let text = |value: &str| Some(Scalar::Text(value.to_owned()));
        match self {
            Self::Id => Some(Scalar::Text(meta.id())),
            Self::Collection => text(meta.home().id),
            Self::Datetime => (!composite).then_some(Scalar::Time(meta.time.from)),
            Self::Start => composite.then_some(Scalar::Time(meta.time.from)),
            Self::End => composite.then_some(Scalar::Time(meta.time.until)),
            Self::Created => Some(Scalar::Time(meta.created)),
            Self::Updated => Some(Scalar::Time(meta.updated)),
            Self::Cloud => number(f64::from(meta.cloud) / 100.0),
            Self::Platform => text(meta.platform),
            Self::Constellation => text(meta.home().constellation),
            Self::Epsg => number(f64::from(meta.epsg)),
            Self::Gsd => number(f64::from(meta.home().gsd)),
            Self::GridCode => {
                let mut out = b"MGRS-".to_vec();
                meta.write_tile(&mut out);
                text(&String::from_utf8_lossy(&out))
            }
            Self::SunAzimuth => number(f64::from(meta.sun.0) / 100.0),
            Self::SunElevation => number(f64::from(meta.sun.1) / 100.0),
            Self::Level => text(meta.home().level),
            Self::Zone => number(f64::from(meta.zone)),
            Self::Unknown => None,
        }
    }
}

impl Expr {
    /// Whether it is true of an item.
    pub(super) fn holds(&self, meta: &Meta) -> bool {
        self.eval(meta) == Some(true)
    }

    /// In three values, as SQL has it.
    fn eval(&self, meta: &Meta) -> Option<bool> {
        match self {
            Self::And(all) => decide(all, meta, false),
            Self::Or(all) => decide(all, meta, true),
            Self::Not(inner) => inner.eval(meta).map(|value| !value),
            Self::Compare(property, how, literal) => how.eval(&property.of(meta)?, literal),
            Self::In(property, all) => {
                let value = property.of(meta)?;
                Some(all.iter().any(|one| Compare::Equal.eval(&value, one) == Some(true)))
            }
            Self::Like(property, pattern) => match property.of(meta)? {
                Scalar::Text(text) => Some(like(&text, pattern)),
                _ => None,
            },
            Self::IsNull(property) => Some(property.of(meta).is_none()),
            Self::Intersects(area) => Some(meta.area.overlaps(area)),
            Self::Time(property, how, interval) => match property.of(meta)? {
                Scalar::Time(at) => Some(how.eval(at, *interval)),
                _ => None,
            },
        }
    }

    /// Reads CQL2 as JSON (OGC 21-065r2).
    pub(super) fn read(json: &Value) -> Result<Self, String> {
        let (Some(op), Some(args)) = (json["op"].as_str(), json["args"].as_array()) else {
            return Err(format!("`{json}` is not an operation with `op` and `args`"));
        };
        let wrong = || format!("the arguments of `{op}` are not those it takes: {json}");
        let all = || args.iter().map(Self::read).collect::<Result<Vec<_>, _>>();
        match (op, args.as_slice()) {
            ("and", [_, ..]) => Ok(Self::And(all()?)),
            ("or", [_, ..]) => Ok(Self::Or(all()?)),
            ("not", [inner]) => Ok(Self::Not(Box::new(Self::read(inner)?))),
            ("between", [value, low, high]) => {
                let property = property(value).ok_or_else(wrong)?;
                let low = literal(low).ok_or_else(wrong)?;
                let high = literal(high).ok_or_else(wrong)?;
                Ok(Self::And(vec![
                    Self::Compare(property, Compare::GreaterOrEqual, low),
                    Self::Compare(property, Compare::LessOrEqual, high),
                ]))
            }
            ("in", [value, Value::Array(list)]) => {
                let list = list.iter().map(|one| literal(one).ok_or_else(wrong)).collect::<Result<_, _>>()?;
                Ok(Self::In(property(value).ok_or_else(wrong)?, list))
            }
            ("like", [value, Value::String(pattern)]) => {
                Ok(Self::Like(property(value).ok_or_else(wrong)?, pattern.clone()))
            }
            ("isNull", [value]) => Ok(Self::IsNull(property(value).ok_or_else(wrong)?)),
            ("s_intersects", [_, geometry]) => Ok(Self::Intersects(area(geometry)?)),
            (_, [value, other]) => {
                let property = property(value).ok_or_else(wrong)?;
                if let Some(how) = TimeOp::named(op) {
                    return Ok(Self::Time(property, how, interval(other).ok_or_else(wrong)?));
                }
                let how = Compare::named(op).ok_or_else(|| format!("`{op}` is not supported here"))?;
                Ok(Self::Compare(property, how, literal(other).ok_or_else(wrong)?))
            }
            _ => Err(wrong()),
        }
    }

    /// Reads the `query` extension: `{"eo:cloud_cover": {"lt": 10}}`.
    pub(super) fn read_query(json: &Value) -> Result<Self, String> {
        let wrong =
            |what: &dyn std::fmt::Display| format!("`{what}` is not a condition of the query extension");
        let mut all = Vec::new();
        for (name, conditions) in json.as_object().ok_or_else(|| wrong(json))? {
            let property = Property::named(name);
            for (op, value) in conditions.as_object().ok_or_else(|| wrong(conditions))? {
                let one = || literal(value).ok_or_else(|| wrong(conditions));
                all.push(match (op.as_str(), value) {
                    ("in", Value::Array(list)) => {
                        let list: Option<Vec<_>> = list.iter().map(literal).collect();
                        Self::In(property, list.ok_or_else(|| wrong(conditions))?)
                    }
                    ("startsWith", Value::String(start)) => Self::Like(property, escape(start) + "%"),
                    ("endsWith", Value::String(end)) => Self::Like(property, format!("%{}", escape(end))),
                    ("contains", Value::String(part)) => Self::Like(property, format!("%{}%", escape(part))),
                    ("eq", _) => Self::Compare(property, Compare::Equal, one()?),
                    ("neq", _) => Self::Compare(property, Compare::NotEqual, one()?),
                    ("lt", _) => Self::Compare(property, Compare::Less, one()?),
                    ("lte", _) => Self::Compare(property, Compare::LessOrEqual, one()?),
                    ("gt", _) => Self::Compare(property, Compare::Greater, one()?),
                    ("gte", _) => Self::Compare(property, Compare::GreaterOrEqual, one()?),
                    _ => return Err(wrong(op)),
                });
            }
        }
        Ok(Self::And(all))
    }
}

/// The conjunction (`early` is false) or disjunction of conditions, which one of value `early` decides.
fn decide(all: &[Expr], meta: &Meta, early: bool) -> Option<bool> {
    let mut value = Some(!early);
    for one in all {
        match one.eval(meta) {
            Some(found) if found == early => return Some(early),
            None => value = None,
            Some(_) => {}
        }
    }
    value
}

impl Compare {
    fn named(op: &str) -> Option<Self> {
        Some(match op {
            "=" => Self::Equal,
            "<>" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn eval(self, value: &Scalar, literal: &Literal) -> Option<bool> {
        let order = match (value, literal) {
            (Scalar::Number(a), Literal::Number(b)) => a.partial_cmp(b)?,
            (Scalar::Time(a), Literal::Text(_, Some(b))) => a.cmp(b),
            (Scalar::Text(a), Literal::Text(b, _)) => a.as_str().cmp(b),
            _ => return None,
        };
        Some(match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        })
    }
}

impl TimeOp {
    fn named(op: &str) -> Option<Self> {
        Some(match op {
            "t_after" => Self::After,
            "t_before" => Self::Before,
            "t_during" => Self::During,
            "t_equals" => Self::Equals,
            "t_intersects" => Self::Intersects,
            _ => return None,
        })
    }

    fn eval(self, at: i64, interval: Interval) -> bool {
        let Interval { from, until } = interval;
        match self {
            Self::After => at > until,
            Self::Before => at < from,
            Self::During => from < at && at < until,
            Self::Equals => at == from && at == until,
            Self::Intersects => from <= at && at <= until,
        }
    }
}

fn property(json: &Value) -> Option<Property> {
    json["property"].as_str().map(Property::named)
}

fn literal(json: &Value) -> Option<Literal> {
    let time = json.get("timestamp").and_then(Value::as_str);
    let date = json.get("date").and_then(Value::as_str).map(|date| format!("{date}T00:00:00Z"));
    match json {
        Value::Number(number) => number.as_f64().map(Literal::Number),
        Value::String(text) => Some(Literal::Text(text.clone(), millis(text))),
        _ => {
            let text = time.map(str::to_owned).or(date)?;
            let at = millis(&text)?;
            Some(Literal::Text(text, Some(at)))
        }
    }
}

fn interval(json: &Value) -> Option<Interval> {
    let Some([from, until]) = json["interval"].as_array().map(Vec::as_slice) else {
        let Literal::Text(_, Some(at)) = literal(json)? else {
            return None;
        };
        return Some(Interval { from: at, until: at });
    };
    let end = |json: &Value, open: i64| match literal(json)? {
        Literal::Text(text, _) if text == ".." => Some(open),
        Literal::Text(_, at) => at,
        Literal::Number(_) => None,
    };
    Some(Interval { from: end(from, i64::MIN)?, until: end(until, i64::MAX)? })
}

fn area(geometry: &Value) -> Result<Area, String> {
    match geometry["bbox"].as_array() {
        Some(numbers) if geometry["type"].is_null() => {
            Area::read(&numbers.iter().filter_map(Value::as_f64).collect::<Vec<_>>())
        }
        _ => Area::around(geometry),
    }
}

/// Takes the meaning from `%`, `_` and the backslash.
fn escape(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

/// SQL's `LIKE`: `%` stands for any characters, `_` for one, a backslash takes their meaning.
fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    let first = text.chars().next();
    let behind = || &text[first.map_or(0, char::len_utf8)..];
    match rest.next() {
        None => text.is_empty(),
        Some('%') => like(text, rest.as_str()) || first.is_some() && like(behind(), pattern),
        Some('_') => first.is_some() && like(behind(), rest.as_str()),
        Some('\\') => first.is_some() && rest.next() == first && like(behind(), rest.as_str()),
        Some(other) => first == Some(other) && like(behind(), rest.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stac::world::StacWorld;

    fn count(expr: &Expr) -> usize {
        let world: StacWorld = "500".parse().unwrap();
        (0..500).filter(|index| expr.holds(&Meta::new(&world, *index))).count()
    }

    fn cql(json: Value) -> usize {
        count(&Expr::read(&json).unwrap())
    }

    #[test]
    fn conditions_divide_the_items() {
        let cloud = json!({"property": "eo:cloud_cover"});
        let low = json!({"op": "<", "args": [cloud, 30]});
        let few = cql(low.clone());
        assert!((100..200).contains(&few), "{few}");
        assert_eq!(cql(json!({"op": "not", "args": [low]})), 500 - few);
        assert_eq!(cql(json!({"op": "between", "args": [cloud, 0, 100]})), 500);
        assert_eq!(cql(json!({"op": "or", "args": [low, {"op": ">=", "args": [cloud, 30]}]})), 500);
        assert_eq!(cql(json!({"op": "and", "args": [low, {"op": ">=", "args": [cloud, 30]}]})), 0);
    }

    #[test]
    fn what_is_absent_is_neither_true_nor_false() {
        let start = json!({"property": "start_datetime"});
        let composites = cql(json!({"op": "not", "args": [{"op": "isNull", "args": [start]}]}));
        assert!((10..60).contains(&composites), "{composites}");
        let after = json!({"op": ">", "args": [start, {"timestamp": "2000-01-01T00:00:00Z"}]});
        assert_eq!(cql(after.clone()), composites);
        assert_eq!(cql(json!({"op": "not", "args": [after]})), 0);
        assert_eq!(cql(json!({"op": "=", "args": [{"property": "nonsense"}, 1]})), 0);
    }

    #[test]
    fn lists_patterns_places_and_times() {
        let platform = json!({"property": "platform"});
        let landsat = cql(json!({"op": "like", "args": [platform, "landsat-_"]}));
        assert!(landsat > 20);
        assert_eq!(cql(json!({"op": "in", "args": [platform, ["landsat-8", "landsat-9"]]})), landsat);
        let world =
            json!({"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, -90]]]});
        assert_eq!(cql(json!({"op": "s_intersects", "args": [{"property": "geometry"}, world]})), 500);
        let updated = json!({"property": "updated"});
        let year = json!({"interval": ["2022-01-01T00:00:00Z", ".."]});
        assert_eq!(cql(json!({"op": "t_intersects", "args": [updated, year]})), 500);
        assert_eq!(cql(json!({"op": "t_before", "args": [updated, {"date": "2022-01-01"}]})), 0);
    }

    #[test]
    fn queries_become_conditions() {
        let query = |json: Value| count(&Expr::read_query(&json).unwrap());
        let (low, high) =
            (query(json!({"eo:cloud_cover": {"lt": 50}})), query(json!({"eo:cloud_cover": {"gte": 50}})));
        assert_eq!(low + high, 500);
        assert_eq!(
            query(json!({"platform": {"startsWith": "sentinel-2"}})),
            query(json!({"constellation": {"eq": "sentinel-2"}}))
        );
        assert_eq!(query(json!({"platform": {"startsWith": "sentinel_2"}})), 0);
        for wrong in [json!([]), json!({"a": 1}), json!({"a": {"near": 1}}), json!({"a": {"in": 3}})] {
            assert!(Expr::read_query(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in [
            json!({}),
            json!({"op": "and", "args": []}),
            json!({"op": "almost", "args": [{"property": "gsd"}, 1]}),
            json!({"op": "=", "args": [1, 1]}),
            json!({"op": "s_intersects", "args": [{"property": "geometry"}, {}]}),
        ] {
            assert!(Expr::read(&wrong).is_err(), "{wrong}");
        }
    }
}
