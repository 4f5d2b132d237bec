// A workspace with a history worth looking at: syncs that are fine, rejected rows, a throttled shard, a guarded removal, a failed run.
import { signUp, simulator, sql } from "./account.mjs";

const MESSAGE = `{
  "op": {{ op }},
  "id": {{ row.id }},
  "email": {{ row.email }},
  "greeting": "Dear {{ row.name }}",
  "balance": {{ row.balance }},
  "city": {{ row.city }},
  "city_before": {{ previous.city }},
  "event": { "id": {{ event.id }}, "sequence": {{ event.sequence }} }
}`;

/** Signs up at the API of `world` and gives the person and the ids. `rounds` is how often something changes and is sent. */
export async function seed(world, { email, rounds = 6 } = {}) {
  const account = await signUp(world, email ? { email } : {});
  const { call, w, workspace } = account;
  const change = (text) => sql(world.shop.socket, text);
  // As it was at first, whoever has been here before.
  await change(`delete from orders; insert into orders select n, 1 + n % 1200, (n * 13 % 50000) / 100.0, (array['new','paid','sent'])[1 + n % 3], timestamptz '2026-01-01' + n * interval '7 minutes' from generate_series(1, 5000) n`);
  const source = await account.source();
  const customers = await account.model(source, "customers", "select id, email, name, city, balance, newsletter, tags\nfrom customers");
  const orders = await account.model(source, "orders", "select id, customer_id, amount, state from orders");
  const destination = await account.destination();
  const broken = await account.destination({ name: "staging by role", region: "eu-west-1", credentials: { type: "role", role_arn: "arn:aws:iam::123456789012:role/rowcast" } });
  await call("POST", `${w}/destinations/${destination}/verify?wait=20`, { stream: "customers" });
  await call("POST", `${w}/destinations/${broken}/verify?wait=20`, { stream: "customers" });
  const mail = await account.sync("customers to marketing", customers, destination, "customers", MESSAGE, { schedule: { type: "cron", expression: "30 6 * * 1-5", time_zone: "Europe/Berlin" } });
  const warehouse = await account.sync("orders to the warehouse", orders, destination, "orders", '{ "id": {{ row.id }}, "state": {{ row.state }}, "amount": {{ row.amount }} }', { schedule: { type: "interval", every: 6, unit: "hours" } });
  const notes = await account.model(source, "customers and notes", "select id, email, repeat('a note ', (id % 7)::int * 5) as note from customers");
  const narrow = await account.sync("notes, small records", notes, destination, "customers", '{ "id": {{ row.id }}, "email": {{ row.email }}, "note": {{ row.note }} }', { limits: { record_bytes: 256 } });
  const lost = await account.sync("orders to nowhere", orders, destination, "no-such-stream", '{ "id": {{ row.id }} }');
  const fresh = await account.sync("orders, not run yet", orders, destination, "orders", '{ "id": {{ row.id }} }');
  const run = async (of) => (await account.run(of)).id;
  const first = await run(mail);
  const ordersRun = await run(warehouse);
  const rejected = await run(narrow);
  const failed = await run(lost);
  for (let round = 1; round <= rounds; round += 1) {
    await change(`update customers set city = 'Rome', balance = balance + ${round} where id % ${round + 3} = 0`);
    await run(mail);
  }
  // Only these records, and only a few times: other tests use the same stream.
  await simulator(world, "POST", "faults", [{ operation: "PutRecords", data_contains: "Genoa", effect: { throttle: { shard: "shardId-000000000001" } }, times: 4 }]);
  await change("update customers set balance = balance + 10, city = 'Genoa' where id % 2 = 0");
  const throttled = await run(mail);
  await change("delete from orders where id > 2000");
  const guarded = await run(warehouse);
  await change(`update customers set city = 'Turin' where id % 10 = 0; delete from customers where id in (select id from customers order by id limit 2);
    insert into customers select max(id) + 1, 'new@example.com', 'Neu', 'Wien', 1, true, null, '{}' from customers`);
  await call("POST", `${w}/api-keys`, { name: "warehouse importer", role: "editor" });
  const invitation = await call("POST", `${w}/invitations`, { role: "viewer" });
  return { ...account, invitation: invitation.link, ids: { workspace, source, customers, orders, destination, broken, mail, warehouse, narrow, lost, fresh, first, ordersRun, rejected, failed, throttled, guarded } };
}

/** The address of every page, by a name for it. */
export function pagesOf({ workspace, ids, invitation }) {
  const w = `/w/${workspace}`;
  return {
    overview: w, setup: `${w}/setup?step=source`, "setup-model": `${w}/setup?step=model`, "setup-destination": `${w}/setup?step=destination`, "setup-sync": `${w}/setup?step=sync`,
    syncs: `${w}/syncs`, "sync-new": `${w}/syncs/new?model=${ids.customers}`,
    sync: `${w}/syncs/${ids.mail}`, "sync-guarded": `${w}/syncs/${ids.warehouse}`, "sync-preview": `${w}/syncs/${ids.mail}?tab=preview`, "sync-rows": `${w}/syncs/${ids.mail}?tab=rows`, "sync-configuration": `${w}/syncs/${ids.mail}?tab=configuration`, "sync-fresh": `${w}/syncs/${ids.fresh}`,
    runs: `${w}/runs`, run: `${w}/runs/${ids.first}`, "run-rejected": `${w}/runs/${ids.rejected}?tab=rejections`, "run-failed": `${w}/runs/${ids.failed}`, "run-throttled": `${w}/runs/${ids.throttled}?tab=report`, "run-guarded": `${w}/runs/${ids.guarded}`, "run-invalid": `${w}/runs/${ids.first}?tab=invalid`, "run-events": `${w}/runs/${ids.first}?tab=events`,
    "run-rows": `${w}/runs/${ids.first}?tab=rows`, "run-calls": `${w}/runs/${ids.first}?tab=calls`, "run-call": `${w}/runs/${ids.first}?tab=calls&call=1`, "run-report": `${w}/runs/${ids.first}?tab=report`, log: `${w}/log`, "sync-timeline": `${w}/syncs/${ids.mail}/rows`,
    models: `${w}/models`, model: `${w}/models/${ids.customers}`, "model-new": `${w}/models/new`, sources: `${w}/sources`, source: `${w}/sources/${ids.source}`, "source-new": `${w}/sources/new`,
    destinations: `${w}/destinations`, destination: `${w}/destinations/${ids.destination}`, "destination-role": `${w}/destinations/${ids.broken}`, "destination-new": `${w}/destinations/new`,
    settings: `${w}/settings`, members: `${w}/settings?tab=members`, keys: `${w}/settings?tab=keys`, audit: `${w}/settings?tab=audit`, account: "/account",
    "not-found": `${w}/runs/run_0`, nowhere: "/nowhere", "nowhere-inside": `${w}/nowhere`, "sign-in": "/sign-in", "sign-up": "/sign-up", "reset-password": "/reset-password#wrong", invitation: new URL(invitation).pathname + new URL(invitation).hash,
  };
}
