use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

const RECORD: &str = r#"{"id":7,"tags":["a","b"]}"#;

fn run(program: &str) -> Result<Vec<String>, String> {
    let program = Program::compile(program).unwrap_or_else(|error| panic!("{program}: {error}"));
    program.records(RECORD, &Given::default()).map_err(|error| error.to_string())
}

#[test]
fn what_never_ends_is_left() {
    for program in [
        "def f: f; f",
        "last(range(1e18))",
        "[range(0; infinite)]",
        "[limit(infinite; repeat(1))]",
        "until(false; .)",
        "last(recurse(.))",
        "first(range(infinite) | select(false))",
        "foreach range(infinite) as $n (0; . + $n; empty)",
        "[.tags[] | until(false; .)]",
        "last(path(repeat(.)))",
        "try (def f: f; f) catch {a: 1}",
        ".a |= until(false; .)",
    ] {
        let error = run(program).unwrap_err();
        assert!(error.contains("does not end") && error.contains("without an end"), "{program}: {error}");
    }
}

#[test]
fn what_never_ends_fails_alike_however_often_it_is_run() {
    let program = Program::compile("until(false; .n += 1)").unwrap();
    let error = || program.records(RECORD, &Given::default()).unwrap_err().to_string();
    assert_eq!(error(), error());
}

