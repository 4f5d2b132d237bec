//! Exact numbers: 64-bit integers, and decimals of as many digits as there are, up to a cap.
//!
//! A decimal with a scale of 0 is an integer beyond 64 bits, and divides like one. A scale above 0 says that the
//! number is one with a fraction, even if that is zero: `2.0`.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, Sign};

/// The most digits before, and the most after, the decimal point.
pub(crate) const MAX_DIGITS: usize = 1_000;

/// How many significant digits a quotient that does not end gets.
const QUOTIENT_DIGITS: i64 = 40;

/// Bits per decimal digit, rounded up: 10 / 3.
const fn bits_of(digits: usize) -> u64 {
    (digits as u64).saturating_mul(10) / 3 + 1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberError {
    #[error("is not a number")]
    NotANumber,
    #[error("has more than {MAX_DIGITS} digits before or after the decimal point")]
    TooManyDigits,
    #[error("is divided by zero")]
    DividedByZero,
    #[error("is too large for a number with a fraction")]
    TooLarge,
}

/// The mantissa divided by ten to the power of the scale.
#[derive(Debug, Clone)]
pub(crate) struct Decimal {
    mantissa: BigInt,
    scale: u32,
}

#[derive(Debug, Clone)]
pub(crate) enum Number {
    Int(i64),
    Decimal(Decimal),
}

impl Decimal {
    /// Digits, a fraction and an exponent, each with a sign: what JSON and SQL write, and no more.
    pub(crate) fn parse(text: &str) -> Result<Self, NumberError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, small_exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(NumberError::NotANumber);
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 2 * MAX_DIGITS || fraction.len() > 2 * MAX_DIGITS {
            return Err(NumberError::TooManyDigits);
        }
        let magnitude = read(&[whole, fraction].concat());
        let mantissa = if negative { -magnitude } else { magnitude };
        let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
        Self::shifted(mantissa, places)
    }

    /// `mantissa` with the point `places` from its right end, which may be left of its first or right of its last digit.
    fn shifted(mantissa: BigInt, places: i64) -> Result<Self, NumberError> {
        if mantissa.sign() == Sign::NoSign {
            let scale = u32::try_from(places.clamp(0, MAX_DIGITS as i64)).unwrap_or(0);
            return Ok(Self { mantissa, scale });
        }
        match u32::try_from(places) {
            Ok(scale) => Self { mantissa, scale }.within(),
            Err(_) if places < 0 && places >= -(MAX_DIGITS as i64) => {
                let factor = ten(u32::try_from(-places).unwrap_or(0));
                Self { mantissa: mantissa * factor, scale: 0 }.within()
            }
            Err(_) => Err(NumberError::TooManyDigits),
        }
    }

    /// The number that is printed as the shortest digits of `float`.
    pub(crate) fn from_float(float: f64) -> Result<Self, NumberError> {
        if !float.is_finite() {
            return Err(NumberError::NotANumber);
        }
        Self::parse(zmij::Buffer::new().format_finite(float)).map(Self::with_fraction)
    }

    /// A whole number as one with a fraction of zero.
    fn with_fraction(self) -> Self {
        if self.scale > 0 { self } else { Self { mantissa: self.mantissa * 10, scale: 1 } }
    }

    /// The nearest float; infinite beyond the largest.
    pub(crate) fn to_float(&self) -> f64 {
        format!("{}e-{}", self.mantissa, self.scale).parse().unwrap_or(f64::NAN)
    }

    /// An integer by its form: without a fraction, not even one of zero.
    pub(crate) const fn is_integer(&self) -> bool {
        self.scale == 0
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.mantissa.sign() == Sign::NoSign
    }

    /// About how many bytes it takes, in memory and as text.
    pub(crate) fn size(&self) -> usize {
        usize::try_from(self.mantissa.bits() / 3).unwrap_or(usize::MAX).saturating_add(self.scale as usize) + 8
    }

    fn within(mut self) -> Result<Self, NumberError> {
        if self.scale as usize > MAX_DIGITS {
            self = self.trimmed(0);
        }
        let whole_bits = self.mantissa.bits().saturating_sub(u64::from(self.scale) * 3);
        if self.scale as usize > MAX_DIGITS || whole_bits > bits_of(2 * MAX_DIGITS) {
            return Err(NumberError::TooManyDigits);
        }
        // Bits tell the digits only about; the exact look is needed near the cap alone.
        if self.mantissa.bits() > bits_of(MAX_DIGITS) - 40 {
            let whole = &self.mantissa / ten(self.scale);
            if whole.magnitude().to_string().len() > MAX_DIGITS {
                return Err(NumberError::TooManyDigits);
            }
        }
        Ok(self)
    }

    /// Without zeros at the end of the fraction, down to `least` places.
    fn trimmed(self, least: u32) -> Self {
        let digits = self.mantissa.magnitude().to_string();
        let zeros = digits.len() - digits.trim_end_matches('0').len();
        let drop = u32::try_from(zeros).unwrap_or(0).min(self.scale.saturating_sub(least));
        if self.is_zero() {
            return Self { mantissa: self.mantissa, scale: self.scale.min(least) };
        }
        Self { mantissa: self.mantissa / ten(drop), scale: self.scale - drop }
    }

    fn aligned(&self, other: &Self) -> (BigInt, BigInt, u32) {
        let scale = self.scale.max(other.scale);
        let left = &self.mantissa * ten(scale - self.scale);
        let right = &other.mantissa * ten(scale - other.scale);
        (left, right, scale)
    }

    fn divided_by(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DividedByZero);
        }
        if self.is_integer() && other.is_integer() {
            return Ok(Self { mantissa: floored(&self.mantissa, &other.mantissa), scale: 0 });
        }
        let digits = |number: &Self| i64::try_from(number.mantissa.bits()).unwrap_or(0) * 3 / 10;
        let whole = digits(self) - i64::from(self.scale) - (digits(other) - i64::from(other.scale));
        let wanted = u32::try_from((QUOTIENT_DIGITS - whole).clamp(QUOTIENT_DIGITS, MAX_DIGITS as i64)).unwrap_or(40);
        let (left, right, _) = self.aligned(other);
        let mantissa = half_up(&(left * ten(wanted)), &right);
        Self { mantissa, scale: wanted }.trimmed(1).within()
    }

    fn modulo(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DividedByZero);
        }
        let (left, right, scale) = self.aligned(other);
        let mantissa = &left - floored(&left, &right) * &right;
        Ok(Self { mantissa, scale })
    }

    fn times(&self, other: &Self) -> Result<Self, NumberError> {
        if self.mantissa.bits().saturating_add(other.mantissa.bits()) > bits_of(4 * MAX_DIGITS) {
            return Err(NumberError::TooManyDigits);
        }
        let both_have_fractions = !self.is_integer() || !other.is_integer();
        let product = Self { mantissa: &self.mantissa * &other.mantissa, scale: self.scale + other.scale }.within()?;
        Ok(if both_have_fractions { product.with_fraction() } else { product })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let (left, right, _) = self.aligned(other);
        left.cmp(&right)
    }

    /// Half a unit goes away from zero. Below 0 places the number stays whole.
    fn rounded(&self, places: i64) -> Self {
        let drop = i64::from(self.scale).saturating_sub(places);
        if drop <= 0 {
            return self.clone();
        }
        if drop > 3 * MAX_DIGITS as i64 {
            return Self { mantissa: BigInt::ZERO, scale: 0 };
        }
        let mantissa = half_up(&self.mantissa, &ten(u32::try_from(drop).unwrap_or(0)));
        match u32::try_from(places) {
            Ok(scale) => Self { mantissa, scale },
            Err(_) => Self { mantissa: mantissa * ten(u32::try_from(-places).unwrap_or(0)), scale: 0 },
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.magnitude().to_string();
        if self.mantissa.sign() == Sign::Minus {
            out.write_str("-")?;
        }
        let places = self.scale as usize;
        if places == 0 {
            return out.write_str(&digits);
        }
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        write!(out, "{whole}.{fraction}")
    }
}

