//! `icons/`: every picture of the app, from the one drawing `icons/usher.svg`.
//!
//! The drawing is a ticket. The app icon is that ticket in paper on a crimson tile, the tray icon is
//! the ticket itself on nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    diff,
    prepare::tauri,
    shell::{Outcome, root, run, target},
};

const CRIMSON: &str = "#a3233f";
const PAPER: &str = "#fdfaf6";

/// What is kept of all that the Tauri command makes, which also serves phones and shops.
const KEPT: [&str; 6] =
    ["32x32.png", "128x128.png", "128x128@2x.png", "icon.png", "icon.ico", "icon.icns"];

/// Draws them all anew.
pub fn draw() -> Outcome {
    let icons = root().join("icons");
    let drawing = read(&icons.join("usher.svg"))?;
    let ticket = ticket(&drawing).ok_or("icons/usher.svg has no path with a fill and a d")?;

    let work = target("icons");
    diff::fresh(&work)?;
    let app = work.join("app.svg");
    write(&app, &square(&ticket.replace(CRIMSON, PAPER), Some(CRIMSON), 16))?;
    run(tauri()?.arg("icon").arg(&app).arg("--output").arg(work.join("app")))?;
    for name in KEPT {
        copy(&work.join("app").join(name), &icons.join(name))?;
    }

    let tray = work.join("tray.svg");
    write(&tray, &square(ticket, None, 24))?;
    run(tauri()?.arg("icon").arg(&tray).args(["--png", "64", "--output"]).arg(work.join("tray")))?;
    copy(&work.join("tray/64x64.png"), &icons.join("tray.png"))
}

/// The one `<path …/>` of the drawing, which is 40 by 26.
fn ticket(drawing: &str) -> Option<&str> {
    let start = drawing.find("<path")?;
    let end = start + drawing[start..].find("/>")? + 2;
    let path = &drawing[start..end];
    (path.contains(CRIMSON) && path.contains(" d=")).then_some(path)
}

/// A picture of 1024 by 1024 with the ticket in its middle, on a rounded tile if there is a colour.
fn square(ticket: &str, tile: Option<&str>, scale: u32) -> String {
    let (left, top) = (512 - 20 * scale, 512 - 13 * scale);
    let tile = tile.map_or_else(String::new, |colour| {
        format!(r#"<rect x="64" y="64" width="896" height="896" rx="200" fill="{colour}"/>"#)
    });
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1024 1024" width="1024" height="1024">{tile}<g transform="translate({left} {top}) scale({scale})">{ticket}</g></svg>"#
    )
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &PathBuf, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", from.display()))
}
