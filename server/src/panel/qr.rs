//! Codes that a telephone reads, as drawings inside the page: no image is loaded, and no style is needed.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Empty squares around a code.
const QUIET: usize = 2;

/// The code of a text, as SVG without anything that a content policy forbids; none if the text is too long.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, colors) = (code.width(), code.to_colors());
    let side = width + 2 * QUIET;
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Some(format!(
        "<svg viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" aria-hidden=\"true\">\
         <path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_holds_nothing_of_its_text() {
        let drawn = svg("otpauth://totp/Berth:<script>?secret=ABC").unwrap();
        assert!(drawn.starts_with("<svg ") && !drawn.contains("script") && !drawn.contains("ABC"));
        assert!(svg(&"x".repeat(10_000)).is_none());
    }
}