impl From<i64> for Decimal {
    fn from(int: i64) -> Self {
        Self { mantissa: BigInt::from(int), scale: 0 }
    }
}

impl Number {
    /// What Ruby's Liquid takes a text for: `1.5` as it stands, else the integer it begins with, else 0.
    pub(crate) fn loosely(text: &str) -> Result<Self, NumberError> {
        let text = text.trim_matches(|character: char| character.is_ascii_whitespace() || character == '\0');
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if unsigned.split_once('.').is_some_and(|(whole, fraction)| digits(whole) && digits(fraction)) {
            return Decimal::parse(text).map(Self::Decimal);
        }
        Self::leading(text)
    }

    /// The integer at the start, with single underscores between its digits, as Ruby reads it.
    fn leading(text: &str) -> Result<Self, NumberError> {
        let (sign, unsigned) = match text.as_bytes().first() {
            Some(b'-') => ("-", text.get(1..).unwrap_or_default()),
            Some(b'+') => ("", text.get(1..).unwrap_or_default()),
            _ => ("", text),
        };
        let mut digits = String::from(sign);
        let mut underscore = true;
        for byte in unsigned.bytes() {
            match byte {
                b'0'..=b'9' => digits.push(char::from(byte)),
                b'_' if !underscore => {}
                _ => break,
            }
            underscore = byte == b'_';
            if digits.len() > 2 * MAX_DIGITS {
                return Err(NumberError::TooManyDigits);
            }
        }
        if digits.len() == sign.len() { Ok(Self::Int(0)) } else { Self::parse(&digits) }
    }

