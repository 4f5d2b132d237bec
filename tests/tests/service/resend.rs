//! Rejected rows and rows of a past run, sent again and dismissed over HTTP.

use serde_json::{Value, json};

use crate::world::{Answer, Customer, Settings, World};

async fn after(ann: &Customer, asked: Answer) -> Value {
    let asked = asked.expect(202);
    ann.ended(asked.body["run"]["id"].as_str().unwrap()).await
}

#[tokio::test]
async fn an_editor_sends_rejected_and_past_rows_again_and_dismisses_what_is_to_be_left() {
    let world = World::start(Settings::default()).await;
    let (api, _worker) = (world.serve().await, world.worker().await);
    let ann = Customer::sign_up(api.url()).await;
    // Every third row is too large.
    let rows = "create table items (id bigint primary key, body text not null);
        insert into items select n, repeat('a', case n % 3 when 0 then 500 else 5 end) from generate_series(1, 30) n";
    let shop = world.shop(rows).await;
    let limits = json!({"limits": {"record_bytes": 400}});
    let sync = ann.sync(&world, &shop, "select id, body from items", limits).await;
    let (send, dismiss) = (format!("/syncs/{sync}/send-rows"), format!("/syncs/{sync}/rejections/dismiss"));
    ann.post(&dismiss, json!({"code": "record-too-large"})).await.expect(422);
    let first = ann.run_now(&sync).await;
    assert_eq!(first["counts"]["rejected"], 10);

    shop.sql("update items set body = 'short' where id <= 15").await;
    let sent = after(&ann, ann.post(&send, json!({"rejections": {"code": "record-too-large"}})).await).await;
    assert_eq!((&sent["kind"], &sent["counts"]["delivered"]), (&json!("send-rows"), &json!(5)), "{sent:#}");
    assert_eq!(sent["counts"]["rejected"], 5);

    ann.post(&dismiss, json!({"code": "no-such-code"})).await.expect(422);
    let dismissed = after(&ann, ann.post(&dismiss, json!({"rows": [[30], {"id": 1}]})).await).await;
    assert_eq!((&dismissed["kind"], &dismissed["reason"]["code"]), (&json!("dismiss"), &json!("rows-not-dismissed")));
    assert!(dismissed["reason"]["meaning"].is_string());
    let dismissed = after(&ann, ann.post(&dismiss, json!({"code": "record-too-large"})).await).await;
    assert_eq!((&dismissed["state"], &dismissed["counts"]["planned"]), (&json!("succeeded"), &json!(0)));
    let audit = ann.session.get(&ann.at("/audit-entries?action=dismiss_rejections")).await.expect(200);
    let entries = audit.body["items"].as_array().unwrap();
    assert_eq!((entries.len(), &entries[1]["detail"]["options"]["rows"]["keys"]), (2, &json!(2)), "{entries:#?}");
    let next = ann.run_now(&sync).await;
    assert_eq!((&next["counts"]["rejected"], &next["counts"]["planned"]), (&json!(0), &json!(10)), "{next:#}");

    let run = first["id"].as_str().unwrap();
    let original = json!({"run": run, "values": "original", "rows": [[1], [2]]});
    let original = after(&ann, ann.post(&send, original).await).await;
    assert_eq!(original["counts"]["delivered"], 2, "{original:#}");
    let next = ann.run_now(&sync).await;
    assert_eq!((&next["counts"]["changed"], &next["counts"]["delivered"]), (&json!(2), &json!(2)), "{next:#}");
    for odd in [
        json!({}),
        json!({"run": run, "rejections": {}}),
        json!({"rows": [[1]], "values": "original"}),
        json!({"rejections": {}, "outcome": "delivered"}),
        json!({"run": "run_0190b3f0c4d27c3e9a51f2b8d6e07a14"}),
    ] {
        ann.post(&send, odd).await.expect(422);
    }
}
