// A workspace with a history worth looking at: syncs that are fine, rejected rows, a guarded removal, a failed run.

/** Signs up at the API of `world` and gives the session and the ids. */
export async function seed(world, { email = `ann-${Date.now()}@example.com` } = {}) {
  let cookie = "";
  const call = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${world.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...(cookie ? { cookie } : {}), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const set = answer.headers.get("set-cookie");
    if (set) cookie = set.split(";")[0];
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  const password = "a long sentence";
  const { workspace_id } = await call("POST", "/v1/sign-up", { email, password, workspace_name: "Shop" });
  const w = `/v1/workspaces/${workspace_id}`;
  const { host, port, database, user, password: secret } = world.shop;
  const source = (await call("POST", `${w}/sources`, { name: "shop database", postgres: { host, port, database, user, password: secret, tls: "disable" } })).id;
  const model = async (name, query) => (await call("POST", `${w}/models`, { name, source, query, key: ["id"] })).id;
  const customers = await model("customers", "select id, email, name, city, balance, newsletter, tags\nfrom customers");
  const orders = await model("orders", "select id, customer_id, amount, state from orders");
  const credentials = { type: "access-key", access_key_id: "AKIAIOSFODNN7EXAMPLE", secret_access_key: "example-of-a-secret" };
  const destination = (await call("POST", `${w}/destinations`, { name: "our account", region: "eu-central-1", endpoint: world.simulator, credentials })).id;
  const role = { type: "role", role_arn: "arn:aws:iam::123456789012:role/rowcast" };
  const broken = (await call("POST", `${w}/destinations`, { name: "staging by role", region: "eu-west-1", endpoint: world.simulator, credentials: role })).id;
  await call("POST", `${w}/destinations/${destination}/verify?wait=20`, { stream: "customers" });
  await call("POST", `${w}/destinations/${broken}/verify?wait=20`, { stream: "customers" });
  const sync = async (name, of, stream, json, more = {}) => (await call("POST", `${w}/syncs`, { name, model: of, destination, stream, message: { json }, partition_key: { column: "id" }, ...more })).id;
  const mail = await sync("customers to marketing", customers, "customers", '{\n  "op": {{ op }},\n  "id": {{ row.id }},\n  "email": {{ row.email }},\n  "greeting": "Dear {{ row.name }}",\n  "balance": {{ row.balance }},\n  "city_before": {{ previous.city }},\n  "event": { "id": {{ event.id }}, "sequence": {{ event.sequence }} }\n}', { schedule: { type: "cron", expression: "30 6 * * 1-5", time_zone: "Europe/Berlin" } });
  const warehouse = await sync("orders to the warehouse", orders, "orders", '{ "id": {{ row.id }}, "state": {{ row.state }}, "amount": {{ row.amount }} }', { schedule: { type: "interval", every: 6, unit: "hours" } });
  const narrow = await sync("customers, small records", customers, "customers", '{ "id": {{ row.id }}, "tags": {{ row.tags }}, "email": {{ row.email }} }', { limits: { record_bytes: 58 } });
  const lost = await sync("orders to nowhere", orders, "no-such-stream", '{ "id": {{ row.id }} }');
  await sync("orders, not run yet", orders, "orders", '{ "id": {{ row.id }} }');
  const run = async (of) => {
    const { run: made } = await call("POST", `${w}/syncs/${of}/runs`, { kind: "normal" });
    for (let tries = 0; tries < 600; tries += 1) {
      const now = await call("GET", `${w}/runs/${made.id}`);
      if (now.state !== "queued" && now.state !== "running") return now.id;
      await new Promise((done) => setTimeout(done, 200));
    }
    throw new Error(`run ${made.id} does not end`);
  };
  const first = await run(mail);
  const ordersRun = await run(warehouse);
  const rejected = await run(narrow);
  const failed = await run(lost);
  for (let round = 1; round <= 6; round += 1) {
    world.shop.sql(`update customers set city = 'Rome', balance = balance + ${round} where id % ${round + 3} = 0`);
    await run(mail);
  }
  world.shop.sql("delete from orders where id > 2000");
  const guarded = await run(warehouse);
  world.shop.sql("update customers set city = 'Turin' where id % 10 = 0; delete from customers where id in (3, 5); insert into customers values (900001, 'new@example.com', 'Neu', 'Wien', 1, true, null, '{}')");
  await call("POST", `${w}/api-keys`, { name: "warehouse importer", role: "editor" });
  const invitation = await call("POST", `${w}/invitations`, { role: "viewer" });
  return { workspace: workspace_id, email, password, cookie, call, invitation: invitation.link, ids: { source, customers, orders, destination, broken, mail, warehouse, narrow, lost, first, ordersRun, rejected, failed, guarded } };
}