    /// Exactly a number, as JSON and SQL write it.
    pub(crate) fn parse(text: &str) -> Result<Self, NumberError> {
        match text.parse() {
            Ok(int) => Ok(Self::Int(int)),
            Err(_) => Decimal::parse(text).map(Self::smallest),
        }
    }

    fn smallest(decimal: Decimal) -> Self {
        if decimal.is_integer()
            && let Ok(int) = i64::try_from(&decimal.mantissa)
        {
            return Self::Int(int);
        }
        Self::Decimal(decimal)
    }

    fn decimal(&self) -> Decimal {
        match self {
            Self::Int(int) => Decimal::from(*int),
            Self::Decimal(decimal) => decimal.clone(),
        }
    }

    pub(crate) const fn is_integer(&self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Decimal(decimal) => decimal.is_integer(),
        }
    }

    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Int(_) => 8,
            Self::Decimal(decimal) => decimal.size(),
        }
    }

    pub(crate) fn plus(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Self::Int(left), Self::Int(right)) = (self, other)
            && let Some(sum) = left.checked_add(*right)
        {
            return Ok(Self::Int(sum));
        }
        let (left, right, scale) = self.decimal().aligned(&other.decimal());
        Decimal { mantissa: left + right, scale }.within().map(Self::smallest)
    }

    pub(crate) fn minus(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Self::Int(left), Self::Int(right)) = (self, other)
            && let Some(difference) = left.checked_sub(*right)
        {
            return Ok(Self::Int(difference));
        }
        let (left, right, scale) = self.decimal().aligned(&other.decimal());
        Decimal { mantissa: left - right, scale }.within().map(Self::smallest)
    }

    pub(crate) fn times(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Self::Int(left), Self::Int(right)) = (self, other)
            && let Some(product) = left.checked_mul(*right)
        {
            return Ok(Self::Int(product));
        }
        self.decimal().times(&other.decimal()).map(Self::smallest)
    }

    /// Integers are divided down to an integer; anything else to forty significant digits.
    pub(crate) fn divided_by(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Self::Int(left), Self::Int(right)) = (self, other)
            && let (Some(quotient), Some(rest)) = (left.checked_div(*right), left.checked_rem(*right))
        {
            return Ok(Self::Int(if rest != 0 && (rest < 0) != (*right < 0) { quotient - 1 } else { quotient }));
        }
        self.decimal().divided_by(&other.decimal()).map(Self::smallest)
    }

    /// What is left of a division downwards: it has the sign of the divisor.
    pub(crate) fn modulo(&self, other: &Self) -> Result<Self, NumberError> {
        self.decimal().modulo(&other.decimal()).map(Self::smallest)
    }

    pub(crate) fn absolute(&self) -> Self {
        match self {
            Self::Int(int) if *int != i64::MIN => Self::Int(int.abs()),
            _ => {
                let decimal = self.decimal();
                let mantissa = BigInt::from(decimal.mantissa.magnitude().clone());
                Self::smallest(Decimal { mantissa, scale: decimal.scale })
            }
        }
    }

    pub(crate) fn floor(&self) -> Self {
        let Self::Decimal(decimal) = self else { return self.clone() };
        Self::smallest(Decimal { mantissa: floored(&decimal.mantissa, &ten(decimal.scale)), scale: 0 })
    }

    pub(crate) fn ceil(&self) -> Self {
        let Self::Decimal(decimal) = self else { return self.clone() };
        let negated = -&decimal.mantissa;
        Self::smallest(Decimal { mantissa: -floored(&negated, &ten(decimal.scale)), scale: 0 })
    }

    /// An integer stays one; a number with a fraction that is rounded to less than one place keeps a fraction of zero.
    pub(crate) fn round(&self, places: i64) -> Result<Self, NumberError> {
        if self.is_integer() && places >= 0 {
            return Ok(self.clone());
        }
        let rounded = self.decimal().rounded(places);
        let rounded = if self.is_integer() { rounded } else { rounded.with_fraction() };
        rounded.within().map(Self::smallest)
    }

    /// Its integer part.
    pub(crate) fn truncate(&self) -> Self {
        match self {
            Self::Int(_) => self.clone(),
            Self::Decimal(decimal) => {
                Self::smallest(Decimal { mantissa: &decimal.mantissa / ten(decimal.scale), scale: 0 })
            }
        }
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => left.cmp(right),
            _ => self.decimal().compare(&other.decimal()),
        }
    }
}

