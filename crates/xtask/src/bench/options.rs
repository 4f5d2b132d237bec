//! What benches of runs are told on the command line.

use crate::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) rows: u64,
    /// How often everything is measured.
    pub(super) times: u32,
    pub(super) json: bool,
}

impl Options {
    /// `rows`: unless the command line says otherwise.
    pub(super) fn read(bench: &str, rows: u64, arguments: &[String]) -> Result<Self, Failure> {
        let mut options = Self { rows, times: 5, json: false };
        let refused = || Failure::Usage { given: format!("bench {bench} {}", arguments.join(" ")) };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--json" {
                options.json = true;
                continue;
            }
            let number: u64 = rest.next().and_then(|text| text.parse().ok()).ok_or_else(refused)?;
            match argument.as_str() {
                "--rows" if number >= 1_000 => options.rows = number,
                "--times" if number > 0 => options.times = u32::try_from(number).map_err(|_| refused())?,
                _ => return Err(refused()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let read =
            |text: &str| Options::read("x", 5, &text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>());
        assert_eq!(read("").unwrap(), Options { rows: 5, times: 5, json: false });
        assert_eq!(read("--json --rows 1000 --times 1").unwrap(), Options { rows: 1_000, times: 1, json: true });
        for wrong in ["--rows", "--rows x", "--times 0", "--rows 10", "--quick"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
