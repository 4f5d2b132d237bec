//! PostgreSQL's `numeric` on the wire: digits to base 10,000, with a weight, a sign and a display scale.

/// The parts of a finite number.
pub(super) struct Numeric<'a> {
    /// Big-endian u16 each.
    digits: &'a [[u8; 2]],
    /// The power of 10,000 of the first digit.
    weight: i16,
    negative: bool,
    scale: u16,
}

pub(super) enum Parsed<'a> {
    Finite(Numeric<'a>),
    NaN,
    Infinity,
    NegativeInfinity,
}

pub(super) fn parse(bytes: &[u8]) -> Option<Parsed<'_>> {
    let (header, digits) = bytes.split_first_chunk::<8>()?;
    let [count, weight, sign, scale] = [0, 2, 4, 6].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
    let negative = match sign {
        0xC000 => return Some(Parsed::NaN),
        0xD000 => return Some(Parsed::Infinity),
        0xF000 => return Some(Parsed::NegativeInfinity),
        0x0000 => false,
        0x4000 => true,
        _ => return None,
    };
    let (digits, rest) = digits.as_chunks::<2>();
    let valid = rest.is_empty() && digits.len() == usize::from(count) && scale <= 0x3FFF;
    let valid = valid && digits.iter().all(|digit| u16::from_be_bytes(*digit) < 10_000);
    valid.then_some(Parsed::Finite(Numeric { digits, weight: weight.cast_signed(), negative, scale }))
}

/// What `Numeric::text`, or the name of a number that is none, was made of.
pub(super) fn from_text(text: &str) -> Option<Vec<u8>> {
    let wire = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect();
    match text {
        "NaN" => return Some(wire(&[0, 0, 0xC000, 0])),
        "Infinity" => return Some(wire(&[0, 0, 0xD000, 0])),
        "-Infinity" => return Some(wire(&[0, 0, 0xF000, 0])),
        _ => {}
    }
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut decimal = "0".repeat((4 - whole.len() % 4) % 4) + whole;
    let mut weight = i32::try_from(decimal.len() / 4).ok()? - 1;
    decimal += fraction;
    decimal += &"0".repeat((4 - decimal.len() % 4) % 4);
    let (groups, _) = decimal.as_bytes().as_chunks::<4>();
    let digit = |group: &[u8; 4]| group.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let mut digits: Vec<u16> = groups.iter().map(digit).collect();
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..leading);
    weight -= i32::try_from(leading).ok()?;
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let (weight, sign) = if digits.is_empty() { (0, 0) } else { (weight, if negative { 0x4000 } else { 0 }) };
    let weight = i16::try_from(weight).ok()?.cast_unsigned();
    let scale = u16::try_from(fraction.len()).ok()?;
    let header = [u16::try_from(digits.len()).ok()?, weight, sign, scale];
    Some(wire(&[&header[..], &digits].concat()))
}

impl Numeric<'_> {
    /// Every digit, and as many decimals as the number was written with.
    pub(super) fn text(&self) -> String {
        let weight = i32::from(self.weight);
        let mut whole = String::with_capacity(self.digits.len() * 4 + usize::from(self.scale) + 3);
        (0..=weight).rev().for_each(|power| self.push_digit(&mut whole, power));
        let mut text = String::with_capacity(whole.capacity());
        if self.negative {
            text.push('-');
        }
        match whole.trim_start_matches('0') {
            "" => text.push('0'),
            whole => text.push_str(whole),
        }
        if self.scale > 0 {
            text.push('.');
            let end = text.len() + usize::from(self.scale);
            let groups = i32::from(self.scale.div_ceil(4));
            (1..=groups).for_each(|power| self.push_digit(&mut text, -power));
            text.truncate(end);
        }
        text
    }

    /// The bytes that all equal numbers share: without zeros at either end and without the scale.
    pub(super) fn push_normalized(&self, out: &mut Vec<u8>) {
        let zero = |digit: &&[u8; 2]| **digit == [0, 0];
        let leading = self.digits.iter().take_while(zero).count();
        let trailing = self.digits[leading..].iter().rev().take_while(zero).count();
        let digits = &self.digits[leading..self.digits.len() - trailing];
        if digits.is_empty() {
            out.push(0);
            return;
        }
        out.push(if self.negative { 1 } else { 2 });
        // 65,535 leading zeros at most: the weight stays far within an i32.
        let leading = i32::try_from(leading).unwrap_or(i32::MAX);
        out.extend_from_slice(&(i32::from(self.weight) - leading).to_be_bytes());
        out.extend_from_slice(digits.as_flattened());
    }

    /// The four decimal digits that count 10,000 to the given power.
    fn push_digit(&self, text: &mut String, power: i32) {
        let at = usize::try_from(i32::from(self.weight) - power).ok();
        let digit = at.and_then(|at| self.digits.get(at)).map_or(0, |digit| u16::from_be_bytes(*digit));
        for unit in [1000, 100, 10, 1] {
            // A digit to base ten always fits.
            text.push(char::from(b'0' + u8::try_from(digit / unit % 10).unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap();
        let header = [count, weight.cast_unsigned(), sign, scale];
        header.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    fn text(bytes: &[u8]) -> String {
        match parse(bytes) {
            Some(Parsed::Finite(number)) => number.text(),
            _ => panic!("not a finite number"),
        }
    }

    #[test]
    fn every_digit_and_the_scale_are_kept() {
        assert_eq!(text(&wire(0, 0, 2, &[1])), "1.00");
        assert_eq!(text(&wire(0, 0x4000, 3, &[12, 3450])), "-12.345");
        assert_eq!(text(&wire(-2, 0, 6, &[1200])), "0.000012");
        assert_eq!(text(&wire(2, 0, 0, &[1])), "100000000");
        assert_eq!(text(&wire(0, 0, 0, &[])), "0");
        assert_eq!(text(&wire(0, 0, 3, &[])), "0.000");
    }

    #[test]
    fn numbers_that_are_out_of_form_are_refused() {
        assert!(parse(&wire(0, 1, 0, &[1])).is_none());
        assert!(parse(&wire(0, 0, 0, &[10_000])).is_none());
        assert!(parse(&[0; 7]).is_none());
        assert!(parse(&[0, 1, 0, 0, 0, 0, 0, 0]).is_none());
    }
}
