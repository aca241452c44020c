//! Throughput and memory over the number of workers, as an SVG that follows the reader's dark or light
//! setting.

use std::fmt::Write;

use super::results::{Measurement, Results, ScenarioResult};

const WIDTH: f64 = 860.0;
/// A scenario's title and its two panels.
const ROW: f64 = 250.0;
const HEAD: f64 = 44.0;
/// Of a panel: where it stands in its row, and how large it is without its labels.
const LEFT: [f64; 2] = [70.0, 500.0];
const TOP: f64 = 44.0;
const PANEL: (f64, f64) = (330.0, 140.0);
/// So many lines across a panel.
const LINES: u32 = 4;

const STYLE: &str = "\
  svg{--back:#fff;--text:#1f2328;--dim:#59636e;--line:#d1d9e0;--rate:#0969da;--memory:#8250df}
  @media(prefers-color-scheme:dark){svg{--back:#0d1117;--text:#f0f6fc;--dim:#9198a1;--line:#3d444d;--rate:#58a6ff;--memory:#d2a8ff}}
  .back{fill:var(--back)}
  text{font:12px system-ui,sans-serif;fill:var(--dim)}
  .title{font-size:15px;font-weight:600;fill:var(--text)}
  .name{font-size:13px;font-weight:600;fill:var(--text)}
  .grid{stroke:var(--line);stroke-width:1}
  .knee{stroke:var(--dim);stroke-width:1;stroke-dasharray:4 3}
  .rate,.memory{fill:none;stroke-width:2;stroke:var(--rate)}
  .memory{stroke:var(--memory)}
  circle.rate{fill:var(--rate)} circle.memory{fill:var(--memory)}
  .end{text-anchor:end} .middle{text-anchor:middle}
";

/// The plot: a row for each scenario with more than one number of workers.
pub fn svg(results: &Results) -> String {
    let rows: Vec<&ScenarioResult> =
        results.scenarios.iter().filter(|scenario| scenario.measurements.len() > 1).collect();
    let height = HEAD + ROW * rows.len().max(1) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>busta bench {}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"20\" y=\"28\">busta bench {}: throughput and memory over workers</text>\n",
        escaped(&results.suite),
        escaped(&results.suite),
    );
    if rows.is_empty() {
        svg.push_str("<text x=\"20\" y=\"70\">Only one number of workers was measured.</text>\n");
    }
    for (index, scenario) in rows.iter().enumerate() {
        svg.push_str(&row(scenario, HEAD + ROW * index as f64));
    }
    svg.push_str("</svg>\n");
    svg
}

/// One curve: what is drawn, its unit, its values with their lower and upper ends.
struct Curve<'a> {
    class: &'a str,
    axis: String,
    points: Vec<(f64, [f64; 3])>,
}

fn row(scenario: &ScenarioResult, top: f64) -> String {
    let title = format!("{}: {}, into {}", scenario.name, scenario.title, scenario.destination);
    let mut svg = format!("<text class=\"name\" x=\"20\" y=\"{}\">{}</text>\n", top + 18.0, escaped(&title));
    for (curve, left) in [throughput(scenario), memory(scenario)].iter().zip(LEFT) {
        svg.push_str(&panel(curve, scenario.recommended_workers as f64, left, top + TOP));
    }
    svg
}

fn throughput(scenario: &ScenarioResult) -> Curve<'static> {
    let rate = |m: &Measurement, time: f64| m.records as f64 / time.max(1e-9);
    let points = scenario.measurements.iter().map(|m| {
        let rates = [m.wall_s.median, m.wall_s.max, m.wall_s.min].map(|time| rate(m, time));
        (m.workers as f64, rates)
    });
    Curve { class: "rate", axis: "records/s".to_owned(), points: points.collect() }
}

fn memory(scenario: &ScenarioResult) -> Curve<'static> {
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let points = scenario.measurements.iter().map(|m| {
        let peak = m.peak_rss_bytes;
        (m.workers as f64, [peak.median, peak.min, peak.max].map(mib))
    });
    Curve { class: "memory", axis: "peak memory, MiB".to_owned(), points: points.collect() }
}

