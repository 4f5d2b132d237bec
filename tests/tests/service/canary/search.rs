//! Looks for secrets in whatever was said or kept, in every form in which a program might have written them.

use std::fmt::Write;

use crate::world::Answer;

#[derive(Default)]
pub(super) struct Search {
    secrets: Vec<(String, Vec<String>)>,
    /// Where, and what was there.
    places: Vec<(String, String)>,
}

impl Search {
    pub(super) fn secret(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 10, "{what} is found in anything");
        self.secrets.push((what.to_owned(), forms(secret)));
    }

    /// An answer with all its headers.
    pub(super) fn heard(&mut self, place: &str, answer: &Answer) {
        self.told(place, &format!("{:?}\n{}", answer.headers, answer.text));
    }

    pub(super) fn told(&mut self, place: &str, text: &str) {
        self.places.push((place.to_owned(), text.to_owned()));
    }

    pub(super) fn bytes(&mut self, place: &str, bytes: &[u8]) {
        // What is no text is replaced; a secret that stands among it stays.
        self.told(place, &String::from_utf8_lossy(bytes));
    }

    /// Fails if any secret is in any place: those that became known later are looked for in what came earlier, too.
    pub(super) fn finish(self) {
        let mut found = Vec::new();
        for (place, text) in &self.places {
            for (what, forms) in &self.secrets {
                let at = forms.iter().find_map(|form| text.find(form.as_str()));
                if let Some(at) = at {
                    let before = text[..at].chars().rev().take(200).collect::<Vec<_>>();
                    let around: String = before.into_iter().rev().chain(text[at..].chars().take(90)).collect();
                    found.push(format!("{what} is in {place}: {around}"));
                }
            }
        }
        let bytes: usize = self.places.iter().map(|(_, text)| text.len()).sum();
        eprintln!("{} secrets in {} places of {bytes} bytes", self.secrets.len(), self.places.len());
        assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
    }
}

/// Plain, as JSON writes it (once, and within a text of JSON), in URLs, in base64 at each of the three places where it can
/// begin, in hexadecimal, as Rust's Debug writes it, and its halves: a message may be cut.
fn forms(secret: &str) -> Vec<String> {
    let json = |text: &str| serde_json::to_string(text).unwrap().trim_matches('"').to_owned();
    let mut texts =
        vec![secret.to_owned(), json(secret), json(&json(secret)), format!("{secret:?}").trim_matches('"').to_owned()];
    let percent = |keep: &[u8], lower: bool| {
        secret.bytes().fold(String::new(), |mut text, byte| {
            match byte {
                _ if byte.is_ascii_alphanumeric() || keep.contains(&byte) => text.push(char::from(byte)),
                _ if lower => write!(text, "%{byte:02x}").unwrap(),
                _ => write!(text, "%{byte:02X}").unwrap(),
            }
            text
        })
    };
    for keep in [&b"-._~"[..], b"-._*", b"-._~!$&'()*+,;=:@/?"] {
        texts.extend([percent(keep, false), percent(keep, true), percent(keep, false).replace("%20", "+")]);
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    texts.extend([hex.to_uppercase(), hex]);
    for skipped in 0..3 {
        let padded = [&vec![0; skipped][..], secret.as_bytes()].concat();
        let (plain, url) = (base64(&padded, b"+/"), base64(&padded, b"-_"));
        // The first letters and the last ones hold bits of what stands beside it.
        let first = [0, 2, 3][skipped];
        let last = plain.len() - 2;
        texts.extend([plain[first..last].to_owned(), url[first..last].to_owned()]);
    }
    let half = secret.char_indices().nth(secret.chars().count() / 2 + 3).map_or(secret.len(), |(at, _)| at);
    if half >= 12 {
        texts.push(secret[..half].to_owned());
    }
    texts.sort();
    texts.dedup();
    texts
}

/// Without padding.
fn base64(bytes: &[u8], last: &[u8; 2]) -> String {
    let letters: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*last).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            text.push(char::from(letters[(number >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret = "Cnry\"Src/Pa55+wörd=1a9e";
    let encoded = base64(format!("user:{secret}").as_bytes(), b"+/");
    assert_eq!(base64(b"hello world", b"+/"), "aGVsbG8gd29ybGQ");
    for text in [
        format!("password is {secret}, is it?"),
        format!("{{\"detail\": \"{}\"}}", serde_json::to_string(secret).unwrap().trim_matches('"')),
        "postgres://u:Cnry%22Src%2FPa55%2Bw%C3%B6rd%3D1a9e@h/d".to_owned(),
        format!("Basic {encoded}"),
        format!("{:?}", Some(secret)),
    ] {
        let mut search = Search::default();
        search.secret("the secret", secret);
        search.told("there", &text);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| search.finish()));
        assert!(found.is_err(), "not found in {text}");
    }
}
