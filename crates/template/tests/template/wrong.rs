//! Wrong templates, and what people read about them.

use crate::docs::{Outcome, Page, Sample};

/// `ROWCAST_REWRITE=1` writes the messages as they are into the page.
#[test]
fn every_wrong_template_is_told_as_the_page_says() {
    let checked = Page::read("template-errors.md").checked(&Sample::of_language());
    assert!(checked.fenced.len() >= 30, "{} wrong templates", checked.fenced.len());
    assert!(checked.fenced.iter().all(|outcome| *outcome == Outcome::Error));
}
