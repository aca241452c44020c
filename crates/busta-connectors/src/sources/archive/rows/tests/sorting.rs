//! Rows that are not in the order of their time.

use super::*;

/// How a file is read whose rows are to come in order.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// How many bytes a batch has.
    bytes: usize,
    /// Whether reading goes on in a file that is opened anew, after each batch and after so many steps of sorting.
    reopen: Option<usize>,
    sizes: Sizes,
}

/// Reads a file in order. Gives what it told, in how many batches and how many steps of sorting.
fn read_sorted(path: &Path, table: &Arc<Table>, manner: Manner) -> (Told, usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("a.rows.part");
    let open = |at: Option<&RowsPlace>| {
        let file = RowsFile::open(path, table, &about(), "a", at).unwrap();
        RowsFile { sizes: manner.sizes, ..file.sorting_at(scratch.clone()) }
    };
    let (mut told, mut batches, mut steps) = (Told::default(), 0, 0);
    let (mut place, mut file, mut given_up) = (None, open(None), false);
    told.quality = loop {
        let batch = file.read(manner.bytes).unwrap();
        told.add(&batch);
        match batch.end {
            RowsEnd::Done(quality) => break quality,
            RowsEnd::Sorting => {
                assert!(batch.records.is_empty() && batch.failures.is_empty());
                steps += 1;
                // Once: who gives up each time never comes to the end.
                if manner.reopen == Some(steps) && !std::mem::replace(&mut given_up, true) {
                    file = open(place.as_ref());
                }
            }
            RowsEnd::More(next) => {
                batches += 1;
                if manner.reopen.is_some() {
                    file = open(Some(&next));
                }
                place = Some(next);
            }
        }
    };
    drop(file);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "all is removed");
    (told, batches + 1, steps)
}

/// How often a row comes that is earlier than the one before it.
fn falls(told: &Told) -> usize {
    let time =
        |record: &String| serde_json::from_str::<Value>(record).unwrap()["t"].as_str().unwrap().to_owned();
    let times: Vec<String> = told.records.iter().map(time).collect();
    times.windows(2).filter(|two| two[1] < two[0]).count()
}

fn in_any_order(told: &Told) -> Vec<String> {
    let mut all = told.records.clone();
    all.sort();
    all
}

fn counts(quality: &Quality) -> (u64, u64, u64, u64) {
    (quality.rows, quality.failed_rows, quality.members, quality.out_of_order)
}

fn unordered() -> Arc<Table> {
    Arc::new(Table { unordered: true, ..Table::clone(&table()) })
}

/// The rows of these times, and the name of a file with them.
fn text_of(times: &[u64], as_json: bool) -> (&'static str, Vec<u8>) {
    let time = |time: &u64| 1_704_067_200 + time;
    let rows = times.iter().enumerate();
    if as_json {
        let row = |(n, at)| format!("{{\"n\":{n},\"t\":{},\"p\":1,\"b\":true,\"s\":\"x\"}}\n", time(at));
        ("a.jsonl", rows.map(row).collect::<String>().into_bytes())
    } else {
        let row = |(n, at)| format!("{},1,{n},true,x\n", time(at));
        ("a.csv", ("t,p,n,b,s\n".to_owned() + &rows.map(row).collect::<String>()).into_bytes())
    }
}

#[test]
fn sorting_a_file_goes_in_steps_and_none_of_them_is_the_last_for_a_dead_run() {
    let folder = Folder::new();
    let times: Vec<u64> = (0..500).chain((0..2500).map(|n| n * 7919 % 2500)).collect();
    let (name, text) = text_of(&times, false);
    let path = folder.file("a.zip", &archive(&[(name, &text)]));
    let sizes = Sizes { run: 1 << 10, open: 8, step: 8 << 10 };
    let whole = read_sorted(&path, &table(), Manner { bytes: 1 << 12, reopen: None, sizes });
    // 60 kB are read once and written three times.
    assert!(whole.2 >= 20, "{} steps", whole.2);
    assert_eq!(falls(&whole.0), 1, "the batch before the first late row, and all others");
    for step in [1, 2, 15, 20] {
        let (told, ..) = read_sorted(&path, &table(), Manner { bytes: 1 << 12, reopen: Some(step), sizes });
        assert_eq!(told, whole.0, "given up after step {step}");
    }
}

#[test]
fn a_file_that_is_known_to_be_in_no_order_comes_in_one_stretch() {
    let folder = Folder::new();
    let times: Vec<u64> = (0..1000).chain([3, 1]).collect();
    let in_order: Vec<u64> = (0..1000).collect();
    let sizes = Sizes { run: 1 << 10, open: 8, step: 8 << 10 };
    for as_json in [false, true] {
        let (name, text) = text_of(&times, as_json);
        let zip = archive(&[(name, &text), ("b.csv", &text_of(&in_order, false).1)]);
        let path = folder.file("a.zip", &zip);
        for reopen in [None, Some(3)] {
            let read =
                |table: &Arc<Table>| read_sorted(&path, table, Manner { bytes: 1 << 12, reopen, sizes }).0;
            let (usual, known) = (read(&table()), read(&unordered()));
            // A member begins anew.
            assert_eq!((falls(&usual), falls(&known)), (2, 1), "{name}");
            assert_eq!(in_any_order(&usual), in_any_order(&known), "{name}");
            assert_eq!(counts(&usual.quality), counts(&known.quality), "{name}");
            assert_eq!(counts(&known.quality), (2002, 0, 2, 2), "{name}");
            // Where a file is in order, its own lines are told.
            assert_eq!(known.positions.last().unwrap(), "a:b.csv:1001");
        }
    }
}

proptest! {
    /// Rows in any order come in that of their time, however small batches are and wherever reading goes on; what was
    /// given before the first one out of order is in order too.
    #[test]
    fn rows_come_in_the_order_of_their_time(
        times in proptest::collection::vec(0u64..500, 1..60),
        bytes in 1usize..3000,
        reopen in proptest::option::of(1usize..12),
        (zipped, as_json, known) in any::<(bool, bool, bool)>(),
        (run, open, step) in (1usize..400, 2usize..6, 1u64..2000),
    ) {
        let folder = Folder::new();
        let (name, text) = text_of(&times, as_json);
        let path = if zipped { folder.file("a.zip", &archive(&[(name, &text)])) } else { folder.file(name, &text) };
        let plain = read(&path, 1 << 20, false).unwrap();
        let table = if known { unordered() } else { table() };
        let manner = Manner { bytes, reopen, sizes: Sizes { run, open, step } };
        let (told, batches, _) = read_sorted(&path, &table, manner);
        // One batch is looked at before it is given; behind it, there are two stretches at most.
        let falls = falls(&told);
        prop_assert!(falls <= usize::from(batches > 1 && !known), "{:?}", told.records);
        prop_assert_eq!(in_any_order(&told), in_any_order(&plain));
        prop_assert_eq!(counts(&told.quality), counts(&plain.quality));
    }
}
