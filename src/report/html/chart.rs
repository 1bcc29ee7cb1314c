//! Line charts over time as inline SVG that stretches with the page. Labels and marks are HTML above it, so
//! that they keep their size on a phone.
//!
//! Values are reduced to at most one column per unit of `WIDTH`; a column keeps its lowest and highest value.

use super::markup::escaped;
use crate::domain::time::Timestamp;
use std::fmt::Write;

/// Width of the drawing in its own units; also the maximum number of columns.
const WIDTH: f64 = 1_000.0;
/// Height of the drawing in its own units.
const HEIGHT: f64 = 100.0;

/// The time axis that all charts of a result share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    start: Timestamp,
    end: Timestamp,
}

/// Values of a time span: its start, lowest, highest and last value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) at: Timestamp,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) close: f64,
}

/// A mark on the chart.
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) value: f64,
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) title: String,
}

/// How values are connected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Steps: a value holds until the next one.
    Steps,
    /// Straight lines.
    Straight,
    /// Filled steps that hang from zero at the top.
    Under,
}

/// A chart to render.
pub(super) struct Chart<'a> {
    pub(super) caption: String,
    pub(super) axis: Axis,
    pub(super) spans: Vec<Span>,
    pub(super) shape: Shape,
    pub(super) height_px: u32,
    pub(super) gaps: &'a [(Timestamp, Timestamp)],
    pub(super) marks: Vec<Mark>,
    /// A value drawn as a dashed line, e.g. the starting equity.
    pub(super) reference: Option<f64>,
    /// Formats the values of the axis.
    pub(super) label: &'a dyn Fn(f64) -> String,
}

impl Axis {
    /// An axis from the start to the end of a run.
    pub(super) fn new(start: Timestamp, end: Timestamp) -> Self {
        Axis { start, end }
    }

    fn x(&self, at: Timestamp) -> f64 {
        let span = (self.end - self.start).nanos();
        if span <= 0 {
            return 0.0;
        }
        (WIDTH * (at - self.start).nanos() as f64 / span as f64).clamp(0.0, WIDTH)
    }

    /// Five time labels, shown below the last chart.
    pub(super) fn labels(&self) -> String {
        let span = (self.end - self.start).nanos();
        let is_long = span > 3 * 86_400 * 1_000_000_000;
        // Labels of minutes would repeat.
        let is_short = span < 5 * 60 * 1_000_000_000;
        let labels: String = (0..5)
            .map(|i| {
                let at = self.start + crate::domain::time::Span::from_nanos(span / 4 * i);
                let text = at.to_string();
                let shown = match (is_long, is_short) {
                    (true, _) => text.get(..10),
                    (_, true) => text.get(11..19),
                    _ => text.get(5..16),
                };
                format!("<span>{}</span>", escaped(&shown.unwrap_or(&text).replace('T', " ")))
            })
            .collect();
        format!("<div class=\"axis\" aria-hidden=\"true\">{labels}</div>")
    }
}

impl Chart<'_> {
    /// The chart as a figure; empty when there are no values.
    pub(super) fn render(&self) -> String {
        let spans: Vec<Span> =
            self.spans.iter().copied().filter(|s| s.low.is_finite() && s.high.is_finite()).collect();
        if spans.is_empty() {
            return String::new();
        }
        let (low, high) = self.range(&spans);
        let y = |value: f64| HEIGHT * (high - value) / (high - low);
        let mut out = format!(
            "<figure><figcaption>{}</figcaption><div class=\"plot\" style=\"height:{}px\">",
            escaped(&self.caption),
            self.height_px
        );
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
            escaped(&self.caption)
        );
        let ticks = ticks(low, high);
        for tick in &ticks {
            let _ = write!(out, "<path class=\"grid\" d=\"M0 {0:.2}H{WIDTH}\"/>", y(*tick));
        }
        for (from, to) in self.gaps {
            let (from, to) = (self.axis.x(*from), self.axis.x(*to));
            let _ = write!(
                out,
                "<rect class=\"gap\" x=\"{from:.1}\" y=\"0\" width=\"{:.1}\" height=\"{HEIGHT}\"/>",
                (to - from).max(0.6)
            );
        }
        if let Some(reference) = self.reference {
            let _ = write!(out, "<path class=\"start\" d=\"M0 {:.2}H{WIDTH}\"/>", y(reference));
        }
        let class = if self.shape == Shape::Under { "under" } else { "line" };
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"{}\"/></svg>",
            self.path(&columns(self.axis, &spans), &y)
        );
        for tick in &ticks {
            let _ = write!(
                out,
                "<span class=\"y\" style=\"top:{:.2}%\">{}</span>",
                y(*tick),
                escaped(&(self.label)(*tick))
            );
        }
        for mark in &self.marks {
            let _ = write!(
                out,
                "<span class=\"mark {}\" style=\"left:{:.2}%;top:{:.2}%\" title=\"{}\">{}</span>",
                mark.class,
                self.axis.x(mark.at) / WIDTH * 100.0,
                y(mark.value.clamp(low, high)),
                escaped(&mark.title),
                mark.sign
            );
        }
        out.push_str("</div></figure>\n");
        out
    }

    /// The value range with some margin; never empty.
    fn range(&self, spans: &[Span]) -> (f64, f64) {
        let mut low = spans.iter().map(|s| s.low).fold(f64::INFINITY, f64::min);
        let mut high = spans.iter().map(|s| s.high).fold(f64::NEG_INFINITY, f64::max);
        if let Some(reference) = self.reference {
            (low, high) = (low.min(reference), high.max(reference));
        }
        if self.shape == Shape::Under {
            return (if low < 0.0 { low * 1.08 } else { -1.0 }, 0.0);
        }
        let air = ((high - low) * 0.06).max(high.abs() * 1e-4).max(1e-12);
        (low - air, high + air)
    }

    fn path(&self, columns: &[(f64, Span)], y: &dyn Fn(f64) -> f64) -> String {
        let mut path = String::new();
        for (i, (x, span)) in columns.iter().enumerate() {
            let (low, high, close) = (y(span.low), y(span.high), y(span.close));
            let _ = match (i, self.shape) {
                (0, Shape::Under) => write!(path, "M{x:.1} 0V{low:.2}"),
                (0, _) => write!(path, "M{x:.1} {high:.2}V{low:.2}V{close:.2}"),
                // The line stays at the previous value, then spans the column's extremes and ends at its last
                // value.
                (_, Shape::Steps) => write!(path, "H{x:.1}V{high:.2}V{low:.2}V{close:.2}"),
                (_, Shape::Under) => write!(path, "H{x:.1}V{low:.2}V{close:.2}"),
                (_, Shape::Straight) => write!(path, "L{x:.1} {high:.2}V{low:.2}V{close:.2}"),
            };
        }
        if self.shape != Shape::Straight {
            let _ = write!(path, "H{WIDTH}");
        }
        if self.shape == Shape::Under {
            path.push_str("V0Z");
        }
        path
    }
}

