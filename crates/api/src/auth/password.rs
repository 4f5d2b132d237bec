use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Deserializer};
use store::PasswordHash;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use crate::auth::common_passwords;
use crate::problem::Problem;

/// A password as somebody typed it. Never printed.
///
/// 10 to 128 characters of any kind; common ones are refused where a new one is chosen.
#[derive(Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = "password", min_length = 1, max_length = 128)]
pub struct Password(String);

/// Hashing with argon2id (19 MiB, 2 passes, 1 lane: what OWASP recommends), of a few passwords at once.
#[derive(Debug)]
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
    wait: Duration,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("argon2 refused to hash a password: {0}")]
    Hash(argon2::password_hash::Error),
    #[error("the stored hash of a password cannot be read: {0}")]
    Stored(argon2::password_hash::phc::Error),
    #[error("the hashing of a password was cut off")]
    CutOff(#[source] tokio::task::JoinError),
}

impl Passwords {
    pub(crate) fn new(slots: usize, wait: Duration) -> Self {
        Self { slots: Arc::new(Semaphore::new(slots.max(1))), wait }
    }

    pub(crate) async fn hash(&self, password: &Password) -> Result<PasswordHash, Problem> {
        let password = password.clone();
        self.work(move || password.hash()).await
    }

    /// Whether it is the password of the hash. Without a hash it takes as long and is wrong: nobody learns by the time
    /// whether there is such a person.
    pub(crate) async fn verify(&self, password: &Password, stored: Option<&PasswordHash>) -> Result<bool, Problem> {
        let (password, stored) = (password.clone(), stored.cloned());
        let verify = move || match stored {
            Some(stored) => password.is_of(&stored),
            None => password.hash().map(|_| false),
        };
        self.work(verify).await
    }

    /// The slot is given back when the work is done, also when nobody waits for it any more.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Problem> {
        const BUSY: &str = "Many people are signing in at this moment. Try again in a few seconds.";
        let waited = tokio::time::timeout(self.wait, self.slots.clone().acquire_owned()).await;
        let Ok(Ok(slot)) = waited else { return Err(Problem::busy(BUSY)) };
        let done = spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        });
        done.await.map_err(Failure::CutOff).and_then(|done| done).map_err(Problem::internal)
    }
}

impl Password {
    pub(crate) const MIN: usize = 10;
    pub(crate) const MAX: usize = 128;

    /// What is wrong with it as a new password of this person.
    pub(crate) fn weakness(&self, email: &str) -> Option<&'static str> {
        let lower = self.0.to_lowercase();
        if self.0.chars().count() < Self::MIN {
            Some("A password needs at least 10 characters. Several words make a good one.")
        } else if self.0.chars().all(char::is_whitespace) {
            Some("A password needs more than spaces. Several words make a good one.")
        } else if lower == email.to_lowercase() {
            Some("A password must not be the e-mail address. Choose another one.")
        } else if common_passwords::contains(&lower) {
            Some("This is one of the passwords that are tried first. Choose another one.")
        } else {
            None
        }
    }

    fn hash(&self) -> Result<PasswordHash, Failure> {
        let salt = rand::random::<[u8; 16]>();
        let phc: Phc = argon2().hash_password_with_salt(self.0.as_bytes(), &salt).map_err(Failure::Hash)?;
        Ok(PasswordHash::new(phc.to_string()))
    }

    fn is_of(&self, stored: &PasswordHash) -> Result<bool, Failure> {
        let phc = Phc::new(stored.as_str()).map_err(Failure::Stored)?;
        match argon2().verify_password(self.0.as_bytes(), &phc) {
            Ok(()) => Ok(true),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(Failure::Hash(error)),
        }
    }
}

fn argon2() -> Argon2<'static> {
    const PARAMS: Params = match Params::new(19_456, 2, 1, None) {
        Ok(params) => params,
        Err(_) => Params::DEFAULT,
    };
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The upper limit holds for every password, also for one that is only compared: longer ones cost time.
impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.chars().count() {
            1..=Self::MAX => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("a password has 1 to 128 characters")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_hashed_with_the_parameters_that_owasp_recommends_and_verifies() {
        let passwords = Passwords::new(1, Duration::from_secs(60));
        let good = password("correct horse battery");
        let hash = passwords.hash(&good).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(passwords.verify(&good, Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password("another one, also long"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&good, None).await.unwrap());
        assert_ne!(passwords.hash(&good).await.unwrap(), hash, "every hash has its own salt");
    }

    #[tokio::test]
    async fn whoever_finds_no_slot_in_time_is_told_that_the_service_is_busy() {
        let passwords = Passwords::new(1, Duration::ZERO);
        let _taken = passwords.slots.clone().acquire_owned().await.unwrap();
        let problem = passwords.hash(&password("correct horse battery")).await.unwrap_err();
        assert_eq!(problem.code.as_str(), "busy");
    }

    #[test]
    fn weak_passwords_are_told_what_is_wrong_with_them() {
        let weakness = |text: &str| password(text).weakness("someone@example.com");
        assert!(weakness("short").unwrap().contains("10"));
        assert!(weakness(&" \u{3000}".repeat(8)).unwrap().contains("spaces"));
        assert!(weakness("Password1234").unwrap().contains("first"));
        assert!(weakness("Someone@Example.com").unwrap().contains("e-mail"));
        assert!(weakness("correct horse battery").is_none());
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", password("secret secret")), "Password(..)");
    }
}
