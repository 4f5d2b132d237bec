//! New master keys.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::Result;

/// `id:key`: 32 bytes of the system's generator, and an id that no other key is likely to have.
pub(crate) fn new_line() -> Result<String> {
    let (mut key, mut id) = ([0; 32], [0; 4]);
    getrandom::fill(&mut key)?;
    getrandom::fill(&mut id)?;
    Ok(format!("mk-{:08x}:{}", u32::from_be_bytes(id), BASE64_STANDARD.encode(key)))
}

#[cfg(test)]
mod tests {
    use store::MasterKeys;

    use super::*;

    #[test]
    fn a_new_line_is_a_master_key_and_another_each_time() {
        let (first, second) = (new_line().unwrap(), new_line().unwrap());
        assert_ne!(first, second);
        let both = MasterKeys::parse(&format!("{first}\n{second}\n")).unwrap();
        assert!(first.starts_with(&format!("{}:", both.current_id())));
    }
}