fn panel(curve: &Curve<'_>, knee: f64, left: f64, top: f64) -> String {
    let (width, height) = PANEL;
    let highest = curve.points.iter().map(|(_, [.., high])| *high).fold(0.0, f64::max);
    let step = nice(highest / f64::from(LINES));
    let full = (highest / step).ceil().max(1.0) * step;
    let workers = || curve.points.iter().map(|(workers, _)| workers.ln());
    let (least, most) = (workers().fold(f64::MAX, f64::min), workers().fold(0.0, f64::max));
    // Each doubling is as wide; the first and the last keep off the edges.
    let x = |workers: f64| {
        left + width * (0.05 + 0.9 * (workers.ln() - least) / (most - least).max(f64::MIN_POSITIVE))
    };
    let y = |value: f64| top + height * (1.0 - value / full);
    let mut svg = String::new();
    // Writing to a text cannot fail.
    let out = &mut svg;
    let _ = writeln!(out, "<text x=\"{left}\" y=\"{:.1}\">{}</text>", top - 8.0, curve.axis);
    for line in 0..=(full / step).round() as u32 {
        let value = f64::from(line) * step;
        let (at, end) = (y(value), left + width);
        let _ = writeln!(out, "<path class=\"grid\" d=\"M{left} {at:.1}H{end}\"/>");
        let label = short(value);
        let _ =
            writeln!(out, "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{label}</text>", left - 8.0, at + 4.0);
    }
    let _ = writeln!(
        out,
        "<path class=\"knee\" d=\"M{:.1} {top}V{:.1}\"><title>recommended</title></path>",
        x(knee),
        top + height
    );
    let line: Vec<String> = curve
        .points
        .iter()
        .map(|(workers, [middle, ..])| format!("{:.1} {:.1}", x(*workers), y(*middle)))
        .collect();
    let class = curve.class;
    let _ = writeln!(out, "<path class=\"{class}\" d=\"M{}\"/>", line.join("L"));
    for (workers, [middle, low, high]) in &curve.points {
        let at = x(*workers);
        let _ = writeln!(out, "<path class=\"{class}\" d=\"M{at:.1} {:.1}V{:.1}\"/>", y(*low), y(*high));
        let _ =
            writeln!(out, "<circle class=\"{class}\" cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3.5\"/>", y(*middle));
        let _ = writeln!(
            out,
            "<text class=\"middle\" x=\"{at:.1}\" y=\"{:.1}\">{workers}</text>",
            top + height + 16.0
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"middle\" x=\"{:.1}\" y=\"{:.1}\">workers, logarithmic (dashed: {knee} recommended)</text>",
        left + width / 2.0,
        top + height + 34.0
    );
    svg
}

/// The next step of 1, 2 or 5 times a power of ten.
fn nice(step: f64) -> f64 {
    if step <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].map(|n| n * power).into_iter().find(|nice| *nice >= step).unwrap_or(10.0 * power)
}

/// `250k`, `1.5M`.
fn short(value: f64) -> String {
    let (value, unit) = match value {
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e4 => (v / 1e3, "k"),
        v => (v, ""),
    };
    format!("{}{unit}", (value * 100.0).round() / 100.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn the_plot() {
        insta::assert_snapshot!(svg(&results()));
    }

    #[test]
    fn steps_are_those_that_people_count_in() {
        assert_eq!([0.0, 0.7, 1.0, 3.0, 51.0, 1200.0].map(nice), [1.0, 1.0, 1.0, 5.0, 100.0, 2000.0]);
        assert_eq!([0.0, 2.5, 9000.0, 15_000.0, 2.5e6].map(short), ["0", "2.5", "9000", "15k", "2.5M"]);
    }

    #[test]
    fn names_cannot_break_the_document() {
        let mut results = results();
        results.scenarios[0].title = "a < b & c".to_owned();
        assert!(svg(&results).contains("a &lt; b &amp; c"));
    }

    #[test]
    fn one_number_of_workers_is_no_curve() {
        let mut results = results();
        results.scenarios[0].measurements.truncate(1);
        assert!(svg(&results).contains("Only one number of workers"));
    }
}