#[test]
fn what_goes_ever_deeper_is_left() {
    for program in [
        "def f: 1 + f; f",
        "def f: f | .; f",
        "def f: try f catch f; f",
        "last(recurse([.]))",
        "until(false; {id: 1, next: .})",
        "[recurse({a: [.]})] | last",
        // Filters that are handed on and on.
        "def f(g): f(g | g); f(.)",
        "def f(g): f(g); f(.)",
        "def f(g; $n): f(g, $n; $n + 1); f(.; 0)",
        "def f(g): def h(k): f(k | g); h(g); f(.)",
        "def f(g): def h: f([g]); h; f(.id)",
        "def f(g): f(def h(k): k; h(g)); f(.)",
        "def f(g): . as $x | f($x | g); try f(.) catch .",
        "def f(g): def map(h): f(h); map(g); f(.)",
        "def f(g): .id |= . | f(g); f(.)",
        "def f (g): if . then f(g, g) else f(g // g) end; f(.)",
        "first(def f(g): f(g | g); f(.))",
        "reduce 1 as $n (.; def f(g): f(g | g); f(.))",
        "{a: path(def f(g): f(.a | g); f(.))}",
        // Paths and values that grow without being made anew.
        "last(path(def f: .a | f; f))",
        "def f: .a | f; path(f)",
        "last(path(foreach range(infinite) as $n (.; .a)))",
        "path(reduce range(infinite) as $n (.; .a))",
        "until(false; . as $x | {} | .a = $x)",
        "until(false; {tags: [1], next: .})",
        "reduce range(infinite) as $n (null; {a: {b: [1]}, b: .})",
        "def f($x): f({} | .a = $x); f(.)",
        "reduce range(infinite) as $n ([1]; group_by(.))",
        "until(false; key_values)",
        "until(false; path_value(.))",
        "def f: [.] | .[0] |= [.] | f; f",
    ] {
        let error = run(program).unwrap_err();
        assert!(error.contains("too deep"), "{program}: {error}");
    }
    let at = |parts: usize| ".[0]".repeat(parts);
    let deep = format!(
        "reduce range(500) as $n (1; [.]) | . as $v | ({} | {}) = $v | (.. |= .) | {{n: 1}}",
        at(250),
        at(250)
    );
    assert!(run(&deep).unwrap_err().contains("too deep"));
    let error = Program::compile(&format!("{} = 1", at(5000))).err().unwrap();
    assert!(error.contains("5000 parts"), "{error}");
    let error = run(r#""[" * 100000 | fromjson"#).unwrap_err();
    assert!(error.contains("nested"), "{error}");
}

#[test]
fn what_grows_is_left() {
    for program in [
        r#""ab" | until(false; . + .)"#,
        r#""ab" | until(false; "\(.)\(.)")"#,
        r#""a" | until(false; @base64)"#,
        r#"[1] | until(false; . + .)"#,
        r#"3 | until(false; . * .)"#,
        r#""x" * 1000000000000"#,
        r#"[range(300) | "x" * 10000000]"#,
        r#"{t: "x"} | until(false; .t += .t)"#,
        // Few values, but long when they are written.
        "reduce range(40) as $n ({}; {a: [., .]})",
        // Endless when they are compared, or when an error is told in which they are.
        "reduce range(60) as $n (.; [., .]) | .a?",
        "reduce range(60) as $n (.; [., .]) | try .a catch {a: length}",
        "reduce range(60) as $n (.; {a: ., b: .}) | {a: (. == 1)}",
        "reduce range(60) as $n (.; .a = . | .b = .) | (. + 1)?",
        "reduce range(60) as $n (.; . as $x | .a |= $x | .b |= $x) | (. + 1)?",
        "reduce range(60) as $n (.; . as $x | {} | .a //= $x | .b //= $x) | (. + 1)?",
        "reduce range(60) as $n (.; . + {a: .} | . * {b: .}) | (. + 1)?",
        "reduce range(60) as $n ([[], []]; . as $x | .[0] += [$x] | .[1] += [$x]) | .a?",
        "[range(3000)] | . as $x | .[] = $x | . as $x | .[] = $x | .a?",
        "[range(10000) | .] as $x | reduce range(3000) as $n ([]; . + [$x]) | .a?",
        "[range(50000)] as $x | [range(20000) | $x[]] | length",
        "[range(50000)] as $x | [1] | group_by(range(20000) | $x[])",
        r#"("x" * 20000000) as $t | "\($t)\($t)\($t)" | length"#,
        "[range(100000) | 9007199254740993] as $x | [range(1200)] | .[] |= $x | tojson",
        "[range(2000000)] | [limit(100; repeat(.a?))]",
        r#"("x" * 20000000) as $x | reduce range(infinite) as $n ({}; try error($x | .a) catch {a: 1})"#,
    ] {
        let error = run(program).unwrap_err();
        assert!(["does not end", "MiB"].iter().any(|said| error.contains(said)), "{program}: {error}");
    }
}

#[test]
fn what_fails_in_a_library_fails_its_record() {
    let error = run(r#""ba" | [match("(?:(a)|(b))*")]"#).unwrap_err();
    assert!(error.contains("failed on this record") && error.contains("regular expressions"), "{error}");
}

#[test]
fn what_ends_has_room() {
    for (program, wanted) in [
        ("{n: (reduce range(20000) as $n ([]; . + [$n]) | length)}", r#"{"n":20000}"#),
        ("{n: (reduce range(20000) as $n ({a: []}; .a += [$n]) | .a | length)}", r#"{"n":20000}"#),
        ("{n: (reduce range(5000) as $n ({a: []}; .a |= . + [$n]) | .a | length)}", r#"{"n":5000}"#),
        ("{n: (reduce range(20000) as $n ({}; .[$n | tostring] = $n) | length)}", r#"{"n":20000}"#),
        ("{n: ([range(20000) | tostring | {a: .}] | group_by(.a) | length)}", r#"{"n":20000}"#),
        (
            r#"{n: (reduce range(9000) as $i ({o: ""}; .o |= . + "abcdefghij") | .o | length)}"#,
            r#"{"n":90000}"#,
        ),
        (
            "{n: (reduce range(6000) as $i ({}; .x |= ((. // []) + [{i: $i, t: \"some text of a row\"}])) | .x | length)}",
            r#"{"n":6000}"#,
        ),
        (
            "{n: (reduce range(2000) as $i ({m: {}}; .m |= (.[$i | tostring] = {i: $i, t: \"some text\"})) | .m | length)}",
            r#"{"n":2000}"#,
        ),
        (
            r#"{s: [@json "\(.tags) and \(1, 2)"], t: ["\(.id)-\(.tags[])"]} | {s, t}"#,
            r#"{"s":["[\"a\",\"b\"] and 1","[\"a\",\"b\"] and 2"],"t":["7-a","7-b"]}"#,
        ),
        (".tags[1] = 1 | .a //= 7 | .id //= 8", r#"{"id":7,"tags":["a",1],"a":7}"#),
        ("{p: [.tags | .[] = (1, 2)]}", r#"{"p":[[1,1],[2,2]]}"#),
        (
            "{a: [.tags.a?, (try .tags.a), (try error(1) catch .), (try .tags.a catch length)]}",
            r#"{"a":[1,31]}"#,
        ),
        ("{n: (reduce range(20000) as $n (0; . + $n))}", r#"{"n":199990000}"#),
        ("{n: ([range(20000)] | map(. * 2) | add)}", r#"{"n":399980000}"#),
        (r#"{n: ([range(5000) | tostring] | join(",") | length)}"#, r#"{"n":23889}"#),
        ("{n: last(limit(5000; repeat(1)))}", r#"{"n":1}"#),
        ("{n: [range(5; 0; -2)], m: [range(0; 1; 0.4)]}", r#"{"n":[5,3,1],"m":[0,0.4,0.8]}"#),
        ("{n: [range(0, 1; 3, 4)]}", r#"{"n":[0,1,2,0,1,2,3,1,2,1,2,3]}"#),
        (r#"{n: ("[1,2] {}" | [fromjson])}"#, r#"{"n":[[1,2],{}]}"#),
        (
            r#"{n: ("7" | tonumber), m: ("<" | @html), t: (.tags | tojson)}"#,
            r#"{"n":7,"m":"&lt;","t":"[\"a\",\"b\"]"}"#,
        ),
        (r#"{k: ("Acme Corp., ÄRGER" | name_key)}"#, r#"{"k":"acmecorpärger"}"#),
        ("{n: [(1, 2) + (10, 20)], m: [(1, 2) * (3, 4)]}", r#"{"n":[11,21,12,22],"m":[3,4,6,8]}"#),
        // Filters may be handed on, under whatever name, and as often as one likes if they are not handed further.
        ("def f(g): g + 1; def map(f): f * 2; def f(g; h): g - h; {n: f(map(f(.id; 2)))}", r#"{"n":11}"#),
        ("def f(g; $n): if $n == 0 then g else f(g + 1; $n - 1) end; {n: f(0; 50)}", r#"{"n":50}"#),
        ("def f($n): if $n == 0 then {n: .id} else f($n - 1) end; f(20000)", r#"{"n":7}"#),
        ("def f(g): g; {n: (reduce range(20000) as $n (0; f(. + 1)))}", r#"{"n":20000}"#),
        ("def f(g): def f(g): g + 1; f(g) + 1; {n: f(.id)}", r#"{"n":9}"#),
        ("{n: [path(..)] | length} | .n |= (def f: if . > 9 then . else . + 1 | f end; f)", r#"{"n":10}"#),
        ("def f: .tags[0]; f |= ascii_upcase | {t: .tags}", r#"{"t":["A","b"]}"#),
        (
            "def f(g): if . > 99 then . else (g | f(g)) end; {n: (0 | f(. + 1)), p: [.tags | path(.[])]}",
            r#"{"n":100,"p":[[0],[1]]}"#,
        ),
        (".id += 1 | .id *= 2 | .tags[] += \"!\"", r#"{"id":16,"tags":["a!","b!"]}"#),
    ] {
        assert_eq!(run(program).unwrap(), [wanted], "{program}");
    }
}

#[test]
fn a_batch_waits_for_a_program_without_an_end_only_once() {
    let endless = Program::compile("until(false; .)").unwrap();
    let long = Program::compile("{n: ([range(20000)] | length)}").unwrap();
    let left_after = |program: &Program| {
        let error = program.records(RECORD, &Given::default()).unwrap_err().to_string();
        let words: Vec<&str> = error.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "after").unwrap();
        words[at + 1].parse::<u64>().unwrap()
    };
    let _batch = Spare::begin();
    // What ends takes nothing from the others.
    for _ in 0..100 {
        long.records(RECORD, &Given::default()).unwrap();
    }
    assert!(left_after(&endless) > 1_000_000);
    assert!(left_after(&endless) < 10_000);
    let error = long.records(RECORD, &Given::default()).unwrap_err().to_string();
    assert!(error.contains("a record before it"), "{error}");
    {
        let _next = Spare::begin();
        long.records(RECORD, &Given::default()).unwrap();
    }
    long.records(RECORD, &Given::default()).unwrap_err();
}

/// What stands in a definition `f(g)`.
fn body() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![".", "g", ".a", ".id", "1", "f(g)", "f(.)"]).prop_map(str::to_owned);
    leaf.prop_recursive(4, 12, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} | {b})")),
            two.clone().prop_map(|(a, b)| format!("({a}, {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} // {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} as $x | {b})")),
            two.clone().prop_map(|(a, b)| format!("(def h(k): {a} | f(k); h({b}))")),
            two.prop_map(|(a, b)| format!("(reduce {a} as $x (.; {b}))")),
            inner.clone().prop_map(|a| format!("f({a})")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            inner.clone().prop_map(|a| format!("{{a: {a}}}")),
            inner.clone().prop_map(|a| format!("(.a |= {a})")),
            inner.clone().prop_map(|a| format!("path({a})")),
            inner.prop_map(|a| format!("(try {a} catch .)")),
        ]
    })
}

/// Whatever is handed to whom, the process lives on.
#[test]
fn filters_that_are_handed_on_take_no_stack() {
    let given = Given::default();
    // One endless program has used up what a batch has in common; a record of some size has enough for itself.
    let _batch = Spare::begin();
    let _ = Program::compile("until(false; .)").unwrap().values("{}", &given);
    let record = format!(r#"{{"id":7,"a":"{}"}}"#, "x".repeat(2_000));
    let config = ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() };
    let run = |(body, first): (String, String)| {
        let program = format!("def g: .; def f(g): {body}; f({first})");
        let program = Program::compile(&program).unwrap_or_else(|error| panic!("{program}: {error}"));
        let _ = program.values(&record, &given);
        Ok(())
    };
    TestRunner::new(config).run(&(body(), body()), run).unwrap();
}
