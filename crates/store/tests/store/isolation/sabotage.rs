//! The check at the start, against each way in which a database stops keeping workspaces apart.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use store::{Access, Error, Store};

use crate::people::People;

/// What is done to the database, and what the refusal then names.
const SABOTAGE: &[(&str, &str)] = &[
    ("alter table source disable row level security", "table source has no forced"),
    ("alter table source no force row level security", "table source has no forced"),
    ("alter table workspace disable row level security", "table workspace has no forced"),
    ("drop policy workspace on source", "table source has no policy"),
    ("drop policy workspace on workspace", "table workspace has no policy"),
    ("alter policy workspace on source using (true)", "policy workspace of the table source"),
    ("alter policy workspace on source with check (true)", "policy workspace of the table source"),
    ("alter policy workspace on source using (workspace_id is not null)", "policy workspace of the table source"),
    ("create policy all_of_it on source using (true)", "policy all_of_it of the table source"),
    ("create policy all_of_it on run for select to rowcast_worker using (true)", "policy all_of_it of the table run"),
    ("create policy all_of_it on run to rowcast_cross, rowcast_app using (true)", "policy all_of_it of the table run"),
    ("create policy all_of_it on run for insert to rowcast_app with check (true)", "policy all_of_it of the table run"),
    ("create view every_source as select * from source", "view every_source"),
    ("create view every_source with (security_invoker = false) as select * from source", "view every_source"),
    ("create materialized view every_source as select * from source", "view every_source"),
    ("create table note (workspace_id uuid not null, id uuid)", "table note has no policy"),
    ("create table note (workspace_id uuid not null) partition by list (workspace_id)", "table note has no forced"),
    (
        "create table note (workspace_id uuid not null);
         alter table note enable row level security;
         create policy workspace on note using (workspace_id = current_workspace())
             with check (workspace_id = current_workspace())",
        "table note has no forced",
    ),
    (
        "create foreign data wrapper far; create server away foreign data wrapper far;
         create foreign table note (workspace_id uuid) server away",
        "table note has no forced",
    ),
    (
        "create function every_source() returns setof source language sql security definer
             begin atomic select * from source; end",
        "function every_source() runs with the rights of",
    ),
    (
        "create or replace function current_workspace() returns uuid language sql stable parallel safe
             return (select id from workspace limit 1)",
        "function current_workspace",
    ),
];

/// These concern a role, and so every database of a cluster.
const SABOTAGE_OF_ROLES: &[(&str, &str, &str)] = &[
    (
        "alter role rowcast_app bypassrls",
        "alter role rowcast_app nobypassrls",
        "role rowcast_app is not held by policies",
    ),
    (
        "alter role rowcast_app superuser",
        "alter role rowcast_app nosuperuser",
        "role rowcast_app is not held by policies",
    ),
    ("grant rowcast_cross to rowcast_app", "revoke rowcast_cross from rowcast_app", "a member of rowcast_cross"),
];

fn refusal(checked: Result<(), Error>) -> String {
    match checked {
        Err(Error::NotIsolated(faults)) => faults,
        other => panic!("it was let through: {other:?}"),
    }
}

#[tokio::test]
async fn a_database_that_does_not_keep_workspaces_apart_is_refused() {
    for (sabotage, named) in SABOTAGE {
        let people = People::new().await;
        people.store.check_isolation().await.unwrap();
        people.sql(sabotage).await;
        let faults = refusal(people.store.check_isolation().await);
        assert!(faults.contains(named), "{sabotage}: {faults}");
        for access in [Access::Worker, Access::Single] {
            let store = Store::connect(people.database.url(), access, 1).await.unwrap();
            assert!(refusal(store.check_isolation().await).contains(named), "{access:?}: {sabotage}");
        }
    }
}

#[tokio::test]
async fn a_view_with_the_rights_of_its_reader_and_a_table_of_no_workspace_are_fine() {
    let people = People::new().await;
    people
        .sql(
            "create view own_sources with (security_invoker = true) as select * from source;
             create table setting (name text)",
        )
        .await;
    people.store.check_isolation().await.unwrap();
}

/// In a cluster of its own: roles are shared by all databases of one, and so by all other tests.
#[tokio::test]
async fn a_role_that_policies_do_not_hold_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    let settings = testkit::database::settings(folder.path().join("postgres"));
    let cluster = embedded::start(&embedded::Settings { durable: false, ..settings }).unwrap();
    cluster.create_database("sabotage").await.unwrap();
    let url = cluster.url("sabotage");
    store::migrate(&url).await.unwrap();
    let store = Store::connect(&url, Access::App, 1).await.unwrap();
    for (sabotage, undo, named) in SABOTAGE_OF_ROLES {
        store.check_isolation().await.unwrap();
        cluster.run_script("sabotage", sabotage, "sabotage").await.unwrap();
        let faults = refusal(store.check_isolation().await);
        assert!(faults.contains(named), "{sabotage}: {faults}");
        cluster.run_script("sabotage", undo, "undo").await.unwrap();
    }
    store.check_isolation().await.unwrap();
    store.close().await;
}

/// In a cluster of its own too: logins are shared like roles.
#[tokio::test]
async fn a_login_above_policies_is_noticed_behind_the_role_that_it_takes_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    let settings = testkit::database::settings(folder.path().join("postgres"));
    let cluster = embedded::start(&embedded::Settings { durable: false, ..settings }).unwrap();
    cluster.create_database("logins").await.unwrap();
    let url = cluster.url("logins");
    store::migrate(&url).await.unwrap();
    let logins = "create role plain login password 'x' in role rowcast_app, rowcast_worker;
         create role bypassing login bypassrls password 'x' in role rowcast_app, rowcast_worker";
    cluster.run_script("logins", logins, "logins").await.unwrap();
    let place = url.rsplit_once('@').unwrap().1;
    for (login, says) in [("plain", None), ("bypassing", Some("bypassing of the database has BYPASSRLS"))] {
        for access in [Access::App, Access::Worker] {
            let store = Store::connect(&format!("postgres://{login}:x@{place}"), access, 1).await.unwrap();
            store.check_isolation().await.unwrap();
            let told = store.check_login().await.err().map(|error| error.to_string());
            assert_eq!(told.is_some(), says.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().contains(says.unwrap_or_default()));
            store.close().await;
        }
    }
    let store = Store::connect(&url, Access::App, 1).await.unwrap();
    store.check_isolation().await.unwrap();
    let told = store.check_login().await.unwrap_err().to_string();
    assert!(told.contains("is a superuser") && told.contains("rowcast_app"), "{told}");
    store.close().await;
}
