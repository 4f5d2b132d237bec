//! Expressions made by chance, the same ones from the same seed.

struct Chance(u64);

/// An expression that names minutes of a few hours only.
pub(crate) fn rare_expression(seed: u64) -> String {
    let mut chance = Chance(seed);
    let hour = [chance.item(0, 4), chance.item(0, 23)].join(",");
    with_hour(&mut chance, hour)
}

pub(crate) fn expression(seed: u64) -> String {
    let mut chance = Chance(seed);
    let hour = match chance.up_to(8) {
        0 => "*".to_owned(),
        1 => format!("*/{}", chance.from(2, 12)),
        _ => chance.field(0, 23),
    };
    with_hour(&mut chance, hour)
}

fn with_hour(chance: &mut Chance, hour: String) -> String {
    let minute = if chance.up_to(4) == 0 { chance.starred(10, 59) } else { chance.field(0, 59) };
    // Up to 28, so that there is a date.
    let [day, month, weekday] = [(1, 28), (1, 12), (0, 7)].map(|(first, last)| match chance.up_to(5) {
        0 => chance.field(first, last),
        1 => chance.starred(2, 6),
        _ => "*".to_owned(),
    });
    format!("{minute} {hour} {day} {month} {weekday}")
}

impl Chance {
    fn field(&mut self, first: u64, last: u64) -> String {
        let items: Vec<String> = (0..=self.up_to(3)).map(|_| self.item(first, last)).collect();
        items.join(",")
    }

    fn item(&mut self, first: u64, last: u64) -> String {
        let (from, to) = (self.from(first, last), self.from(first, last));
        let (from, to) = (from.min(to), from.max(to));
        match self.up_to(4) {
            0 => format!("{from}-{to}"),
            1 => format!("{from}-{to}/{}", self.from(1, (last - first).min(7) - 1)),
            _ => format!("{from}"),
        }
    }

    fn starred(&mut self, least: u64, most: u64) -> String {
        format!("*/{}", self.from(least, most))
    }

    fn from(&mut self, first: u64, last: u64) -> u64 {
        first + self.up_to(last - first + 1)
    }

    /// From 0, without the number itself.
    fn up_to(&mut self, number: u64) -> u64 {
        // Splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % number
    }
}
