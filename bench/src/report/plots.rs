//! The pictures, as SVG; latency over time and the bars have files of their own.

use hdrhistogram::Histogram;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::harness::Row;
use crate::latency::Cell;
use crate::latency::judge::Judged;
use crate::report::bars::{bars, bench_names};
use crate::report::over_time::{self, over_time};
use crate::report::{Findings, Picture};
use crate::stats::{human_ns, human_rate};

pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: u32 = 960;

/// Pixels to the right of curves that run all over their picture: their names stand there.
const NAMES: u32 = 180;

pub(super) const INK: RGBColor = RGBColor(40, 44, 52);
pub(super) const FAINT: RGBColor = RGBColor(225, 228, 232);
pub(super) const FONT: &str = "sans-serif";

/// One colour for whoever has a [`name`] of its own, the same in every picture.
pub(super) fn colour(column: &str, contender: &str) -> RGBColor {
    match (column, contender) {
        (_, "disruptor") => RGBColor(120, 124, 130),
        (_, "disruptor-log-mapped") => RGBColor(214, 150, 20),
        (_, "disruptor-log-written") => RGBColor(150, 105, 75),
        ("ring", _) => RGBColor(31, 111, 180),
        ("beside", _) => RGBColor(44, 150, 60),
        ("journalled", _) => RGBColor(208, 60, 48),
        _ => RGBColor(130, 90, 180),
    }
}

pub(super) fn name(cell: &Cell) -> String {
    match cell.contender {
        "disruptor" => "raw disruptor".to_owned(),
        "disruptor-log-mapped" => "home-made log, mapped".to_owned(),
        "disruptor-log-written" => "home-made log, written".to_owned(),
        _ => cell.column.name().to_owned(),
    }
}

/// Whatever there are figures for.
pub fn all(findings: &Findings) -> Result<Vec<Picture>, Box<dyn std::error::Error>> {
    let mut pictures = Vec::new();
    let cells = &findings.latency.cells;
    let usual = |cell: &&Cell| cell.variant.is_empty();
    let at_usual: Vec<&Cell> =
        cells.iter().filter(usual).filter(|cell| cell.rate == crate::latency::USUAL_RATE).collect();
    if !at_usual.is_empty() {
        pictures.push(Picture {
            name: "latency-percentiles.svg",
            title: "Latency by percentile at 1 M events/s".into(),
            caption: "Solid: as measured. Dashed: outside the host's stalls. Both axes are logarithmic; each step to \
                      the right is ten times rarer."
                .into(),
            svg: draw(WIDTH, 480, |area| percentiles(area, &at_usual))?,
        });
        let height = 40 + 190 * at_usual.len() as u32;
        pictures.push(Picture {
            name: "latency-over-time.svg",
            title: "Latency over time at 1 M events/s, one run".into(),
            caption: over_time::caption(&at_usual),
            svg: draw(WIDTH, height, |area| over_time(area, &at_usual))?,
        });
        let curve: Vec<&Cell> = cells.iter().filter(usual).collect();
        pictures.push(Picture {
            name: "latency-by-rate.svg",
            title: "Latency as the rate rises".into(),
            caption: "Solid: p50, dashed: p99, both as measured. Thin and dotted: p99 outside the host's stalls. The knee is \
                      where a curve turns up; rates far beyond it are not run."
                .into(),
            svg: draw(WIDTH, 480, |area| by_rate(area, &curve))?,
        });
    }
    let throughput: Vec<&Row> = findings.rows.iter().filter(|row| row.metric == "throughput").collect();
    if !throughput.is_empty() {
        let benches = bench_names(&throughput);
        let height = 20 + (benches.len() * 40 + throughput.len() * 24) as u32;
        pictures.push(Picture {
            name: "throughput.svg",
            title: "Throughput, side by side".into(),
            caption: "Each group has its own scale. The bar is the median, the thin line the range of all rounds; beside \
                      it how many times slipring's figure it is."
                .into(),
            svg: draw(WIDTH, height, |area| bars(area, &throughput, &benches))?,
        });
    }
    if !findings.jitter.is_empty() {
        pictures.push(Picture {
            name: "jitter.svg",
            title: "What the machine does to a thread that only looks at the clock".into(),
            caption: "Time between two looks, by percentile of looks.".into(),
            svg: draw(WIDTH, 360, |area| jitter(area, findings))?,
        });
    }
    Ok(pictures)
}

