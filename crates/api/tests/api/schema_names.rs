//! Two shapes of one name would be one in the document, silently.

use std::collections::BTreeMap;
use std::path::Path;

/// The names that types of a source file get in the document.
fn names(source: &str) -> Vec<String> {
    let (mut found, mut derived, mut renamed) = (Vec::new(), false, None);
    let word = |text: &str| {
        let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[derive(") {
            derived = line.contains("ToSchema");
            renamed = None;
        } else if let Some((_, name)) = line.strip_prefix("#[schema(").and_then(|rest| rest.split_once("as = ")) {
            renamed = Some(word(name));
        } else if !line.starts_with('#') && !line.starts_with("//") {
            let item = ["struct ", "enum "].iter().find_map(|kind| line.split_once(kind));
            if let Some((_, name)) = item.filter(|_| derived) {
                found.push(renamed.take().unwrap_or_else(|| word(name)));
            }
            derived = false;
        }
    }
    // Written by hand.
    let by_hand = source.split("fn name() -> Cow<'static, str> {").skip(1);
    found.extend(by_hand.filter_map(|rest| Some(rest.split('"').nth(1)?.to_owned())));
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for name in names(&std::fs::read_to_string(&path).unwrap()) {
                found.entry(name).or_default().push(path.display().to_string());
            }
        }
    }
}

#[test]
fn no_two_shapes_have_one_name() {
    let mut found = BTreeMap::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let document = serde_json::to_value(api::openapi()).unwrap();
    // What macros make is not seen, and what is of a list has the name of both.
    let seen = document["components"]["schemas"].as_object().unwrap().keys().filter(|name| found.contains_key(*name));
    assert!(seen.count() > 100, "the sources are not read as they should");
    let twice: Vec<_> = found.iter().filter(|(_, places)| places.len() > 1).collect();
    assert!(twice.is_empty(), "in the document these would be one: {twice:#?}");
}

#[test]
fn names_are_found_in_sources() {
    let source = "#[derive(Debug, ToSchema)]\n#[schema(as = Other)]\nstruct One {\n}\n#[derive(ToSchema)]\npub(super) enum Two {\n}\n\
                  #[derive(Debug)]\nstruct Three;\n#[derive(Serialize, ToSchema)]\nstruct Four<T> {}\n";
    assert_eq!(names(source), ["Other", "Two", "Four"]);
}
