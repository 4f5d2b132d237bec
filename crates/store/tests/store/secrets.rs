use std::time::Duration;

use domain::SecretId;
use store::{Error, NewSource, Owner, Plaintext, Rotated};

use crate::config::{Service, by, keys, secrets, source};

const PASSWORD: &str = "planted-password-4f2a";

async fn sealed(service: &Service) -> (store::Source, SecretId) {
    let made = service.api.create_source(&by("create_source"), &source("shop")).await.unwrap();
    let id = made.secrets["password"].id;
    (made, id)
}

async fn opened(scope: &store::Scope, id: SecretId) -> String {
    scope.open_secret(id).await.unwrap().expose().to_owned()
}

fn damaged(answer: Result<Plaintext, Error>) -> bool {
    matches!(answer, Err(Error::DoesNotOpen { .. }))
}

#[tokio::test]
async fn a_value_is_stored_sealed_and_opens_for_a_worker() {
    let service = Service::new().await;
    let (made, id) = sealed(&service).await;
    assert_eq!(opened(&service.worker, id).await, PASSWORD);
    let infos = service.api.secret_infos(Owner::Source(made.id)).await.unwrap();
    assert_eq!((infos["password"].hint.as_deref(), infos.len()), (Some("…4f2a"), 1));
    for table in ["secret", "source", "sync_version", "audit_entry", "data_key"] {
        let found = format!(
            "select count(*) from {table} t where t::text like '%planted%'
                or t::text like '%' || encode('planted'::bytea, 'hex') || '%'"
        );
        assert_eq!(service.number(&found).await, 0, "{table}");
    }
    let other = NewSource { secrets: secrets(&[("password", "short")]), ..source("shop") };
    let changed = service.api.update_source(&by("t"), made.id, None, &other).await.unwrap();
    assert_eq!((changed.secrets["password"].id, &changed.secrets["password"].hint), (id, &None));
    assert_eq!(opened(&service.worker, id).await, "short");
}

#[tokio::test]
async fn without_its_master_key_nothing_is_sealed_or_opened_and_the_error_names_what_is_missing() {
    let service = Service::new().await;
    let (_, id) = sealed(&service).await;
    let none = service.with_keys(None).await;
    assert!(matches!(none.create_source(&by("t"), &source("next")).await, Err(Error::NoMasterKey)));
    assert!(matches!(none.open_secret(id).await, Err(Error::NoMasterKey)));
    assert!(matches!(none.rotate_keys().await, Err(Error::NoMasterKey)));
    let other = service.with_keys(Some(keys("b"))).await;
    let missing = other.open_secret(id).await.unwrap_err();
    assert!(matches!(&missing, Error::UnknownMasterKey { id } if id == "a") && missing.to_string().contains("`a`"));
    let next = other.create_source(&by("t"), &source("next")).await;
    assert!(matches!(next, Err(Error::UnknownMasterKey { .. })), "it needs the data key that is there");
    // The right id, the wrong key.
    let wrong = store::MasterKeys::parse("a:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=").unwrap();
    let wrong = service.with_keys(Some(wrong)).await.open_secret(id).await.unwrap_err();
    assert!(matches!(&wrong, Error::DoesNotOpen { what } if what.contains("`a`")), "{wrong}");
    assert_eq!(service.number("select count(*) from source").await, 1);
}

#[tokio::test]
async fn a_sealed_value_that_was_moved_does_not_open() {
    let service = Service::new().await;
    let (_, first) = sealed(&service).await;
    let second = service.api.create_source(&by("t"), &source("second")).await.unwrap().secrets["password"].id;
    service.sql("create table kept as select * from secret").await;
    service.sql("create table kept_key as select * from data_key").await;
    let restore = "update secret s set sealed = k.sealed, nonce = k.nonce, key_version = k.key_version from kept k
                   where k.id = s.id and k.workspace_id = s.workspace_id";

    service.sql("update secret s set sealed = k.sealed, nonce = k.nonce from kept k where k.id <> s.id").await;
    assert!(damaged(service.worker.open_secret(first).await) && damaged(service.worker.open_secret(second).await));
    service.sql(restore).await;
    assert_eq!(opened(&service.worker, second).await, PASSWORD);

    // To another workspace, under its own data key and under a copy of this one.
    service.other.create_source(&by("t"), &source("theirs")).await.unwrap();
    let (theirs, ours) = (service.other.workspace().uuid(), service.api.workspace().uuid());
    service
        .sql(&format!(
            "insert into secret select '{theirs}', id, owner_kind, owner_id, field, key_version, nonce, sealed, hint, updated_at
             from kept"
        ))
        .await;
    assert!(damaged(service.other.open_secret(first).await));
    service
        .sql(&format!(
            "update data_key d set nonce = k.nonce, wrapped = k.wrapped from kept_key k
             where d.workspace_id = '{theirs}' and k.workspace_id = '{ours}'"
        ))
        .await;
    assert!(damaged(service.other.open_secret(first).await));
    assert_eq!(opened(&service.worker, first).await, PASSWORD);

    // What an older data key sealed, under the newer one, and the older data key under the newer's version.
    service.api.rotate_keys().await.unwrap();
    let mine = format!("workspace_id = '{ours}'");
    service
        .sql(&format!(
            "update secret s set sealed = k.sealed, nonce = k.nonce from kept k where k.id = s.id and s.{mine}"
        ))
        .await;
    assert!(damaged(service.worker.open_secret(first).await));
    service
        .sql(&format!(
            "update data_key d set nonce = k.nonce, wrapped = k.wrapped from kept_key k where d.{mine} and k.{mine}"
        ))
        .await;
    assert!(damaged(service.worker.open_secret(first).await));
}

