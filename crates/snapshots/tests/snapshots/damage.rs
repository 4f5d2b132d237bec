//! No damage is read silently: every byte of a segment is vouched for.

use std::path::{Path, PathBuf};

use crate::common::{Owned, acknowledged, added, identity, read, storage, window};
use objects::Objects;
use snapshots::{Error, Layer, Manifest, SegmentKind, SegmentRef, compact, verify};

async fn segment(objects: &Objects, number: u32) -> SegmentRef {
    let row = |unit: u64| (unit != 2).then(|| vec![number as u8; 20]);
    let entries: Vec<_> = (0..4).map(|unit| (unit, added(unit as u8, 12), Owned::new(unit, row(unit)))).collect();
    window(objects, number, &entries).await
}

fn paths(folder: &Path, segment: &SegmentRef) -> [PathBuf; 2] {
    segment.objects().map(|name| folder.join(name))
}

/// Reads all of it in both ways; both must say the same of the damage.
async fn damage(objects: &Objects, manifest: &Manifest) -> Option<Error> {
    let read = read(objects, manifest, 0).await.err();
    let verified = verify(objects, manifest).await.err().map(|mut damaged| damaged.remove(0).error);
    assert_eq!(read.is_some(), verified.is_some(), "{read:?} {verified:?}");
    read
}

#[tokio::test]
async fn every_flipped_byte_is_detected() {
    let (folder, objects) = storage();
    let segment = segment(&objects, 1).await;
    // Both kinds of segments have formats of their own.
    let manifest = acknowledged(segment);
    let delta = compact(&objects, &manifest, identity(2, SegmentKind::Delta), 0..1, 0).await.unwrap();
    for manifest in [manifest, delta] {
        assert!(damage(&objects, &manifest).await.is_none());
        for (path, name) in paths(folder.path(), &manifest.layers[0].segment).iter().zip(manifest.objects()) {
            let whole = std::fs::read(path).unwrap();
            for at in 0..whole.len() {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (at % 8);
                std::fs::write(path, flipped).unwrap();
                match damage(&objects, &manifest).await {
                    Some(Error::Corrupt { object, .. }) => assert_eq!(object, name),
                    other => panic!("byte {at} of {name}: {other:?}"),
                }
            }
            std::fs::write(path, whole).unwrap();
        }
        assert!(damage(&objects, &manifest).await.is_none());
    }
}

#[tokio::test]
async fn a_truncated_or_grown_object_is_detected() {
    let (folder, objects) = storage();
    let manifest = acknowledged(segment(&objects, 1).await);
    let segment = &manifest.layers[0].segment;
    let footers = [segment.hashes.footer, segment.values.footer];
    for (path, footer) in paths(folder.path(), segment).into_iter().zip(footers) {
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(damage(&objects, &manifest).await, Some(Error::Corrupt { .. })), "{length}");
        }
        std::fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
        assert!(matches!(damage(&objects, &manifest).await, Some(Error::Corrupt { .. })));
        // Between the blocks and the footer, where no digest of either would notice it.
        let footer = whole.len() - footer as usize;
        std::fs::write(&path, [&whole[..footer], &[0], &whole[footer..]].concat()).unwrap();
        assert!(matches!(damage(&objects, &manifest).await, Some(Error::Corrupt { .. })));
        std::fs::write(&path, whole).unwrap();
    }
}

#[tokio::test]
async fn a_missing_object_is_told_apart_from_a_damaged_one() {
    let (_folder, objects) = storage();
    for part in 0..2 {
        let manifest = acknowledged(segment(&objects, part + 1).await);
        let gone = manifest.layers[0].segment.objects()[part as usize];
        objects.delete(gone).await.unwrap();
        match damage(&objects, &manifest).await {
            Some(Error::Missing { object }) => assert_eq!(object, gone),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn swapped_objects_are_detected() {
    let (folder, objects) = storage();
    let (first, second) = (segment(&objects, 1).await, segment(&objects, 2).await);
    let manifest =
        Manifest { layers: [&first, &second].map(|segment| acknowledged(segment.clone()).layers.remove(0)).to_vec() };
    let swap = |left: &Path, right: &Path| {
        let (one, other) = (std::fs::read(left).unwrap(), std::fs::read(right).unwrap());
        std::fs::write(left, other).unwrap();
        std::fs::write(right, one).unwrap();
    };
    let (of_first, of_second) = (paths(folder.path(), &first), paths(folder.path(), &second));
    let hashes = (&of_first[0], &of_second[0]);
    let values = (&of_first[1], &of_second[1]);
    for pairs in [vec![hashes], vec![values], vec![hashes, values], vec![(&of_first[0], &of_first[1])]] {
        pairs.iter().for_each(|(left, right)| swap(left, right));
        assert!(matches!(damage(&objects, &manifest).await, Some(Error::Corrupt { .. })));
        assert_eq!(
            verify(&objects, &manifest).await.unwrap_err().len(),
            if pairs[0].1 == &of_first[1] { 1 } else { 2 }
        );
        pairs.iter().for_each(|(left, right)| swap(left, right));
        assert!(damage(&objects, &manifest).await.is_none());
    }
}

#[tokio::test]
async fn a_manifest_that_mixes_up_its_segments_is_detected() {
    let (_folder, objects) = storage();
    let (first, second) = (segment(&objects, 1).await, segment(&objects, 2).await);
    let mixed = SegmentRef { values: second.values.clone(), ..first.clone() };
    let older = SegmentRef { epoch: 11, ..first.clone() };
    let renumbered = SegmentRef { number: 2, ..first.clone() };
    let fewer = SegmentRef { entries: 3, ..first.clone() };
    let turned = SegmentRef { hashes: first.values.clone(), values: first.hashes.clone(), ..first.clone() };
    for wrong in [mixed, older, renumbered, fewer, turned] {
        let manifest = acknowledged(wrong);
        assert!(matches!(damage(&objects, &manifest).await, Some(Error::Corrupt { .. })));
    }
    let mut delta = Manifest { layers: vec![Layer::delta(SegmentRef { kind: SegmentKind::Delta, ..first })] };
    assert!(matches!(damage(&objects, &delta).await, Some(Error::Corrupt { .. })));
    delta.layers[0].segment.sync = domain::SyncId::from_uuid(uuid::Uuid::from_u128(2));
    assert!(matches!(damage(&objects, &delta).await, Some(Error::Corrupt { .. })));
}
