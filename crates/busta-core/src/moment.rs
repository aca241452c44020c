//! Moments as records hold them: texts of the one form `2024-01-31T23:59:59.000000Z`, which sort as the moments do.

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Appends a moment as a JSON text. `micros` count from 1970-01-01T00:00:00Z.
pub fn push(out: &mut Vec<u8>, micros: i64) {
    let (year, month, day) = civil(micros.div_euclid(DAY));
    let of_day = micros.rem_euclid(DAY);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    out.push(b'"');
    push_year(out, year);
    for (number, digits, mark) in [
        (month, 2, b'-'),
        (day, 2, b'T'),
        (seconds / 3600, 2, b':'),
        (seconds / 60 % 60, 2, b':'),
        (seconds % 60, 2, b'.'),
        (fraction, 6, b'Z'),
    ] {
        padded(out, number, digits);
        out.push(mark);
    }
    out.push(b'"');
}

/// Appends a year and `-`.
pub fn push_year(out: &mut Vec<u8>, year: i64) {
    if (0..=9999).contains(&year) {
        padded(out, year, 4);
    } else {
        // Beyond RFC 3339; ISO 8601 gives such years a sign.
        out.extend_from_slice(format!("{year:+}").as_bytes());
    }
    out.push(b'-');
}

/// Appends `number`, which has at most so many digits, with zeros in front.
pub fn padded(out: &mut Vec<u8>, number: i64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(b'0' + (number / 10_i64.pow(place) % 10) as u8);
    }
}

/// The year, month and day in the Gregorian calendar. `days` count from 1970-01-01.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years start in
/// March, so that the leap day is the last one of its year.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