/// Merges neighbours that fall on the same column.
fn columns(axis: Axis, spans: &[Span]) -> Vec<(f64, Span)> {
    let mut columns: Vec<(f64, Span)> = Vec::new();
    for span in spans {
        let x = axis.x(span.at);
        match columns.last_mut() {
            Some((last_x, last)) if last_x.floor() >= x.floor() => {
                last.low = last.low.min(span.low);
                last.high = last.high.max(span.high);
                last.close = span.close;
            }
            _ => columns.push((x, *span)),
        }
    }
    columns
}

/// Three to six round values within the bounds.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = libm::pow(10.0, libm::log10(rough).floor());
    let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|s| s * power >= rough).unwrap_or(10.0);
    let first = (low / step).ceil();
    (0..8).map(|i| (first + f64::from(i)) * step).take_while(|tick| *tick <= high).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 10.0), [0.0, 5.0, 10.0]);
        assert_eq!(ticks(9_980.0, 10_120.0), [10_000.0, 10_050.0, 10_100.0]);
        assert!(ticks(1.0, 1.0).is_empty());
    }

    #[test]
    fn times_of_a_short_run_differ() {
        let start = Timestamp::parse("2026-01-01T09:43:00Z").unwrap();
        let labels = |seconds: i64| {
            Axis::new(start, Timestamp::from_nanos(start.nanos() + seconds * 1_000_000_000)).labels()
        };
        let short = labels(120);
        for shown in ["09:43:00", "09:43:30", "09:44:00", "09:44:30", "09:45:00"] {
            assert_eq!(short.matches(&format!(">{shown}<")).count(), 1, "{short}");
        }
        assert!(labels(3_600).contains(">01-01 09:58<"));
    }

    #[test]
    fn columns_keep_extremes() {
        let axis = Axis::new(Timestamp::from_seconds(0), Timestamp::from_seconds(1_000_000));
        let at = |second| Timestamp::from_seconds(second);
        let spans: Vec<Span> = (0..10_000)
            .map(|i| Span { at: at(i * 100), low: -(i as f64), high: i as f64, close: 0.5 })
            .collect();
        let columns = columns(axis, &spans);
        assert!(columns.len() <= 1_001);
        assert!(
            columns.iter().any(|(_, s)| s.high >= 9_999.0) && columns.iter().any(|(_, s)| s.low <= -9_999.0)
        );
    }

    #[test]
    fn one_flat_value_draws_without_dividing_by_zero() {
        let at = Timestamp::from_seconds(5);
        let chart = Chart {
            caption: "<b>".to_owned(),
            axis: Axis::new(at, at),
            spans: vec![Span { at, low: 0.0, high: 0.0, close: 0.0 }],
            shape: Shape::Steps,
            height_px: 100,
            gaps: &[],
            marks: Vec::new(),
            reference: Some(0.0),
            label: &|v| v.to_string(),
        };
        let html = chart.render();
        assert!(html.contains("&lt;b&gt;") && !html.contains("NaN") && !html.contains("inf"), "{html}");
    }
}
