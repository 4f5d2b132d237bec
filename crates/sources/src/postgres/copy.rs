//! `COPY ... (FORMAT binary)` becomes rows in canonical form.

use super::types::Wire;

/// A chunk that is used again keeps no more memory than this.
const KEPT: usize = 1 << 20;

/// Whole rows in canonical form.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
}

impl Chunk {
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends.iter().enumerate().map(|(row, end)| {
            let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
            &self.bytes[start..*end]
        })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Without its rows; its memory stays, but for that of a giant row.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.ends.clear();
    }

    /// The size of all rows.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// All rows, one behind the other.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the stream, wherever it is cut. PostgreSQL sends a row in a message of its own, but does not promise to.
pub(super) struct Parser {
    wires: Vec<Wire>,
    /// What came of an unfinished row.
    pending: Vec<u8>,
    state: State,
    pub(super) rows: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    /// The trailer came.
    Ended,
}

type Parsed<T> = Result<T, &'static str>;

const MAGIC: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

impl Parser {
    pub(super) fn new(wires: Vec<Wire>) -> Self {
        Self { wires, pending: Vec::new(), state: State::Header, rows: 0 }
    }

    pub(super) fn ended(&self) -> bool {
        self.state == State::Ended && self.pending.is_empty()
    }

    /// Returns how many of the bytes it took: all, unless the chunk has got `most` bytes before.
    pub(super) fn push(&mut self, bytes: &[u8], chunk: &mut Chunk, most: usize) -> Parsed<usize> {
        if self.pending.is_empty() {
            let taken = self.take(bytes, chunk, most)?;
            if chunk.bytes() >= most {
                return Ok(taken);
            }
            self.pending.extend_from_slice(&bytes[taken..]);
            return Ok(bytes.len());
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let taken = self.take(&pending, chunk, usize::MAX)?;
        pending.drain(..taken);
        self.pending = pending;
        Ok(bytes.len())
    }

    /// How many bytes were whole.
    fn take(&mut self, bytes: &[u8], chunk: &mut Chunk, most: usize) -> Parsed<usize> {
        let mut taken = 0;
        while chunk.bytes() < most
            && let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty())
        {
            let part = match self.state {
                State::Header => self.header(rest)?,
                State::Rows => self.row(rest, chunk)?,
                State::Ended => return Err("the stream goes on after its end"),
            };
            match part {
                Some(length) => taken += length,
                None => break,
            }
        }
        Ok(taken)
    }

    fn header(&mut self, bytes: &[u8]) -> Parsed<Option<usize>> {
        if !MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
            return Err("the stream is not a binary COPY");
        }
        let Some([_, _, _, _, extension @ ..]) = bytes.get(MAGIC.len()..MAGIC.len() + 8) else { return Ok(None) };
        if bytes[MAGIC.len()..].starts_with(&[0; 4]) && extension == [0; 4] {
            self.state = State::Rows;
            return Ok(Some(MAGIC.len() + 8));
        }
        Err("the binary COPY has flags that are not known")
    }

    /// The length of the row, once all of it is there.
    fn row(&mut self, bytes: &[u8], chunk: &mut Chunk) -> Parsed<Option<usize>> {
        let Some((count, mut rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.state = State::Ended;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.wires.len()) {
            return Err("it has another number of columns than the query");
        }
        let start = chunk.bytes.len();
        for wire in &self.wires {
            let Some((field, after)) = split_field(rest)? else {
                chunk.bytes.truncate(start);
                return Ok(None);
            };
            push_canonical(&mut chunk.bytes, *wire, field)?;
            rest = after;
        }
        chunk.ends.push(chunk.bytes.len());
        self.rows += 1;
        Ok(Some(bytes.len() - rest.len()))
    }
}

type Field<'a> = (Option<&'a [u8]>, &'a [u8]);

fn split_field(bytes: &[u8]) -> Parsed<Option<Field<'_>>> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    match i32::from_be_bytes(*length) {
        -1 => Ok(Some((None, rest))),
        length => {
            let length = usize::try_from(length).map_err(|_error| "a column has a negative length")?;
            Ok(rest.split_at_checked(length).map(|(field, rest)| (Some(field), rest)))
        }
    }
}

