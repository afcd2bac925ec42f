//! The cities of the world as a map of letters.

/// Shades by how many cities share a cell: none, one, and then by powers of four.
const SHADES: &[char] = &[' ', '.', ':', 'o', '@'];

/// The map's upper and lower edge, in degrees; no city lies beyond.
const NORTH: f64 = 75.0;
const SOUTH: f64 = -56.0;

/// Draws cities, given by latitude and longitude, on a map of so many columns.
pub fn draw(columns: u16, places: &[(f64, f64)]) -> String {
    let columns = usize::from(columns).max(1);
    // A character is about twice as high as it is wide.
    let rows = (columns as f64 * (NORTH - SOUTH) / 360.0 / 2.0).ceil() as usize;
    let mut cells = vec![0_u32; rows * columns];
    for (latitude, longitude) in places {
        let row = ((NORTH - latitude) / (NORTH - SOUTH) * rows as f64) as usize;
        let column = ((longitude + 180.0) / 360.0 * columns as f64) as usize;
        cells[row.min(rows - 1) * columns + column.min(columns - 1)] += 1;
    }
    let mut map = String::with_capacity(rows * (columns + 1));
    for row in cells.chunks(columns) {
        let line: String = row.iter().map(|cities| shade(*cities)).collect();
        map.push_str(line.trim_end());
        map.push('\n');
    }
    map
}

fn shade(cities: u32) -> char {
    let step = cities.checked_ilog(4).map_or(0, |power| power as usize + 1);
    SHADES[step.min(SHADES.len() - 1)]
}
