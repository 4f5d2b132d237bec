use aws_sdk_kinesis::types::{ShardFilter, ShardFilterType};

use crate::kinesis::{Kinesis, code, is_open, range, record_at};

pub(crate) async fn new_shards_cover_all_hash_keys(kinesis: Kinesis) {
    for count in [1, 3, 4] {
        let name = kinesis.stream(count).await;
        let shards = kinesis.shards(&name).await;
        assert_eq!(shards.len(), usize::try_from(count).expect("small"));
        assert_eq!(shards[0].shard_id(), "shardId-000000000000");
        let ranges: Vec<_> = shards.iter().map(range).collect();
        assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1), (0, u128::MAX));
        assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{ranges:?}");
    }
}

pub(crate) async fn a_split_closes_the_parent_and_halves_its_range(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    split(&kinesis, &name, "shardId-000000000000", 1 << 127).await;
    let shards = kinesis.shards(&name).await;
    assert_eq!(shards.iter().map(is_open).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(range(&shards[1]), (0, (1 << 127) - 1));
    assert_eq!(range(&shards[2]), (1 << 127, u128::MAX));
    assert!(shards[1..].iter().all(|shard| shard.parent_shard_id() == Some("shardId-000000000000")));
    let put_to = kinesis.put_all(&name, [record_at(0, "low"), record_at(u128::MAX, "high")]).await;
    assert_eq!(put_to, ["shardId-000000000001", "shardId-000000000002"]);
}

pub(crate) async fn a_merge_joins_two_adjacent_ranges(kinesis: Kinesis) {
    let name = kinesis.stream(2).await;
    let (one, other) = ("shardId-000000000000", "shardId-000000000001");
    let merge = kinesis.client.merge_shards().stream_name(&name).shard_to_merge(one).adjacent_shard_to_merge(other);
    merge.send().await.expect("merged");
    kinesis.until_active(&name).await;
    let shards = kinesis.shards(&name).await;
    assert_eq!(shards.iter().map(is_open).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(range(&shards[2]), (0, u128::MAX));
    assert_eq!(shards[2].parent_shard_id(), Some(one));
    assert_eq!(shards[2].adjacent_parent_shard_id(), Some(other));
}

pub(crate) async fn a_split_outside_the_range_and_a_merge_of_strangers_are_refused(kinesis: Kinesis) {
    let name = kinesis.stream(3).await;
    let shard = |number: u32| format!("shardId-{number:012}");
    let split = |number, at: u128| {
        let request = kinesis.client.split_shard().stream_name(&name).shard_to_split(shard(number));
        request.new_starting_hash_key(at.to_string()).send()
    };
    assert_eq!(code(split(0, u128::MAX).await), "InvalidArgumentException");
    assert_eq!(code(split(9, 5).await), "ResourceNotFoundException");
    let strangers = kinesis.client.merge_shards().stream_name(&name).shard_to_merge(shard(0));
    assert_eq!(code(strangers.adjacent_shard_to_merge(shard(2)).send().await), "InvalidArgumentException");
}

pub(crate) async fn shards_are_listed_in_pages(kinesis: Kinesis) {
    let name = kinesis.stream(3).await;
    let first = kinesis.client.list_shards().stream_name(&name).max_results(2).send().await.expect("listed");
    assert_eq!(first.shards().len(), 2);
    let token = first.next_token().expect("more");
    let second = kinesis.client.list_shards().next_token(token).send().await.expect("listed");
    assert_eq!(second.shards().len(), 1);
    assert_eq!(second.next_token(), None);
}

pub(crate) async fn open_shards_can_be_listed_alone(kinesis: Kinesis) {
    let name = kinesis.stream(1).await;
    split(&kinesis, &name, "shardId-000000000000", 1 << 127).await;
    let filter = ShardFilter::builder().r#type(ShardFilterType::AtLatest).build().expect("complete");
    let open = kinesis.client.list_shards().stream_name(&name).shard_filter(filter).send().await.expect("listed");
    assert_eq!(open.shards().len(), 2);
    assert!(open.shards().iter().all(is_open));
}

pub(crate) async fn split(kinesis: &Kinesis, stream: &str, shard: &str, at: u128) {
    let request = kinesis.client.split_shard().stream_name(stream).shard_to_split(shard);
    request.new_starting_hash_key(at.to_string()).send().await.expect("split");
    kinesis.until_active(stream).await;
}
