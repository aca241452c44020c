//! What programs call that is not written in jq: jaq's own, and what takes the place of those whose work
//! [`super::gauge`] could not see.

use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Cv, Error, Exn, Native, RunPtr, ValR, ValX};
use jaq_json::{Num, Val, bytes_valrs, read};

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

/// Values within one another are dropped and written by recursion.
const MAX_NESTING: usize = 2 * MAX_DEPTH;

/// So many values of a list or an object are looked at for the way down, and so many ways are followed.
const LOOKED_AT: usize = 64;
const WAYS: usize = 256;

/// A way down costs a step for so many values.
const WAYS_PER_STEP: usize = 4;

/// Paths are dropped by recursion too, and so are filters that were handed to filters.
const MAX_PATH: usize = 1_000;
const MAX_CHAIN: usize = 1_000;

/// All of them.
pub(super) fn natives() -> impl Iterator<Item = Fun<Gauged>> {
    let theirs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let kept = theirs.filter(|(name, ..)| !WITHHELD.contains(name) && !["range", "fromjson"].contains(name));
    kept.map(|(name, args, fun)| (hidden(name), args, fun)).chain(own()).chain([nest()])
}

fn hidden(name: &'static str) -> &'static str {
    GROWING.iter().find(|(known, _)| *known == name).map_or(name, |(_, hidden)| hidden)
}

fn own() -> impl Iterator<Item = Fun<Gauged>> {
    let own: [Filter<RunPtr<Gauged>>; 7] = [
        (ADD, v(2), |cv| {
            let (gauge, l, r) = operands(cv);
            gauge.make(copied(&l) + weight(&r), weight(&l) + weight(&r));
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
            check_nesting(cv.0.data(), &cv.1);
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
        ("fromjson", v(0), |cv| from_json(cv.1)),
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
        _ => gauge.make(copied(l) + weight(r), weight(l) + weight(r)),
    }
}

/// What gives its input, on every way, unless that lies too deep.
fn nest() -> Fun<Gauged> {
    let native = Native::<Gauged>::new(|cv| {
        check_nesting(cv.0.data(), &cv.1);
        box_once(Ok(cv.1))
    });
    let native = native.with_update(|cv, update| update(cv.1)).with_paths(|cv| {
        let (gauge, (value, path)) = (*cv.0.data(), &cv.1);
        check_nesting(gauge, value);
        let steps = path.iter().take(MAX_PATH + 1).count();
        if steps > MAX_PATH {
            gauge.too_deep();
        }
        gauge.charge((steps / WAYS_PER_STEP) as u64);
        box_once(Ok(cv.1))
    });
    (NEST, v(0), native)
}

/// Leaves a program whose value lies too deep in itself, as far as can be seen at little cost: on the ways through
/// the first values of each that holds something.
fn check_nesting(gauge: &Gauge<'_>, value: &Val) {
    let (mut level, mut next) = (vec![value], Vec::new());
    for _ in 0..MAX_NESTING {
        for value in level.drain(..) {
            match value {
                Val::Arr(list) => next.extend(list.iter().take(LOOKED_AT).filter(holds)),
                Val::Obj(map) => next.extend(map.values().take(LOOKED_AT).filter(holds)),
                _ => {}
            }
        }
        if next.is_empty() {
            return;
        }
        next.truncate(WAYS);
        gauge.charge((next.len() / WAYS_PER_STEP) as u64);
        std::mem::swap(&mut level, &mut next);
    }
    gauge.too_deep()
}

fn holds(value: &&Val) -> bool {
    match value {
        Val::Arr(list) => !list.is_empty(),
        Val::Obj(map) => !map.is_empty(),
        _ => false,
    }
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
fn from_json<'a>(value: Val) -> BoxIter<'a, ValX<'a, Val>> {
    let wrong = |message: String| box_once(Err(Exn::from(Error::str(message))));
    let Val::TStr(text) = &value else {
        return box_once(Err(Exn::from(Error::typ(value, "string"))));
    };
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
