/** MD5, because Kinesis chooses shards by it and browsers do not offer it. Not for anything secret. */
export function md5(text: string): bigint {
  const data = new TextEncoder().encode(text);
  const words = new Uint32Array((((data.length + 8) >> 6) + 1) * 16);
  data.forEach((byte, at) => (words[at >> 2] = (words[at >> 2] ?? 0) | (byte << ((at % 4) * 8))));
  words[data.length >> 2] = (words[data.length >> 2] ?? 0) | (0x80 << ((data.length % 4) * 8));
  words[words.length - 2] = data.length * 8;
  let [a, b, c, d] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let block = 0; block < words.length; block += 16) {
    const before = [a, b, c, d] as const;
    for (let step = 0; step < 64; step += 1) {
      const round = step >> 4;
      const mixed = round === 0 ? (b & c) | (~b & d) : round === 1 ? (d & b) | (~d & c) : round === 2 ? b ^ c ^ d : c ^ (b | ~d);
      const word = round === 0 ? step : round === 1 ? (5 * step + 1) % 16 : round === 2 ? (3 * step + 5) % 16 : (7 * step) % 16;
      const sum = (a + mixed + (SINES[step] ?? 0) + (words[block + word] ?? 0)) | 0;
      const shift = SHIFTS[round]?.[step % 4] ?? 0;
      [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    [a, b, c, d] = [(a + before[0]) | 0, (b + before[1]) | 0, (c + before[2]) | 0, (d + before[3]) | 0];
  }
  const bytes = new Uint8Array(Int32Array.of(a, b, c, d).buffer);
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

const SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
const SINES = Array.from({ length: 64 }, (_, at) => Math.floor(Math.abs(Math.sin(at + 1)) * 2 ** 32));
