//! The source and the sync of the benches of runs: rows of ten columns, whose messages have about 300 bytes.

use std::net::SocketAddr;

use super::rig::STREAM;

pub(super) const QUERY: &str =
    "select id, uid, email, name, age, balance, active, updated_at, attrs, note from customers";

/// About 220 bytes each as PostgreSQL sends them.
pub(super) fn rows(table: &str, rows: u64) -> String {
    format!(
        r#"create table {table} as
           select n id, md5(n::text)::uuid uid, 'user' || n || '@mail.example.com' email,
                  (array['Ada', 'Bob', 'Eve', 'Joe'])[1 + n % 4] || ' ' || lpad(n::text, 10, '0') name,
                  (18 + n % 70)::int age, (n % 10000000)::numeric / 100 balance, n % 3 = 0 active,
                  timestamptz '2026-01-01' + n * interval '1 second' updated_at,
                  jsonb_build_object('plan', (array['free', 'pro'])[1 + n % 2], 'seats', n % 50) attrs,
                  lpad(to_hex(n * 7919), 60, '0') note
           from generate_series(1::bigint, {rows}) n;
           vacuum analyze {table}"#
    )
}

/// `settings`: more of the sync, a line each.
pub(super) fn sync(name: &str, endpoint: SocketAddr, settings: &[&str]) -> String {
    sync_of(QUERY, "id", name, endpoint, settings)
}

/// The same, read through so many connections at once.
pub(super) fn sync_through(connections: u32, name: &str, endpoint: SocketAddr, settings: &[&str]) -> String {
    let one = sync(name, endpoint, settings);
    one.replacen("model:\n", &format!("model:\n  connections: {connections}\n"), 1)
}

/// The same of another query.
pub(super) fn sync_of(query: &str, partition: &str, name: &str, endpoint: SocketAddr, settings: &[&str]) -> String {
    let settings: String = settings.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        r"name: {name}
source:
  postgres:
    url: {{ env: SHOP_URL }}
model:
  query: {query}
  key: [id]
destination:
  region: eu-central-1
  endpoint: http://{endpoint}
  credentials:
    access_key:
      access_key_id: {{ env: KEY }}
      secret_access_key: {{ env: KEY }}
sync:
  stream: {STREAM}
  message:
    fields: all
  partition_key: {{ column: {partition} }}
{settings}"
    )
}
