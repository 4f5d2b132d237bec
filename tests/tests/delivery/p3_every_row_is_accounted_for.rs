use serde_json::json;
use testkit::rig::Rig;

#[tokio::test]
async fn smoke() {
    let began = std::time::Instant::now();
    let rig = Rig::start(
        "create table items (id bigint, name text); insert into items select n, 'name ' || n from generate_series(1, 10) n",
        json!({"model": {"query": "select * from items", "key": ["id"]},
        "sync": {"message": {"fields": "all"}, "partition_key": {"column": "id"}}}),
    )
    .await;
    println!("{:?}", began.elapsed());
    let report = rig.run().await;
    println!("{:?} {report:?}", began.elapsed());
    println!("{:?}", rig.messages());
    println!("{:?}", rig.objects());
    println!("{}", rig.store_dump().await);
    rig.sql("update items set name = 'x' where id = 3").await;
    let report = rig.run().await;
    println!("{:?} {report:?}", began.elapsed());
    let report = rig.run().await;
    println!("{:?} {report:?}", began.elapsed());
}
