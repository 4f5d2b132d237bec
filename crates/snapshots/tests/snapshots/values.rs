//! Many values at once come as they were asked for, however they lie.

use crate::common::{Owned, acknowledged, added, storage, unit, window};
use engine::rules::Outcome;
use objects::Objects;
use snapshots::{Error, FIRST_UNIT, Layer, Manifest, Outcomes, Snapshot, ValueAt};

/// Some megabytes that zstd does not make smaller, in two layers: every third unit is in the newer.
async fn large(objects: &Objects) -> (Manifest, Snapshot) {
    let row = |unit: u64, layer: u8| {
        let mut bytes = vec![0; 1_500];
        blake3::Hasher::new().update(&unit.to_be_bytes()).update(&[layer]).finalize_xof().fill(&mut bytes);
        Some(bytes)
    };
    let entry = |unit: u64, layer: u8| (unit, added(layer, 12), Owned::new(unit, row(unit, layer)));
    let all: Vec<_> = (0..3_000).map(|unit| entry(unit, 0)).collect();
    let third: Vec<_> = (0..1_000).map(|unit| entry(3 * unit, 1)).collect();
    let old = acknowledged(window(objects, 1, &all).await).layers.remove(0);
    let new = window(objects, 2, &third).await;
    let outcomes = Outcomes::all(Outcome::Acknowledged, new.entries);
    let manifest = Manifest { layers: vec![old, Layer::window(new, outcomes, 0)] };
    let snapshot = Snapshot::open(objects, &manifest, 0).await.unwrap();
    (manifest, snapshot)
}

async fn places(snapshot: &Snapshot) -> Vec<ValueAt> {
    let mut scan = snapshot.scan(FIRST_UNIT, None);
    let mut places = Vec::new();
    while let Some(found) = scan.next().await.unwrap() {
        assert_eq!(found.id, unit(places.len() as u64));
        places.extend(found.entry_value);
    }
    places
}

#[tokio::test]
async fn all_of_several_layers_come_in_any_order_each_as_often_as_it_is_wanted() {
    let (_folder, objects) = storage();
    let (_, snapshot) = large(&objects).await;
    let places = places(&snapshot).await;
    assert_eq!(places.len(), 3_000);
    let orders: [Vec<usize>; 4] = [
        (0..3_000).collect(),
        (0..3_000).rev().collect(),
        (0..3_000).map(|index| index * 7 % 3_000).collect(),
        vec![5, 5, 2_999, 5, 0, 0],
    ];
    for order in orders {
        let mut values = snapshot.values(order.iter().map(|index| places[*index]).collect());
        for index in order {
            let value = values.next().await.unwrap().unwrap();
            assert_eq!(value.key, (index as u64).to_be_bytes());
            assert_eq!(value, snapshot.value(&places[index]).await.unwrap());
        }
        assert_eq!(values.next().await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_object_that_is_gone_is_an_error_that_names_it_and_nothing_follows_it() {
    let (folder, objects) = storage();
    let (manifest, snapshot) = large(&objects).await;
    let places = places(&snapshot).await;
    let [_, gone] = manifest.layers[1].segment.objects();
    std::fs::remove_file(folder.path().join(gone)).unwrap();
    let mut values = snapshot.values(places);
    match values.next().await {
        Err(Error::Missing { object, .. }) => assert_eq!(object, gone),
        other => panic!("{other:?}"),
    }
    assert_eq!(values.next().await.unwrap(), None);
}
