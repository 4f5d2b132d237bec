use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::KeyId;
use sha2::{Digest, Sha256};
use store::TokenHash;
use uuid::Uuid;

const PREFIX: &str = "rc_live_";

/// 256 random bits as 43 characters: a session, the secret of an API key, of an invitation, of a reset. Never printed.
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn new() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> TokenHash {
        hash(&self.0)
    }

    /// To tell keys apart.
    pub(crate) fn hint(&self) -> String {
        format!("…{}", &self.0[self.0.len() - 4..])
    }
}

/// What the store keeps of a token. A plain hash is enough: nobody guesses 256 bits.
pub(crate) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The text of an API key: `rc_live_`, 32 hexadecimal digits of its id, `_`, 43 characters of its secret.
pub struct KeyText {
    pub id: KeyId,
    secret: String,
}

impl KeyText {
    pub(crate) fn write(id: KeyId, secret: &Token) -> String {
        format!("{PREFIX}{}_{}", id.uuid().simple(), secret.expose())
    }

    /// `None`: this is no API key.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let fine = id.len() == 32 && secret.len() == 43 && secret.is_ascii();
        let id = Uuid::try_parse(id).ok().filter(|_| fine)?;
        Some(Self { id: KeyId::from_uuid(id), secret: secret.to_owned() })
    }

    pub(crate) fn secret_hash(&self) -> TokenHash {
        hash(&self.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_what_it_prints_and_other_texts_are_none() {
        let (id, secret) = (KeyId::from_uuid(Uuid::now_v7()), Token::new());
        let text = KeyText::write(id, &secret);
        assert_eq!(text.len(), 8 + 32 + 1 + 43);
        let parsed = KeyText::parse(&text).unwrap();
        assert!(parsed.id == id && parsed.secret_hash() == secret.hash());
        for odd in ["", "rc_live_", "rc_live_12_x", &text[1..], &text[..text.len() - 1], &format!("{text}x")] {
            assert!(KeyText::parse(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_hint_shows_four_characters() {
        let token = Token::new();
        assert!(token.expose().ends_with(token.hint().trim_start_matches('…')));
        assert_eq!(token.hint().chars().count(), 5);
    }
}