/// Compares an integer with a float exactly; none for NaN.
pub(crate) fn compare_with_float(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // The saturating cast is exact for whole floats within i128, and keeps the order for those beyond.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is compared below")]
    let whole = float.trunc() as i128;
    let order = i128::from(int).cmp(&whole);
    Some(order.then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
}

/// A float as Ruby prints it: its shortest digits, at least one after the point, an exponent for the very large or small.
pub(crate) fn ruby_float(float: f64) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let shortest = format!("{float:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..15).contains(&exponent) {
        let fixed = format!("{float}");
        return if fixed.contains('.') { fixed } else { fixed + ".0" };
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{point}e{sign}{:02}", exponent.unsigned_abs())
}

fn read(digits: &str) -> BigInt {
    BigInt::parse_bytes(digits.as_bytes(), 10).unwrap_or(BigInt::ZERO)
}

fn ten(power: u32) -> BigInt {
    BigInt::from(10).pow(power)
}

fn small_exponent(text: &str) -> Result<i64, NumberError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    let exponent: i64 = unsigned.parse().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Ok(if text.starts_with('-') { -exponent } else { exponent })
}

/// `right` is not zero.
fn floored(left: &BigInt, right: &BigInt) -> BigInt {
    let (quotient, rest) = (left / right, left % right);
    let down = rest.sign() != Sign::NoSign && (rest.sign() == Sign::Minus) != (right.sign() == Sign::Minus);
    if down { quotient - 1 } else { quotient }
}

/// `right` is not zero. Half goes away from zero.
fn half_up(left: &BigInt, right: &BigInt) -> BigInt {
    let (quotient, rest) = (left / right, left % right);
    if rest.magnitude() * 2_u8 < *right.magnitude() {
        return quotient;
    }
    if (left.sign() == Sign::Minus) == (right.sign() == Sign::Minus) { quotient + 1 } else { quotient - 1 }
}
