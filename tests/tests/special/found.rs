//! Looking for a text in everything that a workspace keeps.

use std::fs;
use std::io::Read;

use testkit::rig::Rig;

/// The names of the objects that hold the text, in their bytes or in those of any compressed block.
pub(crate) fn objects_with(rig: &Rig, text: &str) -> Vec<String> {
    let read = |name: &String| fs::read(rig.worker.settings.objects.join(name)).unwrap();
    rig.objects().into_iter().filter(|name| holds(&read(name), text.as_bytes())).collect()
}

/// The rows of the store that hold the text.
pub(crate) async fn rows_with(rig: &Rig, text: &str) -> Vec<String> {
    rig.store_dump().await.lines().filter(|row| row.contains(text)).map(str::to_owned).collect()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    let frames = bytes.windows(4).enumerate().filter(|(_, four)| *four == [0x28, 0xb5, 0x2f, 0xfd]);
    has(bytes) || frames.into_iter().any(|(at, _)| has(&decompressed(&bytes[at..])))
}

fn decompressed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(frame) = zstd::stream::read::Decoder::new(bytes) {
        let _not_a_frame = frame.single_frame().read_to_end(&mut out).is_err();
    }
    out
}
