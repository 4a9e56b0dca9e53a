//! Names of tiles and entry bundles (c2sp.org/tlog-tiles), and which of them a tree has.

use std::fmt;

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;
/// Highest level of a tile: 256^8 leaves are 2^64.
pub const MAX_LEVEL: u8 = 7;

/// The content of a tile.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TileKind {
    /// The leaves themselves, each after its length as a big-endian `u16`.
    Entries,
    /// Hashes at this level: leaf hashes at 0, roots of full tiles of the level below from 1 on.
    Level(u8),
}

/// A tile's name. Full unless it has a width.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TilePath {
    /// The kind of its content.
    pub kind: TileKind,
    /// Its place among its kind.
    pub index: u64,
    /// 1 to 255 for a partial tile.
    pub width: Option<u8>,
}

impl TilePath {
    /// A full tile.
    pub const fn full(kind: TileKind, index: u64) -> Self {
        Self { kind, index, width: None }
    }

    /// Index of the leaf behind the last one that it covers; a tree of that size has it.
    pub fn leaves_end(self) -> u64 {
        let hashes = self.index.saturating_mul(WIDTH).saturating_add(self.width.map_or(WIDTH, u64::from));
        hashes.checked_shl(8 * self.kind.level() as u32).unwrap_or(u64::MAX)
    }

    /// Reads `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`. One name has one spelling; everything else, and so
    /// every attempt at another folder, is `None`.
    pub fn parse(path: &str) -> Option<Self> {
        if path.len() > 64 {
            return None;
        }
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Level(decimal(level).filter(|level| *level <= MAX_LEVEL)?),
        };
        let (digits, width) = match rest.split_once(".p/") {
            Some((digits, width)) => (digits, Some(decimal(width).filter(|width| *width != 0)?)),
            None => (rest, None),
        };
        let index = parse_index(digits)?;
        // The tile's first leaf must have a 64-bit index.
        if index >> (56 - 8 * kind.level() as u32) != 0 {
            return None;
        }
        Some(Self { kind, index, width })
    }
}

impl TileKind {
    /// The level; entries stand under level 0.
    pub const fn level(self) -> u8 {
        match self {
            Self::Entries => 0,
            Self::Level(level) => level,
        }
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Level(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = Vec::with_capacity(7);
        let mut rest = self.index;
        loop {
            groups.push(rest % 1000);
            rest /= 1000;
            if rest == 0 {
                break;
            }
        }
        for group in groups[1..].iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        self.width.map_or(Ok(()), |width| write!(f, ".p/{width}"))
    }
}

fn decimal(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn parse_index(digits: &str) -> Option<u64> {
    let mut index = 0u64;
    let mut groups = digits.split('/').peekable();
    let mut is_first = true;
    while let Some(group) = groups.next() {
        let group = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if is_first && groups.peek().is_some() && group == "000" {
            return None;
        }
        is_first = false;
        index = index.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
    }
    Some(index)
}

/// How many hashes (or entries) the tile `index` of `kind` has in a tree of `size` leaves, 0 to 256.
pub fn width_in(kind: TileKind, index: u64, size: u64) -> u64 {
    let hashes = size.checked_shr(8 * kind.level() as u32).unwrap_or(0);
    hashes.saturating_sub(index.saturating_mul(WIDTH)).min(WIDTH)
}

/// The partial tiles at the right edge of a tree of `size` leaves, entries first.
pub fn partials(size: u64) -> Vec<TilePath> {
    let kinds = std::iter::once(TileKind::Entries).chain((0..=MAX_LEVEL).map(TileKind::Level));
    kinds
        .filter_map(|kind| {
            let hashes = size >> (8 * kind.level() as u32);
            let width = (hashes % WIDTH) as u8;
            (width != 0).then_some(TilePath { kind, index: hashes / WIDTH, width: Some(width) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        for (name, kind, index, width) in [
            ("tile/0/000", TileKind::Level(0), 0, None),
            ("tile/0/000.p/1", TileKind::Level(0), 0, Some(1)),
            ("tile/1/x001/x234/067", TileKind::Level(1), 1_234_067, None),
            ("tile/1/x001/x234/067.p/255", TileKind::Level(1), 1_234_067, Some(255)),
            ("tile/entries/999", TileKind::Entries, 999, None),
            ("tile/entries/x001/000", TileKind::Entries, 1000, None),
            ("tile/7/000.p/3", TileKind::Level(7), 0, Some(3)),
        ] {
            let path = TilePath { kind, index, width };
            assert_eq!(TilePath::parse(name), Some(path), "{name}");
            assert_eq!(path.to_string(), name);
        }
    }

    #[test]
    fn other_names_are_nobodys() {
        for name in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/8/000",
            "tile/00/000",
            "tile/+1/000",
            "tile/-1/000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/../000",
            "tile/../checkpoint",
            "tile/entries/../000",
            "tile//000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/0/000.p/1/",
            "tile/0/٠٠٠",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x072/x057/x594/x037/x927/936",
            "tile/7/001",
            "tile/6/256",
        ] {
            assert_eq!(TilePath::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_specifications_example_of_70000_leaves() {
        let names: Vec<String> = partials(70_000).iter().map(TilePath::to_string).collect();
        assert_eq!(names, ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        assert_eq!(TilePath::full(TileKind::Level(1), 0).leaves_end(), 65_536);
        assert_eq!(partials(70_000)[1].leaves_end(), 70_000);
        assert_eq!(width_in(TileKind::Level(0), 272, 70_000), 256);
        assert_eq!(width_in(TileKind::Level(0), 273, 70_000), 112);
        assert_eq!(width_in(TileKind::Level(0), 274, 70_000), 0);
        assert_eq!(width_in(TileKind::Level(1), 0, 70_000), 256);
        assert_eq!(partials(256).iter().map(TilePath::to_string).collect::<Vec<_>>(), ["tile/1/000.p/1"]);
        assert_eq!(partials(0), []);
    }
}