fn draw(
    width: u32,
    height: u32,
    paint: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        area.fill(&WHITE)?;
        paint(&area)?;
        area.present()?;
    }
    Ok(svg)
}

/// Points of a percentile curve: 1/(1-q), nanoseconds.
fn curve(histogram: &hdrhistogram::Histogram<u64>) -> Vec<(f64, f64)> {
    let total = histogram.len() as f64;
    if histogram.is_empty() {
        return Vec::new();
    }
    let mut points: Vec<(f64, f64)> = histogram
        .iter_quantiles(8)
        .filter(|step| step.quantile_iterated_to() > 0.0)
        .map(|step| {
            (1.0 / (1.0 - step.quantile_iterated_to()).max(1.0 / total), step.value_iterated_to() as f64)
        })
        .collect();
    points.dedup_by(|a, b| a.0 == b.0);
    points
}

fn percent_label(times: f64) -> String {
    match times {
        t if t < 1.5 => "0%".to_owned(),
        t => {
            let digits = (t.log10().round() as usize).saturating_sub(2);
            format!("{:.digits$}%", 100.0 * (1.0 - 1.0 / t))
        }
    }
}

fn bounds(lines: &[Vec<(f64, f64)>]) -> (f64, f64, f64) {
    let all = || lines.iter().flatten();
    let right = all().map(|p| p.0).fold(10.0, f64::max);
    let low = all().map(|p| p.1).fold(f64::INFINITY, f64::min).max(1.0);
    let high = all().map(|p| p.1).fold(low, f64::max);
    (right, low * 0.7, high * 1.6)
}

fn percentiles(area: &Area<'_>, cells: &[&Cell]) -> Drawn {
    let lines: Vec<Vec<(f64, f64)>> =
        cells.iter().flat_map(|cell| [curve(&cell.judged.all), curve(&cell.judged.outside_host)]).collect();
    let (right, low, high) = bounds(&lines);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(30)
        .x_label_area_size(42)
        .y_label_area_size(88)
        .build_cartesian_2d((1.0..right).log_scale(), (low..high).log_scale())?;
    mesh(&mut chart, "percentile", "latency", &percent_label)?;
    for (cell, pair) in cells.iter().zip(lines.chunks(2)) {
        let colour = colour(cell.column.name(), cell.contender);
        chart.draw_series(DashedLineSeries::new(pair[1].clone(), 5, 4, colour.mix(0.75).stroke_width(1)))?;
        chart
            .draw_series(LineSeries::new(pair[0].clone(), colour.stroke_width(2)))?
            .label(name(cell))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
    }
    // Curves rise to the right, and one that waits for the disk begins high.
    legend(&mut chart, SeriesLabelPosition::LowerRight)
}

