export interface Position {
  shard: string;
  sequenceNumber: string;
}

/** A place in a stream, in addresses: `shardId-000000000001:4959..`. */
export function positionText({ shard, sequenceNumber }: Position): string {
  return `${shard}:${sequenceNumber}`;
}

/** From an address, or from what was pasted: shard and sequence number in any order, as a consumer logs them. */
export function positionOf(text: string): Position | undefined {
  const shard = /shardId-\d+/.exec(text)?.[0];
  const sequenceNumber = /\d{10,128}/.exec(shard ? text.replace(shard, " ") : text)?.[0];
  if (shard && sequenceNumber) return { shard, sequenceNumber };
  const plain = /^([\w.-]{1,128}):(\d{1,128})$/.exec(text.trim());
  return plain ? { shard: plain[1] ?? "", sequenceNumber: plain[2] ?? "" } : undefined;
}
