//! What is left of the work and the memory that one rendering may take.

pub(crate) use crate::fault::Fault;
use crate::limits::Limits;

#[derive(Debug)]
pub(crate) struct Budget {
    work: usize,
    memory: usize,
}

impl Budget {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self { work: limits.work, memory: limits.memory }
    }

    /// Steps that are about to be taken.
    #[inline]
    pub(crate) fn work(&mut self, steps: usize) -> Result<(), Fault> {
        // Not `ok_or`: that would make and drop a fault each time.
        let Some(left) = self.work.checked_sub(steps) else { return Err(Fault::TooMuchWork) };
        self.work = left;
        Ok(())
    }

    /// Bytes that are about to be read or copied: 64 are one step.
    pub(crate) fn scan(&mut self, bytes: usize) -> Result<(), Fault> {
        self.work(bytes / 64 + 1)
    }

    /// Bytes that are about to be looked at one by one: sixteen are one step.
    pub(crate) fn inspect(&mut self, bytes: usize) -> Result<(), Fault> {
        self.work(bytes / 16 + 1)
    }

    /// Bytes that are about to be allocated. They are not given back: a loop that allocates comes to its end.
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<(), Fault> {
        let Some(left) = self.memory.checked_sub(bytes) else { return Err(Fault::TooMuchMemory) };
        self.memory = left;
        self.scan(bytes)
    }

    #[cfg(test)]
    pub(crate) const fn work_left(&self) -> usize {
        self.work
    }

    /// How many bytes may still be allocated.
    pub(crate) const fn memory_left(&self) -> usize {
        self.memory
    }
}
