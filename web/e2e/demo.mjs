// What `cargo xtask demo` ends with: the service on a shop that goes on, with a workspace that has a history. Ctrl-C ends it.
import { PASSWORD, sql } from "./account.mjs";
import { seed } from "./seed.mjs";
import { startWorld } from "./world.mjs";

const EMAIL = "ann@example.com";
const world = await startWorld({ port: process.env.PORT && Number(process.env.PORT) });
let ended = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    ended = true;
    await world.stop();
    process.exit(0);
  });
}
try {
  console.log("  The service is up. It now gets a history: runs, rejected rows, a throttled shard, a guarded removal ...");
  const { ids, workspace, call, w } = await seed(world, { email: EMAIL });
  const at = `${world.url}/w/${workspace}`;
  console.log(`
  Web UI                  ${world.url}
  sign in as              ${EMAIL}, password: ${PASSWORD}
  a run with throttles    ${at}/runs/${ids.throttled}
  rejected rows           ${at}/runs/${ids.rejected}?tab=rejections
  a guarded removal       ${at}/runs/${ids.guarded}
  the API                 ${world.url}/openapi.json
  what is in the stream   ${world.simulator}/_simulator/streams/customers/records

  Some customers change every 15 s, and are sent. Ctrl-C ends it; nothing of it stays.`);
  while (!ended) {
    await new Promise((done) => setTimeout(done, 15_000));
    await sql(world.shop.socket, "update customers set balance = balance + 1, city = (array['Oslo','Porto','Vienna'])[1 + floor(random() * 3)::int] where id % 97 = floor(random() * 97)::int");
    await call("POST", `${w}/syncs/${ids.mail}/runs`, { kind: "normal" });
  }
} catch (error) {
  if (!ended) {
    console.error(error.message);
    await world.stop();
    process.exit(1);
  }
}
