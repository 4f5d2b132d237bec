// People and what they set up, made by the API, so that a journey begins where it becomes interesting.
import { sql } from "./sql.mjs";

export const PASSWORD = "a long sentence";
let people = 0;

/** Requests of one person, who keeps their session. */
export function caller(world) {
  let cookie = "";
  return async (method, path, body) => {
    const headers = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...(cookie ? { cookie } : {}) };
    const answer = await fetch(`${world.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const set = answer.headers.get("set-cookie");
    if (set) cookie = set.split(";")[0];
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
}

export function newEmail(name = "ann") {
  people += 1;
  return `${name}${Date.now().toString(36).slice(-5)}${process.pid.toString(36)}${people}@example.com`;
}

/** Somebody with a workspace of their own, and short ways to what belongs into it. */
export async function signUp(world, { email = newEmail(), name = "Shop" } = {}) {
  const call = caller(world);
  const { workspace_id: workspace } = await call("POST", "/v1/sign-up", { email, password: PASSWORD, workspace_name: name });
  const w = `/v1/workspaces/${workspace}`;
  const idOf = async (kind, body) => (await call("POST", `${w}/${kind}`, body)).id;
  const { host, port, database, user, password } = world.shop;
  const account = {
    email, password: PASSWORD, workspace, w, call,
    source: () => idOf("sources", { name: "shop database", postgres: { host, port, database, user, password, tls: "disable" } }),
    model: (source, called, query, key = ["id"]) => idOf("models", { name: called, source, query, key }),
    destination: (more = {}) =>
      idOf("destinations", { name: "our account", region: "eu-central-1", endpoint: world.simulator, credentials: { type: "access-key", access_key_id: "AKIAIOSFODNN7EXAMPLE", secret_access_key: "example-of-a-secret" }, ...more }),
    sync: (called, model, destination, stream, json, more = {}) => idOf("syncs", { name: called, model, destination, stream, message: { json }, partition_key: { column: "id" }, ...more }),
    /** Runs a sync to the end of its run. */
    run: async (sync) => {
      const { run } = await call("POST", `${w}/syncs/${sync}/runs`, { kind: "normal" });
      for (const until = Date.now() + 120_000; Date.now() < until; ) {
        const now = await call("GET", `${w}/runs/${run.id}`);
        if (now.state !== "queued" && now.state !== "running") return now;
        await new Promise((done) => setTimeout(done, 200));
      }
      throw new Error(`run ${run.id} does not end`);
    },
  };
  return account;
}

/** A table of its own in the shop, with rows of which no other test knows, and a sync of it. Their ids begin at 101. */
export async function ownSync(world, account, { table, stream, rows = 1000, more = {}, json = '{ "id": {{ row.id }}, "email": {{ row.email }} }' }) {
  const called = `${table}_${Date.now()}`;
  await sql(world.shop.socket, `create table ${called} as select id, email, name, city from people where id > 100 and id <= ${100 + rows}`);
  const source = await account.source();
  const model = await account.model(source, called, `select id, email, name, city from ${called}`);
  const destination = await account.destination();
  const sync = await account.sync(table, model, destination, stream, json, more);
  return { table: called, source, model, destination, sync };
}

/** Sends something to the simulator's own endpoint. */
export async function simulator(world, method, path, body) {
  const answer = await fetch(`${world.simulator}/_simulator/${path}`, { method, ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

export { sql };
