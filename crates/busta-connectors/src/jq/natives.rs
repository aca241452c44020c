//! What programs call that is not written in jq: jaq's own, and what takes the place of those whose work
//! [`super::gauge`] could not see.

use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Cv, Error, Exn, Native, RunPtr, ValR, ValX};
use jaq_json::{Num, Val, bytes_valrs, read};

use super::extent::{TooDeep, extent, ways_down};
use super::gauge::{BYTES_PER_STEP, Gauge, Gauged};
use super::program::{MAX_DEPTH, depth};

/// What a program could see besides what it is given, or do besides giving outputs. `halt` would end busta.
pub(super) const WITHHELD: [&str; 10] = [
    "env",
    "now",
    "localtime",
    "strflocaltime",
    "halt",
    "halt_error",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
];

/// The names that [`super::bounded`] calls, which no program can write.
pub(super) const ADD: &str = "+";
pub(super) const MULTIPLY: &str = "*";
pub(super) const WEIGH: &str = "!weigh";
pub(super) const PUT: &str = "!put";
pub(super) const EXTENT: &str = "!extent";
pub(super) const COUNT: &str = "!count";
pub(super) const PATH: &str = "!path";
pub(super) const NEST: &str = "!nest";
pub(super) const DEEPER: &str = "!deeper";

/// What makes a text longer, under a name that no program can write; what it makes is weighed.
pub(super) const GROWING: [(&str, &str); 7] = [
    ("tojson", "!tojson"),
    ("explode", "!explode"),
    ("escape_html", "!escape_html"),
    ("escape_sh", "!escape_sh"),
    ("encode_uri", "!encode_uri"),
    ("encode_base64", "!encode_base64"),
    ("tobytes", "!tobytes"),
];

/// What makes a value that lies deeper than those it is made of, or repeats them, with how many arguments it takes; [`super::bounded`]
/// weighs what it makes.
pub(super) const NESTING: [(&str, usize); 6] = [
    ("group_by", 1),
    ("key_values", 0),
    ("path_value", 1),
    ("matches", 2),
    ("split_matches", 2),
    ("split_", 2),
];

/// What holds all that its argument gives before it goes on.
pub(super) const COLLECTING: [&str; 4] = ["sort_by", "group_by", "min_by_or_empty", "max_by_or_empty"];

/// A look at a path, or at the ways down a value, costs a step for so many of their parts.
const PARTS_PER_STEP: usize = 4;

/// Paths are dropped by recursion, and so are filters that were handed to filters.
const MAX_PATH: usize = 1_000;
const MAX_CHAIN: usize = 1_000;

/// All of them.
pub(super) fn natives() -> impl Iterator<Item = Fun<Gauged>> {
    let theirs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let kept = theirs.filter(|(name, ..)| !WITHHELD.contains(name) && !["range", "fromjson"].contains(name));
    kept.map(|(name, args, fun)| (hidden(name), args, fun)).chain(own()).chain([path()])
}

