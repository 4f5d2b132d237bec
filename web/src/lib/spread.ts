import type { Shard } from "@/api/jobs";
import { md5 } from "@/lib/md5";

/** How many of the keys each shard gets. Kinesis takes the shard whose range holds the MD5 of the key. */
export function spread(keys: string[], shards: Shard[]): { id: string; keys: number }[] {
  const ranges = shards.map((shard) => ({ id: shard.id, first: BigInt(shard.first_hash_key), last: BigInt(shard.last_hash_key), keys: 0 }));
  for (const key of keys) {
    const hash = md5(key);
    const range = ranges.find((each) => each.first <= hash && hash <= each.last);
    if (range) range.keys += 1;
  }
  return ranges.map(({ id, keys: count }) => ({ id, keys: count }));
}

export function shardOf(hash: string, shards: Shard[]): string | undefined {
  const at = BigInt(hash);
  return shards.find((shard) => BigInt(shard.first_hash_key) <= at && at <= BigInt(shard.last_hash_key))?.id;
}

/** Keys that more than a tenth of at least 20 rows have. */
export function hotKeys(keys: string[]): { key: string; share: number }[] {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const hot = [...counts].map(([key, count]) => ({ key, share: count / keys.length })).filter(({ share }) => keys.length >= 20 && share > 0.1);
  return hot.sort((one, other) => other.share - one.share).slice(0, 5);
}
