//! Figures as people read them: `1,234,567`, `12.3 MiB`, `4.2 s`.

use std::time::Duration;

/// A count with commas.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the largest unit that leaves at least one.
pub fn bytes(number: u64) -> String {
    let mut size = number as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{number} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

/// A duration in seconds.
pub fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        3600.. => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
        60.. => format!("{} min {:02} s", whole / 60, whole % 60),
        _ if seconds < 0.0995 => format!("{:.0} ms", seconds * 1000.0),
        _ => format!("{seconds:.1} s"),
    }
}

/// A duration.
pub fn duration(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

/// `1 source`, `2 sources`.
pub fn of(number: u64, singular: &str) -> String {
    format!("{} {singular}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `1 retry`, `2 retries`.
pub fn retries(number: u64) -> String {
    if number == 1 { "1 retry".to_owned() } else { format!("{} retries", count(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_at_a_glance() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1023, 1536, 5 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!([0.02, 1.25, 61.4, 7384.0].map(seconds), ["20 ms", "1.2 s", "1 min 01 s", "2 h 03 min"]);
        assert_eq!(of(1, "source"), "1 source");
        assert_eq!(of(2000, "record"), "2,000 records");
    }
}
