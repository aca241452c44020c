//! Rows that are read many at once.

use super::*;

/// A field that mostly fits, and at times is null or no such thing.
fn field(fits: &'static str, rare: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![60 => fits, 1 => rare]
}

/// Rows in every form, most of them plain.
fn any_rows() -> impl Strategy<Value = String> {
    let time = "17040672[0-9]{2}|17040672[0-9]{2}000(000)?|1704067[0-9]{3}\\.[0-9]{1,6}|2024-01-0[1-9] 00:0[0-9]:00|\\
         2024010[1-9]|2024010[1-9]2359|2024010[1-9]235959|2024130[1-9]";
    let fields = (
        field(time, "|NA|x|2024-01-01D00:00:01\\.000000001|1704067200000000001"),
        field(
            "[0-9]{1,7}\\.[0-9]{0,8}|-?[0-9]{1,19}|[0-9]{0,9}\\.[0-9]{1,12}|1E-8||NA",
            "x|1,5|\"1.5\"|\\.|inf",
        ),
        field("[0-9]{1,16}|-[0-9]{1,9}|[0-9]{17,18}|12\\.0|007||NA", "[0-9]{20}|1\\.5|x"),
        field("[Tt]rue|[Ff]alse|FALSE|TRUE|0|1||NA", "maybe|tru|falsy|truee|2"),
        field("[a-z]{0,20}|NA", "é|\"a,\"\"b\"|\"two\nlines\"|a\"b|\"open|a,b"),
    );
    let row = (fields, prop_oneof!["\n", Just("\r\n".to_owned())]);
    let row = row.prop_map(|((t, p, n, b, s), end)| format!("{t},{p},{n},{b},{s}{end}"));
    let other = "\r?\n|1,2\n|,,,,\n|1704067200,1.5\n";
    let rows = prop::collection::vec(prop_oneof![40 => row, 1 => other], 0..150);
    rows.prop_map(|rows| rows.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Rows that are read many at once, column by column, are the same as one by one, field by field: records,
    /// failures with their lines, the report. A batch for a single byte is read one by one.
    #[test]
    fn rows_read_at_once_are_those_read_one_by_one(
        text in any_rows(), bytes in 2_000..40_000usize, has_key: bool, ends: bool,
    ) {
        let folder = Folder::new();
        let text = if ends { &*text } else { text.trim_end() };
        let path = folder.file("a.csv", text.as_bytes());
        let mut table = Table::clone(&table());
        table.header = crate::sources::archive::layout::HeaderRow::Absent;
        table.null_values = vec!["NA".to_owned()];
        if !has_key {
            table.primary_key.clear();
        }
        let table = Arc::new(table);
        let one_by_one = read_as(&table, &path, 1, false).unwrap();
        prop_assert_eq!(&read_as(&table, &path, 1 << 20, false).unwrap(), &one_by_one);
        prop_assert_eq!(&read_as(&table, &path, bytes, true).unwrap(), &one_by_one);
    }
}
