use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::Failure;

/// A deliberate mistake in the product, and the test that has to notice it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutant {
    pub(crate) name: String,
    /// Relative to the repository.
    pub(crate) file: String,
    /// Stands in the file exactly once. A leading and a trailing line break do not count.
    pub(crate) find: String,
    pub(crate) replace: String,
    /// `cargo test ...`
    pub(crate) test: String,
    /// How long the test may take.
    #[serde(default = "five_minutes")]
    pub(crate) seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    mutant: Vec<Mutant>,
}

fn five_minutes() -> u64 {
    300
}

/// Reads the list.
pub(crate) fn read(path: &Path) -> Result<Vec<Mutant>, Failure> {
    let text =
        fs::read_to_string(path).map_err(|source| Failure::File { action: "read", path: path.to_owned(), source })?;
    parse(&text).map_err(|source| Failure::MutantList { path: path.to_owned(), source })
}

fn parse(text: &str) -> Result<Vec<Mutant>, toml::de::Error> {
    toml::from_str::<List>(text).map(|list| list.mutant)
}

impl Mutant {
    /// The text of the file with the mistake in it.
    pub(crate) fn apply(&self, text: &str) -> Result<String, Failure> {
        let find = self.find.trim_matches('\n');
        let problem = match text.matches(find).count() {
            1 if find == self.replace.trim_matches('\n') => "replaces the text by itself".to_owned(),
            1 => return Ok(text.replacen(find, self.replace.trim_matches('\n'), 1)),
            count => format!("its text stands {count} times in {}, not once: bring the list up to date", self.file),
        };
        Err(Failure::Mutant { name: self.name.clone(), problem })
    }

    /// The words after `cargo` of its test.
    pub(crate) fn arguments(&self) -> Result<Vec<&str>, Failure> {
        let words: Vec<&str> = self.test.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", arguments @ ..] if arguments.first() == Some(&"test") => Ok(arguments.to_vec()),
            _ => Err(Failure::Mutant {
                name: self.name.clone(),
                problem: "its test does not begin with `cargo test`".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(find: &str) -> Mutant {
        let text = format!(
            "[[mutant]]\nname = \"n\"\nfile = \"f\"\nfind = '''\n{find}\n'''\nreplace = ''\ntest = 'cargo test -p x'\n"
        );
        parse(&text).unwrap().remove(0)
    }

    #[test]
    fn a_mutant_replaces_text_of_several_lines() {
        let mutant = mutant("    if late {\n        return;\n    }");
        let text = "fn f() {\n    if late {\n        return;\n    }\n    send();\n}\n";
        assert_eq!(mutant.apply(text).unwrap(), "fn f() {\n\n    send();\n}\n");
        assert_eq!(mutant.arguments().unwrap(), ["test", "-p", "x"]);
        assert_eq!(mutant.seconds, 300);
    }

    #[test]
    fn a_mutant_whose_text_is_gone_or_ambiguous_is_an_error() {
        assert!(mutant("gone").apply("here").is_err());
        assert!(mutant("twice").apply("twice and twice").is_err());
    }

    #[test]
    fn the_list_in_the_repository_is_up_to_date() {
        let shell = crate::Shell::new();
        for mutant in read(&shell.root().join(".config/mutants.toml")).unwrap() {
            mutant.arguments().unwrap();
            mutant.apply(&fs::read_to_string(shell.root().join(&mutant.file)).unwrap()).unwrap();
        }
    }
}
