//! A small shop in PostgreSQL: customers, orders, and a model that joins them.

use tokio_postgres::{Client, NoTls};

use crate::Result;

pub(super) const STREAM: &str = "shop-customers";

/// The file that `rowcast run` would take for this sync.
pub(super) fn sync_file(endpoint: &str) -> String {
    format!(
        r#"name: shop-customers
source:
  postgres:
    url: {{ env: SHOP_DATABASE_URL }}
model:
  query: |
    select c.id, c.email, c.name, c.city, c.tags, count(o.id) as orders, coalesce(sum(o.total), 0) as lifetime_value,
           max(o.placed_at) as last_order_at
    from customers c left join orders o on o.customer_id = c.id
    group by c.id
  key: [id]
destination:
  region: eu-central-1
  endpoint: {endpoint}
  credentials:
    access_key:
      access_key_id: {{ env: SHOP_ACCESS_KEY_ID }}
      secret_access_key: {{ env: SHOP_SECRET_ACCESS_KEY }}
sync:
  stream: {STREAM}
  message:
    json: |
      {{
        "op": {{{{ op }}}},
        "event": {{ "id": {{{{ event.id }}}}, "sequence": {{{{ event.sequence }}}} }},
        "customer": {{
          "id": {{{{ row.id }}}},
          "name": {{{{ row.name }}}},
          "greeting": "Dear {{{{ row.name }}}} <{{{{ row.email }}}}>",
          "city": {{{{ row.city }}}},
          "tags": {{{{ row.tags }}}},
          "orders": {{{{ row.orders }}}},
          "lifetime_value": {{{{ row.lifetime_value }}}},
          "last_order_at": {{{{ row.last_order_at }}}}
        }},
        "changed": {{{{ changed_columns }}}},
        "city_before": {{{{ previous.city }}}}
      }}
  partition_key: {{ column: id }}
"#
    )
}

/// The shop's tables, with so many customers.
pub(super) async fn fill(shop: &Client, customers: u32) -> Result<()> {
    shop.batch_execute(&format!(
        r#"
        create table customers (
            id bigint primary key generated always as identity,
            email text not null, name text not null, city text, tags text[] not null default '{{}}'
        );
        create table orders (
            id bigint primary key generated always as identity,
            customer_id bigint not null references customers on delete cascade,
            total numeric(12, 2) not null, placed_at timestamptz not null
        );
        insert into customers (email, name, city, tags)
        select 'customer' || n || '@shop.example',
               (array['Ada "the first"', 'Boris O''Neill', 'Chloé', 'Dörte', 'Emre', 'Fatou', '太郎'])[1 + n % 7] || ' ' || n,
               (array['Berlin', 'Lagos', 'Lyon', 'Osaka', null])[1 + n % 5],
               case when n % 3 = 0 then array['vip', 'newsletter'] else '{{}}' end
        from generate_series(1, {customers}) as n;
        insert into orders (customer_id, total, placed_at)
        select 1 + (n * 7919) % {customers}, (n % 9000)::numeric / 100 + 1,
               timestamptz '2026-01-01' + n * interval '3 minutes'
        from generate_series(1, {customers} * 2) as n;
        "#
    ))
    .await?;
    Ok(())
}

/// Some customers move, some order, some leave, some come.
pub(super) async fn change(shop: &Client) -> Result<String> {
    let moved = shop.execute("update customers set city = 'Porto' where id % 97 = 0", &[]).await?;
    let ordered = shop
        .execute("insert into orders (customer_id, total, placed_at) select id, 12.30, now() from customers where id % 101 = 0", &[])
        .await?;
    let left = shop.execute("delete from customers where id % 250 = 3", &[]).await?;
    let came = shop
        .execute(
            "insert into customers (email, name, city) select 'new' || n || '@shop.example', 'New ' || n, 'Quito'
             from generate_series(1, 25) as n",
            &[],
        )
        .await?;
    Ok(format!("{moved} customers moved, {ordered} ordered, {left} left, {came} came"))
}

pub(super) async fn visit_city(shop: &Client, city: &str, every: u32) -> Result<u64> {
    let statement = format!("update customers set city = $1 where id % {every} = 0");
    Ok(shop.execute(&statement, &[&city]).await?)
}

/// What the model says now, as far as the check needs it: each customer's id and city.
pub(super) async fn cities(shop: &Client) -> Result<Vec<(i64, Option<String>)>> {
    let rows = shop.query("select id, city from customers", &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

pub(super) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the shop ended");
        }
    });
    Ok(client)
}
