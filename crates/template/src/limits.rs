//! What a template and its rendering may take.

/// Bounds that hold for every template, whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of source.
    pub source: usize,
    /// Tags within tags, and brackets within brackets.
    pub nesting: usize,
    /// Texts, outputs and tags of a template.
    pub nodes: usize,
    /// Bytes of output.
    pub output: usize,
    /// Steps of rendering; copying or scanning 64 bytes is one.
    pub work: usize,
    /// Bytes that are allocated while rendering, those given back included.
    pub memory: usize,
}

impl Limits {
    pub const DEFAULT: Self =
        Self { source: crate::MAX_SOURCE, nesting: 50, nodes: 10_000, output: 1 << 20, work: 200_000, memory: 4 << 20 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
