//! Latency over time: one run of each column, with the rolls and the stalls that explain its peaks.

use plotters::prelude::*;

use crate::latency::{Cell, MOST_SHOWN};
use crate::report::plots::{Area, Drawn, FAINT, FONT, INK, colour, name};
use crate::stalls::Kind;
use crate::stats::human_ns;

fn shade(kind: Kind) -> RGBAColor {
    match kind {
        Kind::Host => RGBColor(150, 150, 160).mix(0.3),
        Kind::Switched => RGBColor(240, 180, 60).mix(0.35),
        Kind::Faulted | Kind::Blocked => RGBColor(220, 40, 160).mix(0.35),
    }
}

/// What is drawn, and what is not.
pub fn caption(cells: &[&Cell]) -> String {
    let most = cells.iter().map(|cell| cell.series.stalls_in_all).max().unwrap_or(0);
    let not_all = if most > MOST_SHOWN {
        format!(" Only the {MOST_SHOWN} longest stalls of a run are drawn; there were up to {most}.")
    } else {
        String::new()
    };
    format!(
        "Dots: the slowest event of each slice of time. Line: its median. Dashed, upright: a new segment begins. Stalls of \
         both threads: grey, the host had the core; yellow, another thread had it, which with a journal may be \
         slipring's own threads; pink, the thread took page faults or blocked.{not_all}"
    )
}

/// A panel a column: the slowest and the median of each slice, rolls, and stalls by kind.
pub fn over_time(area: &Area<'_>, cells: &[&Cell]) -> Drawn {
    let series = || cells.iter().map(|cell| &cell.series);
    let high = series().flat_map(|s| &s.slices).map(|slice| slice.max_ns as f64).fold(1e3, f64::max) * 1.5;
    let low = series().flat_map(|s| &s.slices).map(|slice| slice.p50_ns as f64).fold(high, f64::min) * 0.6;
    let (_, body) = area.split_vertically(10);
    for (panel, cell) in body.split_evenly((cells.len(), 1)).iter().zip(cells) {
        let colour = colour(cell.column.name(), cell.contender);
        let end = cell.series.slices.last().map_or(1.0, |slice| slice.at_ms.max(1.0));
        let mut chart = ChartBuilder::on(panel)
            .margin(6)
            .margin_right(20)
            .caption(name(cell), (FONT, 15).into_font().color(&colour))
            .x_label_area_size(26)
            .y_label_area_size(88)
            .build_cartesian_2d(0.0..end, (low..high).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(INK)
            .label_style((FONT, 12).into_font().color(&INK))
            .x_label_formatter(&|ms| format!("{ms:.0} ms"))
            .y_labels(6)
            .y_desc("latency")
            .y_label_formatter(&|ns| human_ns(*ns))
            .draw()?;
        chart.draw_series(cell.series.stalls.iter().map(|stall| {
            let until = (stall.at_ms + stall.stall_ns as f64 / 1e6).max(stall.at_ms + end / 900.0).min(end);
            Rectangle::new([(stall.at_ms.min(end), low), (until, high)], shade(stall.kind).filled())
        }))?;
        for at in &cell.series.rolls_ms {
            let line = [(*at, low), (*at, high)];
            chart.draw_series(DashedLineSeries::new(line, 6, 4, INK.stroke_width(2)))?;
        }
        let slices = &cell.series.slices;
        chart.draw_series(
            slices.iter().map(|slice| Circle::new((slice.at_ms, slice.max_ns as f64), 2, colour.filled())),
        )?;
        chart.draw_series(LineSeries::new(
            slices.iter().map(|slice| (slice.at_ms, slice.p50_ns as f64)),
            INK.stroke_width(1),
        ))?;
    }
    Ok(())
}
