//! Prometheus' text format, version 0.0.4.
//!
//! <https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md>

use std::fmt::Write;

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts what fell into buckets.
    Histogram,
}

impl Kind {
    /// The kind as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Metrics of one name.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What tells its metrics apart.
    pub labels: &'static [&'static str],
    /// What it means, in one line.
    pub help: &'static str,
}

/// A text under construction.
#[derive(Default)]
pub struct Text {
    text: String,
}

impl Text {
    /// Adds a family with the values of its labels and the value of each of its metrics. Without metrics
    /// nothing is added.
    pub fn add<'a, const N: usize>(
        &mut self,
        family: &Family,
        metrics: impl IntoIterator<Item = ([&'a str; N], f64)>,
    ) {
        let mut is_first = true;
        for (values, value) in metrics {
            if std::mem::take(&mut is_first) {
                self.head(family);
            }
            self.line(family.name, "", family.labels.iter().copied().zip(values), value);
        }
    }

    /// Adds the only metric of a family without labels.
    pub fn one(&mut self, family: &Family, value: f64) {
        self.add(family, [([], value)]);
    }

    /// Adds a family of histograms with one label: its value, the cumulative buckets and the sum of each.
    pub fn histograms<'a, B: IntoIterator<Item = (f64, u64)>>(
        &mut self,
        family: &Family,
        histograms: impl IntoIterator<Item = (&'a str, B, f64)>,
    ) {
        let label = family.labels.first().copied().unwrap_or_default();
        let mut is_first = true;
        for (value, buckets, sum) in histograms {
            if std::mem::take(&mut is_first) {
                self.head(family);
            }
            let mut count = 0;
            for (bound, upto) in buckets {
                count = upto;
                let bound = number(bound);
                let labels = [(label, value), ("le", bound.as_str())];
                self.line(family.name, "_bucket", labels, upto as f64);
            }
            self.line(family.name, "_sum", [(label, value)], sum);
            self.line(family.name, "_count", [(label, value)], count as f64);
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    fn head(&mut self, family: &Family) {
        let Family { name, kind, help, .. } = family;
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str()));
    }

    fn line<'a>(
        &mut self,
        name: &str,
        suffix: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.write(format_args!("{name}{suffix}"));
        let mut before = '{';
        for (label, value) in labels {
            self.write(format_args!("{before}{label}=\""));
            self.escaped(value);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        self.write(format_args!(" {}\n", number(value)));
    }

    fn escaped(&mut self, value: &str) {
        for char in value.chars() {
            match char {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a `String` never fails.
        let _ = self.text.write_fmt(what);
    }
}

fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAMILY: Family =
        Family { name: "busta_x_total", kind: Kind::Counter, labels: &["a", "b"], help: "A \\ and\nmore." };

    #[test]
    fn a_family_has_its_head_once() {
        let mut text = Text::default();
        text.add(&FAMILY, [(["1", "2"], 3.0), (["x\"y\\z\n", ""], 0.5)]);
        text.add(&FAMILY, std::iter::empty::<([&str; 2], f64)>());
        let expected = "# HELP busta_x_total A \\\\ and\\nmore.\n# TYPE busta_x_total counter\n\
            busta_x_total{a=\"1\",b=\"2\"} 3\nbusta_x_total{a=\"x\\\"y\\\\z\\n\",b=\"\"} 0.5\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn histograms_have_buckets_sum_and_count() {
        let family = Family { name: "h", kind: Kind::Histogram, labels: &["s"], help: "" };
        let mut text = Text::default();
        text.histograms(&family, [("x", [(0.5, 1), (f64::INFINITY, 3)], 4.25)]);
        let text = text.finish();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "h_bucket{s=\"x\",le=\"0.5\"} 1",
                "h_bucket{s=\"x\",le=\"+Inf\"} 3",
                "h_sum{s=\"x\"} 4.25",
                "h_count{s=\"x\"} 3"
            ]
        );
    }

    /// Reads a label's value as a parser of the format does: what follows its closing quote is the rest.
    fn unescaped(text: &str) -> (String, &str) {
        let (mut value, mut chars) = (String::new(), text.char_indices());
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => return (value, &text[at + 1..]),
                '\\' => match chars.next().unwrap().1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                '\n' => panic!("a line ends inside a label"),
                other => value.push(other),
            }
        }
        panic!("no closing quote in {text:?}")
    }

    proptest! {
        #[test]
        fn any_label_comes_out_as_it_went_in(a in "\\PC*|[\"\\\\\n{},= ]*", b in ".*") {
            let mut text = Text::default();
            text.add(&FAMILY, [([a.as_str(), b.as_str()], 1.0)]);
            let text = text.finish();
            let (_, rest) = text.split_once("busta_x_total{a=\"").unwrap();
            let (first, rest) = unescaped(rest);
            let (second, rest) = unescaped(rest.strip_prefix(",b=\"").unwrap());
            prop_assert_eq!((first, second, rest), (a, b, "} 1\n"));
        }
    }
}