fn push_canonical(out: &mut Vec<u8>, wire: Wire, field: Option<&[u8]>) -> Parsed<()> {
    let Some(bytes) = field else {
        engine::canonical::push_field(out, None);
        return Ok(());
    };
    match wire {
        Wire::Same => engine::canonical::push_field(out, Some(bytes)),
        Wire::Signed | Wire::Unsigned => {
            let wide = widen(wire, bytes).ok_or("an integer has an impossible length")?;
            engine::canonical::push_field(out, Some(&wide.to_be_bytes()));
        }
        Wire::Array => {
            engine::canonical::push_field(out, Some(bytes));
            let at = out.len() - bytes.len();
            let flags = out.get_mut(at + 4..at + 8).ok_or("an array has no header")?;
            flags.fill(0);
        }
    }
    Ok(())
}

fn widen(wire: Wire, bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        2 => i64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
        4 if wire == Wire::Unsigned => i64::from(u32::from_be_bytes(bytes.try_into().ok()?)),
        4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
        8 => i64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRES: [Wire; 3] = [Wire::Signed, Wire::Same, Wire::Unsigned];

    fn stream() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 8]);
        for (id, text) in [(-2_i16, Some("ab")), (3, None), (4, Some(""))] {
            bytes.extend(3_i16.to_be_bytes());
            bytes.extend([&2_i32.to_be_bytes()[..], &id.to_be_bytes()].concat());
            match text {
                Some(text) => bytes.extend([&(text.len() as i32).to_be_bytes()[..], text.as_bytes()].concat()),
                None => bytes.extend((-1_i32).to_be_bytes()),
            }
            bytes.extend([&4_i32.to_be_bytes()[..], &u32::MAX.to_be_bytes()].concat());
        }
        bytes.extend((-1_i16).to_be_bytes());
        bytes
    }

    fn expected() -> Vec<Vec<u8>> {
        let row = |id: i64, text: Option<&str>| {
            let mut row = Vec::new();
            engine::canonical::push_field(&mut row, Some(&id.to_be_bytes()));
            engine::canonical::push_field(&mut row, text.map(str::as_bytes));
            engine::canonical::push_field(&mut row, Some(&i64::from(u32::MAX).to_be_bytes()));
            row
        };
        vec![row(-2, Some("ab")), row(3, None), row(4, Some(""))]
    }

    #[test]
    fn rows_are_whole_wherever_the_stream_is_cut() {
        let bytes = stream();
        for size in 1..=bytes.len() {
            let (mut parser, mut chunk) = (Parser::new(WIRES.to_vec()), Chunk::default());
            bytes.chunks(size).for_each(|part| assert_eq!(parser.push(part, &mut chunk, usize::MAX), Ok(part.len())));
            assert!(parser.ended() && parser.rows == 3);
            assert_eq!(chunk.rows().map(<[u8]>::to_vec).collect::<Vec<_>>(), expected(), "cut into {size}");
        }
    }

    #[test]
    fn a_chunk_that_is_full_takes_no_more_and_the_next_one_goes_on() {
        let bytes = stream();
        let (mut parser, mut taken, mut rows) = (Parser::new(WIRES.to_vec()), 0, Vec::new());
        while taken < bytes.len() {
            let mut chunk = Chunk::default();
            taken += parser.push(&bytes[taken..], &mut chunk, 1).unwrap();
            assert!(chunk.len() <= 1);
            rows.extend(chunk.rows().map(<[u8]>::to_vec));
        }
        assert!(parser.ended());
        assert_eq!(rows, expected());
    }

    #[test]
    fn a_stream_that_is_cut_off_has_not_ended() {
        let bytes = stream();
        for length in 0..bytes.len() {
            let (mut parser, mut chunk) = (Parser::new(WIRES.to_vec()), Chunk::default());
            parser.push(&bytes[..length], &mut chunk, usize::MAX).unwrap();
            assert!(!parser.ended(), "cut off at {length}");
            assert_eq!(chunk.len() as u64, parser.rows);
        }
    }

    #[test]
    fn what_is_no_binary_copy_is_refused() {
        let refused = |wires: &[Wire], bytes: &[u8]| {
            Parser::new(wires.to_vec()).push(bytes, &mut Chunk::default(), usize::MAX).is_err()
        };
        assert!(refused(&WIRES, b"SELECT"));
        assert!(refused(&WIRES[..2], &stream()));
        assert!(refused(&[Wire::Array, Wire::Same, Wire::Same], &stream()));
        assert!(refused(&WIRES, &[stream(), vec![0]].concat()));
    }
}
