//! Sorting in runs of any size, in steps of any size, however many runs may be open.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sources::archive::layout::Table;

fn table() -> Table {
    let columns = json!([{ "name": "id", "type": "integer" }, { "name": "t", "type": "time" }]);
    serde_json::from_value(json!({ "columns": columns, "time": "t" })).unwrap()
}

const START: Start = Start { place: Place { offset: 0, line: 0 }, previous: None };

/// All at once.
fn at_once(run: usize) -> Sizes {
    Sizes { run, open: 64, step: u64::MAX }
}

/// A text on the disk that is being sorted.
struct Desk(tempfile::TempDir, &'static str);

impl Desk {
    fn new(name: &'static str, text: &[u8]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap(), name);
        std::fs::write(desk.0.path().join(name), text).unwrap();
        desk
    }

    fn sorting(&self, start: Start, sizes: Sizes) -> Sorting {
        let path = self.0.path().join(self.1);
        let open = || Ok(Window::open(File::open(&path).unwrap(), None, None, Vec::new()).unwrap());
        let text = Text::open(open, Path::new(self.1), &table(), start.place).unwrap().unwrap();
        Sorting::new(text, start, (&self.scratch().join("a.rows.part"), 7), sizes)
    }

    fn scratch(&self) -> PathBuf {
        self.0.path().join("scratch")
    }

    /// How many files there are besides the text.
    fn files(&self) -> usize {
        std::fs::read_dir(self.scratch()).map_or(0, Iterator::count)
    }

    /// Sorts it, with something to look at after each step. Gives the sorted text and how many rows were late.
    fn sort(&self, sizes: Sizes, mut look: impl FnMut(&Sorting)) -> (String, u64) {
        let mut sorting = self.sorting(START, sizes);
        let made = loop {
            match sorting.step().unwrap() {
                Step::More => look(&sorting),
                made => break made,
            }
        };
        drop(sorting);
        let told = match made {
            Step::Sorted(sorted) => (std::fs::read_to_string(sorted.file.path()).unwrap(), sorted.late),
            Step::InOrder => (std::fs::read_to_string(self.0.path().join(self.1)).unwrap(), 0),
            other => panic!("{other:?}"),
        };
        assert_eq!(self.files(), 0, "all is removed");
        told
    }
}

/// Rows that count down, so that all of them are late but the first.
fn falling(rows: u64) -> String {
    (0..rows).map(|id| format!("{id},{}\n", 1_704_067_200 + rows - id)).collect()
}

fn rising(rows: u64) -> String {
    (0..rows).rev().map(|id| format!("{id},{}\n", 1_704_067_200 + rows - id)).collect()
}

#[test]
fn rows_without_a_time_stay_behind_the_row_before_them() {
    let text = "id,t\n1,1704067203\n2,x\n3,1704067201\n4,1704067202,\"\n5,1704067201";
    let sorted = "id,t\n3,1704067201\n4,1704067202,\"\n5,1704067201\n1,1704067203\n2,x\n";
    for run in [1, 20, 1 << 20] {
        let desk = Desk::new("a.csv", text.as_bytes());
        assert_eq!(desk.sort(at_once(run), |_| {}), (sorted.to_owned(), 1), "{run}");
    }
}

#[test]
fn a_byte_order_mark_costs_no_row() {
    let desk = Desk::new("a.csv", "\u{feff}id,t\n1,1704067203\n2,1704067201\n".as_bytes());
    assert_eq!(desk.sort(at_once(1), |_| {}).0, "id,t\n2,1704067201\n1,1704067203\n");
}

#[test]
fn lines_of_json_are_sorted_too() {
    let text = concat!(
        "{\"t\":\"2024-01-01T00:00:03Z\",\"id\":1}\n",
        "{\"id\":2,\"t\":null}\n",
        "broken\n",
        "{\"id\":3,\"a\":{\"t\":9},\"t\":1704067201}\n",
        "\n",
        "  {\"id\":4,\"\\u0074\":\"1704067202000\"}",
    );
    let sorted = concat!(
        "{\"id\":3,\"a\":{\"t\":9},\"t\":1704067201}\n",
        "\n",
        "  {\"id\":4,\"\\u0074\":\"1704067202000\"}\n",
        "{\"t\":\"2024-01-01T00:00:03Z\",\"id\":1}\n",
        "{\"id\":2,\"t\":null}\n",
        "broken\n",
    );
    for run in [1, 40, 1 << 20] {
        let desk = Desk::new("a.jsonl", text.as_bytes());
        assert_eq!(desk.sort(at_once(run), |_| {}), (sorted.to_owned(), 1), "{run}");
    }
}

#[test]
fn no_step_does_more_than_its_share() {
    let (rows, share) = (2000, 1000);
    let (text, row) = (falling(rows), "1999,1704069200\n".len() as u64);
    let desk = Desk::new("a.csv", text.as_bytes());
    let (mut steps, mut read) = (0, 0);
    let sorted = desk.sort(Sizes { run: 512, open: 4, step: share }, |sorting| {
        let offset = sorting.text.offset();
        assert!(offset - read <= share + row, "{} bytes were read in one step", offset - read);
        (steps, read) = (steps + 1, offset);
    });
    assert_eq!(sorted, (rising(rows), rows - 1));
    // It is read once, and its 62 runs are merged twice and more.
    assert!(steps >= 3 * text.len() as u64 / (share + row), "{steps}");
}

#[test]
fn no_more_runs_are_open_than_may_be_and_merged_ones_are_removed() {
    // Each row is a run.
    for (rows, open) in [(64 * 2 + 17, 64), (65, 64), (64, 64), (200, 2), (100, 3), (4100, 64)] {
        let text = falling(rows);
        let desk = Desk::new("a.csv", text.as_bytes());
        let (mut most, mut files, mut steps) = (0, 0, 0.0);
        let sizes = Sizes { run: 1, open, step: text.len() as u64 / 50 };
        let sorted = desk.sort(sizes, |sorting| {
            most = most.max(sorting.merge.as_ref().map_or(0, Merge::inputs));
            files = files.max(desk.files());
            steps += 1.0;
        });
        assert_eq!(sorted, (rising(rows), rows - 1), "{rows} {open}");
        assert!(most <= open && most > 1, "{most} of {open} were open");
        // Those that are merged, and what they become.
        assert!(files <= rows as usize + 1, "{files} files of {rows} rows");
        // Reading takes fifty steps, and so does each time that all is written. No row is written more often than has
        // to be.
        let times = 1.0 + (rows as f64).log(open as f64).ceil();
        assert!(steps <= 55.0 * times, "{steps} steps of {rows} rows, {open} open");
    }
}

#[test]
fn who_gives_up_leaves_nothing_behind() {
    let desk = Desk::new("a.csv", falling(300).as_bytes());
    for steps in 1..30 {
        let mut sorting = desk.sorting(START, Sizes { run: 64, open: 8, step: 400 });
        for _ in 0..steps {
            assert!(matches!(sorting.step().unwrap(), Step::More), "{steps}");
        }
        drop(sorting);
        assert_eq!(desk.files(), 0, "{steps}");
    }
}

#[test]
fn what_a_dead_attempt_has_left_is_removed_and_nothing_else() {
    let desk = Desk::new("a.csv", falling(10).as_bytes());
    std::fs::create_dir(desk.scratch()).unwrap();
    for name in ["a.rows.7.part", "a.rows.3.12.part", "b.rows.3.12.part", "a.0.part"] {
        std::fs::write(desk.scratch().join(name), "left").unwrap();
    }
    drop(desk.sorting(START, at_once(1)));
    let mut names: Vec<_> =
        std::fs::read_dir(desk.scratch()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.0.part", "b.rows.3.12.part"]);
}

#[test]
fn a_text_in_order_is_left_alone() {
    let desk = Desk::new("a.csv", rising(100).as_bytes());
    let mut sorting = desk.sorting(START, at_once(256));
    assert!(matches!(sorting.step().unwrap(), Step::InOrder));
}

proptest! {
    /// In runs of any size, in steps of any size, rows come out as a stable sort by their times puts them.
    #[test]
    fn rows_are_sorted_and_those_of_one_time_keep_their_order(
        times in proptest::collection::vec(0u64..30, 1..60),
        header in any::<bool>(),
        (run, open, step) in (1usize..400, 2usize..6, 1u64..2000),
    ) {
        let row = |(id, time): (usize, u64)| format!("{id},{}\n", 1_704_067_200 + time);
        let mut rows: Vec<(usize, u64)> = times.iter().copied().enumerate().collect();
        let head = if header { "id,t\n" } else { "" };
        let text = |rows: &[(usize, u64)]| head.to_owned() + &rows.iter().copied().map(row).collect::<String>();
        let desk = Desk::new("a.csv", text(&rows).as_bytes());
        rows.sort_by_key(|(_, time)| *time);
        let late = times.windows(2).filter(|two| two[1] < two[0]).count() as u64;
        prop_assert_eq!(desk.sort(Sizes { run, open, step }, |_| {}), (text(&rows), late));
    }
}