#[tokio::test]
async fn a_rotation_leaves_values_as_they_are_and_needs_the_older_master_key_no_more() {
    let service = Service::new().await;
    assert_eq!(service.api.rotate_keys().await.unwrap(), Rotated::default(), "nothing is sealed yet");
    let (_, id) = sealed(&service).await;
    assert_eq!(service.api.rotate_keys().await.unwrap(), Rotated { rewrapped: 1, resealed: 1 });
    assert_eq!(service.number("select max(version)::bigint from data_key").await, 2);
    assert_eq!(service.number("select count(*) from data_key").await, 1);
    assert_eq!(opened(&service.worker, id).await, PASSWORD);

    let both = service.with_keys(Some(keys("ba"))).await;
    let before = service.sql("select sealed from secret").await[0].get::<_, Vec<u8>>(0);
    assert_eq!(both.rewrap_keys().await.unwrap(), Rotated { rewrapped: 1, resealed: 0 });
    assert_eq!(both.rewrap_keys().await.unwrap(), Rotated::default(), "nothing is left to do");
    assert_eq!(service.sql("select sealed from secret").await[0].get::<_, Vec<u8>>(0), before);
    let new = service.with_keys(Some(keys("b"))).await;
    assert_eq!(opened(&new, id).await, PASSWORD);
    assert!(matches!(service.worker.open_secret(id).await, Err(Error::UnknownMasterKey { id }) if id == "b"));
    let back = service.with_keys(Some(keys("ab"))).await;
    assert_eq!(back.rotate_keys().await.unwrap(), Rotated { rewrapped: 1, resealed: 1 });
    assert_eq!(opened(&service.worker, id).await, PASSWORD);
}

#[tokio::test]
async fn a_rotation_works_while_others_write_and_read() {
    let service = Service::new().await;
    let mut writers = Vec::new();
    for number in 0..4 {
        let api = service.api.clone();
        writers.push(tokio::spawn(async move {
            let name = format!("source {number}");
            let made = api.create_source(&by("t"), &source(&name)).await.unwrap();
            for round in 0..15 {
                let value = format!("value {number} {round}");
                let new = NewSource { secrets: secrets(&[("password", &value)]), ..source(&name) };
                let stored = api.update_source(&by("t"), made.id, None, &new).await.unwrap();
                assert_eq!(opened(&api, stored.secrets["password"].id).await, value);
            }
            made.secrets["password"].id
        }));
    }
    let mut rotations = 0;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        service.api.rotate_keys().await.unwrap();
        rotations += 1;
        tokio::time::timeout(Duration::from_secs(30), service.api.rewrap_keys()).await.unwrap().unwrap();
    }
    assert!(rotations > 2, "{rotations}");
    for (number, writer) in writers.into_iter().enumerate() {
        assert_eq!(opened(&service.worker, writer.await.unwrap()).await, format!("value {number} 14"));
    }
    assert_eq!(service.number("select count(*) from data_key").await, 1);
}

#[tokio::test]
async fn a_master_key_that_data_keys_need_is_missed_and_named() {
    let service = Service::new().await;
    let check = async |ids: &str| {
        let text: Vec<_> = ids.chars().map(|id| format!("{id}:{}=", "A".repeat(43))).collect();
        let keys = store::MasterKeys::parse(&text.join(",")).unwrap();
        service.store_with_keys(keys).await.check_master_keys().await
    };
    check("b").await.unwrap();
    sealed(&service).await;
    check("a").await.unwrap();
    check("ba").await.unwrap();
    let missing = check("b").await.unwrap_err();
    assert!(matches!(&missing, Error::MissingMasterKey { id, current } if id == "a" && current == "b"), "{missing}");
}
