//! Who is asking: sessions of people, API keys of programs, and the passwords and tokens behind them.

mod authenticate;
mod caller;
mod common_passwords;
mod cookie;
mod password;
mod token;

pub(crate) use authenticate::{Credential, authenticate, role_in};
pub(crate) use caller::audit;
pub use caller::{Caller, SignedIn};
pub(crate) use cookie::{clear_session_cookie, session_cookie, session_in};
pub use password::Password;
pub(crate) use password::Passwords;
pub use token::KeyText;
pub(crate) use token::{Token, hash};