fn hidden(name: &'static str) -> &'static str {
    GROWING.iter().find(|(known, _)| *known == name).map_or(name, |(_, hidden)| hidden)
}

fn own() -> impl Iterator<Item = Fun<Gauged>> {
    let own: [Filter<RunPtr<Gauged>>; 11] = [
        (ADD, v(2), |cv| {
            let (gauge, l, r) = operands(cv);
            gauge.make(copied(&l) + weight(&r), weight(&l) + weight(&r));
            gauge.put(measured(gauge, &r), 0);
            bome(l + r)
        }),
        (MULTIPLY, v(2), |cv| {
            let (gauge, l, r) = operands(cv);
            multiply(gauge, &l, &r);
            bome(l * r)
        }),
        (WEIGH, v(0), |cv| {
            let weight = weight(&cv.1);
            cv.0.data().make(weight, weight);
            cv.0.data().see(measured(cv.0.data(), &cv.1));
            box_once(Ok(cv.1))
        }),
        (COUNT, v(0), |cv| {
            cv.0.data().charge(1);
            box_once(Ok(cv.1))
        }),
        (EXTENT, v(0), |cv| {
            let extent = measured(cv.0.data(), &cv.1);
            cv.0.data().see(extent);
            bome(Ok(Val::from(extent as usize)))
        }),
        // What it takes the place of had so many bytes.
        (PUT, v(1), |mut cv| {
            let before = match cv.0.pop_var() {
                Val::Num(Num::Int(bytes)) => bytes.unsigned_abs() as u64,
                _ => 0,
            };
            cv.0.data().put(measured(cv.0.data(), &cv.1), before);
            box_once(Ok(cv.1))
        }),
        (NEST, v(0), |cv| {
            let ways = ways_down(&cv.1).unwrap_or_else(|TooDeep| cv.0.data().too_deep());
            cv.0.data().charge((ways / PARTS_PER_STEP) as u64);
            box_once(Ok(cv.1))
        }),
        (DEEPER, v(1), |mut cv| {
            let chain = cv.0.pop_var();
            if chain > Val::from(MAX_CHAIN) {
                cv.0.data().too_deep();
            }
            bome(chain + Val::from(1usize))
        }),
        ("range", v(3), |mut cv| {
            let (by, to, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
            Box::new(range(cv.0.data(), from, to, by))
        }),
        ("fromjson", v(0), |cv| from_json(cv.0.data(), cv.1)),
        ("name_key", v(0), |cv| bome(name_key(cv.0.data(), cv.1))),
    ];
    own.into_iter().map(|native| run::<Gauged>(native))
}

/// The two values that an operation is about. The input is dropped: what nobody else holds can grow in place.
fn operands<'a>((mut context, input): Cv<'a, Gauged>) -> (&'a Gauge<'a>, Val, Val) {
    drop(input);
    let (r, l) = (context.pop_var(), context.pop_var());
    (context.data(), l, r)
}

/// The bytes of a value, without those of what is in it.
fn weight(value: &Val) -> u64 {
    match value {
        Val::Null | Val::Bool(_) => 0,
        Val::Num(Num::BigInt(number)) => number.bits().div_ceil(8),
        Val::Num(_) => 0,
        Val::BStr(text) | Val::TStr(text) => text.len() as u64,
        Val::Arr(list) => (list.len() * size_of::<Val>()) as u64,
        // A key, a value, a hash and a place.
        Val::Obj(map) => (map.len() * 4 * size_of::<Val>()) as u64,
    }
}

/// What of a value has to be copied before something can be added to it.
fn copied(value: &Val) -> u64 {
    let alone = match value {
        Val::BStr(text) | Val::TStr(text) => text.is_unique(),
        Val::Arr(list) => jaq_json::Rc::strong_count(list) == 1,
        Val::Obj(map) => jaq_json::Rc::strong_count(map) == 1,
        Val::Null | Val::Bool(_) | Val::Num(_) => false,
    };
    if alone { 0 } else { weight(value) }
}

/// Takes off what a product costs, before it is there.
fn multiply(gauge: &Gauge<'_>, l: &Val, r: &Val) {
    match (l, r) {
        (text @ (Val::BStr(_) | Val::TStr(_)), Val::Num(times))
        | (Val::Num(times), text @ (Val::BStr(_) | Val::TStr(_))) => {
            let times = match times {
                Num::Int(times) => u64::try_from(*times).unwrap_or(0),
                Num::BigInt(_) => u64::MAX,
                Num::Float(_) | Num::Dec(_) => 0,
            };
            let bytes = weight(text).saturating_mul(times);
            gauge.make(bytes, bytes);
        }
        (Val::Num(Num::BigInt(_)), Val::Num(_)) | (Val::Num(_), Val::Num(Num::BigInt(_))) => {
            // Long multiplication: every eight bytes with every eight.
            let work = (weight(l) / 8).saturating_mul(weight(r) / 8) / 8;
            gauge.make(work.saturating_mul(BYTES_PER_STEP), weight(l) + weight(r));
        }
        _ => {
            gauge.make(copied(l) + weight(r), weight(l) + weight(r));
            gauge.put(measured(gauge, r), 0);
        }
    }
}

/// About how many bytes a value has when it is written. Leaves a program whose value lies too deep in itself.
fn measured(gauge: &Gauge<'_>, value: &Val) -> u64 {
    extent(value).unwrap_or_else(|TooDeep| gauge.too_deep())
}

/// What gives its input, on every way, unless its path is too long.
fn path() -> Fun<Gauged> {
    let native = Native::<Gauged>::new(|cv| box_once(Ok(cv.1)));
    let native = native.with_update(|cv, update| update(cv.1)).with_paths(|cv| {
        let (gauge, (_, path)) = (*cv.0.data(), &cv.1);
        let parts = path.iter().take(MAX_PATH + 1).count();
        if parts > MAX_PATH {
            gauge.too_deep();
        }
        gauge.charge((parts / PARTS_PER_STEP) as u64);
        box_once(Ok(cv.1))
    });
    (PATH, v(0), native)
}

/// `range($from; $to; $by)`, a step for each number.
fn range<'a>(gauge: &'a Gauge<'a>, from: Val, to: Val, by: Val) -> impl Iterator<Item = ValX<'a, Val>> {
    let zero = Val::from(0isize);
    let (up, down) = (by > zero, by < zero);
    let mut next = Some(Ok(from));
    std::iter::from_fn(move || {
        let value: Val = match next.take()? {
            Ok(value) => value,
            Err(error) => return Some(Err(Exn::from(error))),
        };
        let is_in = if up {
            value < to
        } else if down {
            value > to
        } else {
            value != to
        };
        gauge.charge(1);
        next = is_in.then(|| value.clone() + by.clone());
        is_in.then_some(Ok(value))
    })
}

/// `name_key`, which jq has not: see [`crate::name_key`].
fn name_key(gauge: &Gauge<'_>, name: Val) -> ValR<Val> {
    let Val::TStr(text) = &name else { return Err(Error::typ(name, "string")) };
    let key = crate::name_key::name_key(&String::from_utf8_lossy(text));
    gauge.make(2 * key.len() as u64, key.len() as u64);
    Ok(Val::utf8_str(key))
}

/// `fromjson`, which goes down into a text by recursion.
fn from_json<'a>(gauge: &Gauge<'_>, value: Val) -> BoxIter<'a, ValX<'a, Val>> {
    let wrong = |message: String| box_once(Err(Exn::from(Error::str(message))));
    let Val::TStr(text) = &value else {
        return box_once(Err(Exn::from(Error::typ(value, "string"))));
    };
    gauge.make(text.len() as u64, text.len() as u64);
    match std::str::from_utf8(text) {
        Ok(json) if depth(json) > MAX_DEPTH => {
            return wrong(format!("cannot parse what is nested more than {MAX_DEPTH} levels deep as JSON"));
        }
        Ok(_) => {}
        Err(_) => return wrong("cannot parse what is not UTF-8 as JSON".to_owned()),
    }
    let text = (**text).clone();
    let failed = move |read: Result<Val, _>| -> ValR<Val> {
        read.map_err(|error| Error::str(format_args!("cannot parse {value} as JSON: {error}")))
    };
    let values = bytes_valrs(text, |bytes| Box::new(read::parse_many(bytes).map(failed)));
    Box::new(values.map(|value| value.map_err(Exn::from)))
}
