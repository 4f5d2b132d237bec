/** What a cause of rejected or invalid rows means, and what to do about it. */
export function adviceFor(code: string): string {
  const known = Object.entries(ADVICE).find(([part]) => code.includes(part));
  return known ? known[1] : "The rows below say why. They are tried again by the next run.";
}

const ADVICE: Record<string, string> = {
  "too-large": "The record is larger than the sync's limit. Leave columns out of the message, or raise the limit if the stream takes more.",
  throughput: "A shard had no room. It passes by itself; if it happens often, add shards or choose a partition key that spreads better.",
  throttl: "A shard had no room. It passes by itself; if it happens often, add shards or choose a partition key that spreads better.",
  "internal-failure": "Kinesis failed on its side. The next run tries again.",
  unanswered: "No answer came, so it is not known whether the record arrived. It is sent again.",
  "partition-key": "The partition key of the row is empty or too long. It needs 1 to 256 characters.",
  "hash-key": "The hash key of the row is no number from 0 to 2^128 − 1.",
  json: "The message of the row is not JSON. Mend the value in the database, or the template.",
  template: "The template cannot be filled for these rows. Look at what is missing in them.",
  null: "A column of the primary key is null. Filter such rows out, or choose another key.",
  duplicate: "Several rows have the same key. Make the query return one row for each key, or choose a key that tells them apart.",
};