fn by_rate(area: &Area<'_>, cells: &[&Cell]) -> Drawn {
    let mut names: Vec<(String, RGBColor)> = Vec::new();
    for cell in cells {
        let entry = (name(cell), colour(cell.column.name(), cell.contender));
        if !names.contains(&entry) {
            names.push(entry);
        }
    }
    let line = |who: &str, of: fn(&Judged) -> &Histogram<u64>, quantile: f64| -> Vec<(f64, f64)> {
        // What is left where the host's stalls were all there is says nothing.
        let mine = cells.iter().filter(|cell| name(cell) == who && !of(&cell.judged).is_empty());
        mine.map(|cell| (cell.rate, of(&cell.judged).value_at_quantile(quantile) as f64)).collect()
    };
    let lines: Vec<Vec<(f64, f64)>> = names
        .iter()
        .flat_map(|(who, _)| {
            let outside = line(who, |judged| &judged.outside_host, 0.99);
            [line(who, |judged| &judged.all, 0.5), line(who, |judged| &judged.all, 0.99), outside]
        })
        .collect();
    let (right, low, high) = bounds(&lines);
    let left = cells.iter().map(|cell| cell.rate).fold(right, f64::min);
    let (curves, beside) = area.split_horizontally(WIDTH - NAMES);
    let mut chart = ChartBuilder::on(&curves)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(88)
        .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
    mesh(&mut chart, "events due a second", "latency", &|rate| human_rate(rate))?;
    for ((row, (who, colour)), pair) in (0..).zip(names).zip(lines.chunks(3)) {
        chart.draw_series(DashedLineSeries::new(pair[2].clone(), 1, 3, colour.mix(0.8).stroke_width(1)))?;
        chart.draw_series(DashedLineSeries::new(pair[1].clone(), 5, 4, colour.stroke_width(1)))?;
        chart.draw_series(pair[0].iter().map(|at| Circle::new(*at, 3, colour.filled())))?;
        chart.draw_series(LineSeries::new(pair[0].clone(), colour.stroke_width(2)))?;
        let y = 24 + 18 * row;
        beside.draw(&PathElement::new([(0, y), (22, y)], colour.stroke_width(3)))?;
        let style = (FONT, 13).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        beside.draw(&Text::new(who, (28, y), style))?;
    }
    Ok(())
}

fn jitter(area: &Area<'_>, findings: &Findings) -> Drawn {
    let lines: Vec<Vec<(f64, f64)>> = findings.jitter.iter().map(|core| curve(&core.jumps)).collect();
    let (right, low, high) = bounds(&lines);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(30)
        .x_label_area_size(42)
        .y_label_area_size(88)
        .build_cartesian_2d((1.0..right).log_scale(), (low..high).log_scale())?;
    mesh(&mut chart, "percentile of looks", "time between two looks", &percent_label)?;
    for ((core, line), colour) in findings.jitter.iter().zip(lines).zip(Palette99::COLORS.iter().cycle()) {
        let colour = RGBColor(colour.0, colour.1, colour.2);
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(format!("core {}", core.core))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)
}

type LogChart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::combinators::LogCoord<f64>, plotters::coord::combinators::LogCoord<f64>>,
>;

fn mesh<'a, 'b: 'a>(chart: &mut LogChart<'a, 'b>, x: &str, y: &str, label: &dyn Fn(f64) -> String) -> Drawn {
    let decades = |text: &dyn Fn(f64) -> String, at: f64| {
        // Only whole decades are labelled; between them lie lines.
        let log = at.log10();
        if (log - log.round()).abs() < 1e-6 { text(at) } else { String::new() }
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(INK)
        .x_desc(x)
        .y_desc(y)
        .label_style((FONT, 13).into_font().color(&INK))
        .x_labels(8)
        .y_labels(10)
        .x_label_formatter(&|at| decades(label, *at))
        .y_label_formatter(&|at| decades(&|ns| human_ns(ns), *at))
        .draw()?;
    Ok(())
}

fn legend<'a, 'b: 'a>(chart: &mut LogChart<'a, 'b>, position: SeriesLabelPosition) -> Drawn {
    chart
        .configure_series_labels()
        .position(position)
        .margin(10)
        .legend_area_size(28)
        .background_style(WHITE.mix(0.85))
        .border_style(FAINT)
        .label_font((FONT, 13).into_font().color(&INK))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_labelled_as_people_say_them() {
        let labels: Vec<String> = [1.0, 10.0, 100.0, 1e3, 1e4].into_iter().map(percent_label).collect();
        assert_eq!(labels, ["0%", "90%", "99%", "99.9%", "99.99%"]);
    }

    #[test]
    fn a_curve_ends_at_the_rarest_event() {
        let mut histogram = crate::stats::histogram();
        (1..=1_000).for_each(|value| histogram.record(value).expect("in bounds"));
        let curve = curve(&histogram);
        assert_eq!(curve.last().map(|point| point.0), Some(1_000.0));
        assert!(curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
    }
}
