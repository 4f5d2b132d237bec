//! Chance that comes from a seed alone, and values that are seldom what one expects.

use serde_json::{Map, Value, json};

pub(crate) struct Chance(u64);

impl Chance {
    /// Neighboring seeds have nothing in common.
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Self(seed);
        Self(chance.next() ^ seed.rotate_left(32))
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

const TEXTS: [&str; 24] = [
    "",
    " ",
    "a",
    "abc",
    "Hello, World",
    "  padded\t",
    "one two three four",
    "a,b,,c",
    "<b>bold</b> & 'quoted' \"twice\"",
    "line\nbreak\r\nand\n",
    "ünïcödé ß",
    "日本語",
    "👩‍👩‍👧 family",
    "5",
    "-12",
    "3.14",
    "1e3",
    "0x10",
    "  7  ",
    "12abc",
    "true",
    "nil",
    "2024-02-29T13:05:09Z",
    "a+b%20c&d=e",
];

pub(crate) fn text(chance: &mut Chance) -> Value {
    json!(chance.one_of(&TEXTS))
}

pub(crate) fn integer(chance: &mut Chance) -> Value {
    const ODD: [i64; 8] = [0, 1, -1, 10, 255, -1_000_000, 4_294_967_296, 1_709_211_909];
    if chance.percent(50) { json!(chance.one_of(&ODD)) } else { json!(i64::try_from(chance.below(21)).unwrap() - 10) }
}

pub(crate) fn float(chance: &mut Chance) -> Value {
    const ODD: [f64; 10] = [0.0, 0.1, -0.5, 1.0, 2.5, 3.1459, -12.75, 100.0, 1.005, 12345.678];
    json!(chance.one_of(&ODD))
}

pub(crate) fn any(chance: &mut Chance, depth: u32) -> Value {
    match chance.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(chance.percent(50)),
        2 => integer(chance),
        3 => float(chance),
        4 => text(chance),
        5 => Value::Array((0..chance.below(4)).map(|_| any(chance, depth - 1)).collect()),
        _ => {
            let names = ["name", "age", "first", "size", "x y"];
            let mut members = Map::new();
            for _ in 0..chance.below(4) {
                let name = *chance.one_of(&names);
                members.insert(name.to_owned(), any(chance, depth - 1));
            }
            Value::Object(members)
        }
    }
}
