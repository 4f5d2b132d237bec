//! What failures say, in few copies.

use std::sync::Arc;

use crate::window::RecordFailure;

/// Five hundred throttled records have one message or a few.
#[derive(Default)]
pub(crate) struct Texts(Vec<Arc<str>>);

impl Texts {
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().rev().take(8).find(|known| ***known == *text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        self.0.push(text.clone());
        text
    }
}

/// The codes of failures, each once, in their order.
pub(crate) fn codes(failures: &[RecordFailure]) -> Option<Arc<str>> {
    let mut codes: Vec<&Arc<str>> = Vec::new();
    for RecordFailure { code, .. } in failures {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    match codes.as_slice() {
        [] => None,
        [only] => Some(Arc::clone(only)),
        several => Some(several.iter().map(|code| &***code).collect::<Vec<_>>().join(", ").into()),
    }
}

/// Adds a shard to others, which are sorted.
pub(crate) fn note(shards: &mut Vec<String>, shard: &str) {
    if let Err(place) = shards.binary_search_by(|known| known.as_str().cmp(shard)) {
        shards.insert(place, shard.to_owned());
    }
}

/// The shards in `Rate exceeded for shard shardId-000000000001 in stream orders ...`.
pub(crate) fn named_shards(message: &str) -> impl Iterator<Item = &str> {
    message.match_indices("shardId-").filter_map(|(start, prefix)| {
        let rest = message.get(start..)?;
        let digits = rest.bytes().skip(prefix.len()).take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| rest.get(..prefix.len() + digits)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_found_in_messages_and_noted_once() {
        let mut shards = Vec::new();
        let message = "Rate exceeded for shard shardId-000000000010 in stream shardId-x; see shardId-000000000002.";
        for shard in named_shards(message).chain(named_shards(message)) {
            note(&mut shards, shard);
        }
        assert_eq!(shards, ["shardId-000000000002", "shardId-000000000010"]);
        assert_eq!(named_shards("Rate exceeded, shardId-").count(), 0);
    }

    #[test]
    fn the_reason_names_each_code_once() {
        let failed = |code: &str| RecordFailure { record: 0, position: 0, code: code.into(), message: "".into() };
        assert_eq!(codes(&[]), None);
        assert_eq!(codes(&[failed("a"), failed("a")]).as_deref(), Some("a"));
        assert_eq!(codes(&[failed("a"), failed("b"), failed("a")]).as_deref(), Some("a, b"));
    }
}
