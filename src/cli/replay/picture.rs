//! The calls of each hour as a small SVG: above the line by the tried settings, below it what really was.

use std::fmt::Write;

use super::report::Report;
use crate::plant::Micros;
use crate::tongue::told;

const HOUR: i64 = 3_600_000_000;
/// More hours than this share a bar.
const MOST_BARS: i64 = 240;
const HEIGHT: f64 = 90.0;

pub(super) fn svg(report: &Report<'_>) -> String {
    let first = report.span.0.0.div_euclid(HOUR);
    let hours = report.span.1.0.div_euclid(HOUR) - first + 1;
    let each = (hours + MOST_BARS - 1) / MOST_BARS;
    let bars = (hours + each - 1) / each;
    let sum = |calls: &dyn Fn(Micros) -> u64, bar: i64| -> u64 {
        (0..each).map(|n| calls(Micros((first + bar * each + n) * HOUR))).sum()
    };
    let tried = |at: Micros| report.outcome.hours.at(at);
    let really = |at: Micros| report.really.map_or(0, |r| r.hours.at(at));
    let most = (0..bars).map(|b| sum(&tried, b).max(sum(&really, b))).max().unwrap_or(0).max(1);
    let width = 720.0 / bars as f64;
    let heading = format!(
        "{} – {}: calls per {each} h, at most {most}; above these settings {}, below really {}",
        report.span.0.rfc3339(),
        report.span.1.rfc3339(),
        report.outcome.calls,
        report.really.map_or_else(|| "not known".to_owned(), |r| r.calls.to_string()),
    );
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 250\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"760\" height=\"250\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"16\">{}</text>\n",
        told(&heading)
    );
    for bar in 0..bars {
        let x = 20.0 + bar as f64 * width;
        for (calls, up, colour) in
            [(sum(&tried, bar), true, "#b45309"), (sum(&really, bar), false, "#475569")]
        {
            if calls == 0 {
                continue;
            }
            let height = HEIGHT * calls as f64 / most as f64;
            let y = if up { 130.0 - height } else { 131.0 };
            let _ = writeln!(
                text,
                "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{:.2}\" height=\"{height:.2}\" fill=\"{colour}\"/>",
                (width - 1.0).max(0.5)
            );
        }
    }
    text.push_str("<line x1=\"20\" y1=\"130.5\" x2=\"740\" y2=\"130.5\" stroke=\"#0f172a\"/>\n</svg>\n");
    text
}
