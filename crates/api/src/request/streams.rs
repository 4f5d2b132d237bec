use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::problem::{Code, Problem};

/// The answers that stay open, counted by credential.
#[derive(Debug, Clone)]
pub(crate) struct OpenStreams {
    at_most: usize,
    open: Arc<Mutex<HashMap<u128, usize>>>,
}

/// One of them. Dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct OpenStream {
    streams: OpenStreams,
    client: u128,
}

impl OpenStreams {
    pub(crate) fn new(at_most: usize) -> Self {
        Self { at_most, open: Arc::default() }
    }

    pub(crate) fn open(&self, client: u128) -> Result<OpenStream, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= self.at_most {
            let detail = format!("{} streams of events are open already. Close one first.", self.at_most);
            return Err(Problem::new(Code::RateLimited, detail).retry_after(5));
        }
        *count += 1;
        Ok(OpenStream { streams: self.clone(), client })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_closed_makes_room() {
        let streams = OpenStreams::new(2);
        let (first, _second) = (streams.open(1).unwrap(), streams.open(1).unwrap());
        assert_eq!(streams.open(1).unwrap_err().code, Code::RateLimited);
        let other = streams.open(2).unwrap();
        drop((first, other));
        streams.open(1).unwrap();
        assert_eq!(streams.open.lock().unwrap().len(), 1);
    }
}
