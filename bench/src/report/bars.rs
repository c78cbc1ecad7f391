//! Throughput, side by side: a bar a contender.

use plotters::prelude::*;

use crate::harness::Row;
use crate::report::plots::{Area, Drawn, FONT, INK};

/// Each bench once, in order.
pub fn bench_names<'a>(rows: &[&'a Row]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.bench.as_str()) {
            names.push(&row.bench);
        }
    }
    names
}

/// A group a bench, a bar a contender.
pub fn bars(area: &Area<'_>, rows: &[&Row], benches: &[&str]) -> Drawn {
    const LEFT: i32 = 190;
    const RIGHT: i32 = 640;
    let text = (FONT, 13).into_font().color(&INK);
    let bold = (FONT, 14).into_font().style(FontStyle::Bold).color(&INK);
    let mut y = 18;
    for bench in benches {
        let group: Vec<&&Row> = rows.iter().filter(|row| row.bench == *bench).collect();
        let crowded = group.first().is_some_and(|row| row.topology.contains(crate::topologies::CROWDED));
        let mark =
            if crowded { "  (needs more cores than here are: the scheduler is measured too)" } else { "" };
        area.draw(&Text::new(format!("{bench}{mark}"), (12, y), bold.clone()))?;
        y += 24;
        let most = group.iter().map(|row| row.max).fold(0.0, f64::max).max(1e-9);
        let ours = group.iter().find(|row| row.contender == "slipring");
        let place = |value: f64| LEFT + (f64::from(RIGHT - LEFT) * value / most) as i32;
        for row in &group {
            let colour = match row.contender.as_str() {
                "slipring" => RGBColor(31, 111, 180),
                // Ours too, in another way.
                other if other.starts_with("slipring-") => RGBColor(110, 165, 215),
                other if other.starts_with("bound") => RGBColor(190, 196, 204),
                _ => RGBColor(140, 160, 185),
            };
            area.draw(&Text::new(row.contender.clone(), (24, y + 2), text.clone()))?;
            area.draw(&Rectangle::new(
                [(LEFT, y), (place(row.median).max(LEFT + 1), y + 16)],
                colour.filled(),
            ))?;
            area.draw(&PathElement::new(
                [(place(row.min), y + 8), (place(row.max), y + 8)],
                INK.stroke_width(1),
            ))?;
            let mut words = format!("{} M/s ({} to {})", row.median, row.min, row.max);
            if let Some(ratio) = ours.and_then(|ours| ours.ratio.get(&row.contender)) {
                words += &format!(", slipring {ratio:.2}x of it");
            }
            area.draw(&Text::new(words, (RIGHT + 12, y + 2), text.clone()))?;
            y += 24;
        }
        y += 16;
    }
    Ok(())
}
