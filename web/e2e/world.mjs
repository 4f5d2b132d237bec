// A service to try the UI on: a shop in a PostgreSQL of its own, the Kinesis simulator, and `rowcast all`, everything on
// 127.0.0.1 and gone when it ends. `node e2e/world.mjs` prints where things are, as one line of JSON, and stays.
// ROWCAST_BIN names the binary, PG_BIN the folder of PostgreSQL.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { sql } from "./sql.mjs";

const root = resolve(fileURLToPath(import.meta.url), "../../..");

/** Starts everything; `stop` ends it. `customers` and `orders` change (see seed.mjs); `people` never does. `customers` is how many rows the shop has. */
export async function startWorld({ customers = 1200, port, log = () => {} } = {}) {
  const rowcast = process.env.ROWCAST_BIN ?? join(root, "target/debug/rowcast");
  if (!existsSync(rowcast)) throw new Error(`${rowcast} is missing: cargo build -p server, or name one with ROWCAST_BIN`);
  const home = mkdtempSync(join(tmpdir(), "rowcast-web-"));
  chmodSync(home, 0o755);
  const children = [];
  const stop = async () => {
    await Promise.all(children.reverse().map((child) => ended(child)));
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const shop = await startShop(home, children, customers);
    const [simulatorPort, apiPort] = [await freePort(), port ?? (await freePort())];
    const simulator = `http://127.0.0.1:${simulatorPort}`;
    start(children, rowcast, ["simulator", "--listen", `127.0.0.1:${simulatorPort}`, "--stream", "customers", "--stream", "orders", "--stream", "slow", "--shards", "4"], {}, log);
    await answers(`${simulator}/_simulator/streams/customers/records`, children.at(-1));
    const url = `http://localhost:${apiPort}`;
    const settings = {
      ROWCAST_HTTP__LISTEN: `127.0.0.1:${apiPort}`,
      ROWCAST_HTTP__RATE_PER_ADDRESS: "100000/1m",
      ROWCAST_HTTP__RATE_OF_ATTEMPTS: "10000/1m",
      ROWCAST_HTTP__RATE_PER_ACCOUNT: "10000/1h",
      ROWCAST_HTTP__RATE_PER_CREDENTIAL: "100000/1m",
      ROWCAST_HTTP__RATE_PER_WORKSPACE: "100000/1m",
      ROWCAST_ACCOUNTS__SIGN_UP: "open",
      ROWCAST_EGRESS__ALLOW: "127.0.0.0/8",
      ROWCAST_AWS__ALLOW_ENDPOINT_OVERRIDE: "true",
      ROWCAST_AWS__IDENTITY: "access-key",
      ROWCAST_AWS__ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      ROWCAST_AWS__SECRET_ACCESS_KEY: "example-of-the-service",
      ROWCAST_AWS__PRINCIPAL_ARN: "arn:aws:iam::000000000000:root",
      ROWCAST_AWS__STS_ENDPOINT: simulator,
      ROWCAST_WORKER__SETTLING: "1s",
    };
    start(children, rowcast, ["all", "--home", join(home, "rowcast")], settings, log);
    await answers(`${url}/readyz`, children.at(-1));
    return { url, simulator, shop, home, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The one that ROWCAST_WORLD names, a file with what `node e2e/world.mjs` printed; else one of its own. */
export async function openWorld(options) {
  const file = process.env.ROWCAST_WORLD;
  return file ? { ...JSON.parse(readFileSync(file, "utf8")), stop: async () => undefined } : startWorld(options);
}

async function startShop(home, children, customers) {
  const bin = process.env.PG_BIN ?? postgresFolder();
  const data = join(home, "shop");
  mkdirSync(data);
  // PostgreSQL refuses to run as root.
  const user = process.getuid() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid);
  const options = { ...user, cwd: data, stdio: "pipe" };
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "-E", "UTF8"], options);
  const port = await freePort();
  const settings = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", `unix_socket_directories=${data}`];
  children.push(spawn(join(bin, "postgres"), settings, { ...user, cwd: data, stdio: "ignore" }));
  const socket = join(data, `.s.PGSQL.${port}`);
  await eventually(() => sql(socket, "select 1"), "the shop's PostgreSQL");
  await sql(socket, `create table customers (id bigint primary key, email text not null, name text not null, city text, balance numeric(12,2) not null,
         newsletter boolean not null default false, born date, tags jsonb, updated_at timestamptz not null default now());
       create table orders (id bigint primary key, customer_id bigint not null, amount numeric(12,2) not null, state text not null, placed_at timestamptz not null);
       insert into customers select n, 'customer' || n || '@example.com', (array['Ada','Grace','Linus','Edsger','Barbara','Donald'])[1 + n % 6] || ' ' || n,
         (array['Berlin','Paris','Oslo','Lisbon',null])[1 + n % 5], (n * 37 % 100000) / 100.0, n % 3 = 0, date '1970-01-01' + (n % 15000)::int, jsonb_build_object('tier', n % 4), timestamptz '2026-01-01' + n * interval '1 minute'
         from generate_series(1, ${Number(customers)}) n;
       create table people as select * from customers;
       alter table people add primary key (id);
       insert into orders select n, 1 + n % ${Number(customers)}, (n * 13 % 50000) / 100.0, (array['new','paid','sent'])[1 + n % 3], timestamptz '2026-01-01' + n * interval '7 minutes' from generate_series(1, 5000) n;
       create role reader login password 'reader-of-the-shop'; grant select on all tables in schema public to reader;
       alter default privileges in schema public grant select on tables to reader;`);
  return { host: "127.0.0.1", port, database: "postgres", user: "reader", password: "reader-of-the-shop", socket };
}

function postgresFolder() {
  const base = "/usr/lib/postgresql";
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
  if (versions.length === 0) throw new Error("PostgreSQL is missing: name its folder with PG_BIN");
  return join(base, versions[0], "bin");
}

function idOf(which) {
  for (const name of ["postgres", "nobody"]) {
    try {
      return Number(execFileSync("id", [which, name], { stdio: "pipe" }).toString());
    } catch {
      // There is no such user here.
    }
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody");
}

function start(children, program, args, env, log) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (text) => log(text.toString()));
  child.stderr.on("data", (text) => log(text.toString()));
  children.push(child);
}

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    child.once("exit", () => (clearTimeout(late), done()));
    child.kill("SIGINT");
  });
}

function freePort() {
  return new Promise((done, failed) => {
    const server = createServer().once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function answers(url, child) {
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error("it has ended");
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  }, url);
}

async function eventually(attempt, what) {
  const until = Date.now() + 60_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > until) throw new Error(`${what} did not come up`, { cause: error });
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const world = await startWorld({ port: process.env.PORT && Number(process.env.PORT), log: (text) => process.stderr.write(text) });
  console.log(JSON.stringify({ url: world.url, simulator: world.simulator, shop: world.shop }));
  const end = async () => (await world.stop(), process.exit(0));
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}
