use domain::{Schedule, Secret};
use serde_json::json;
use store::{AuditFilter, Error, NewSource, NewSync, Page, Plaintext, Quotas, Secrets, SyncFilter, Ticks};

use super::{Service, by, destination, hourly, model, secrets, source, source_config, sync, sync_config};

#[tokio::test]
async fn what_is_created_is_read_listed_changed_and_deleted_with_an_entry_each() {
    let service = Service::new().await;
    let api = &service.api;
    let made = service.configure().await;
    assert_eq!((made.source.revision, made.model.revision, made.sync.revision), (1, 1, 1));
    assert_eq!(api.source(made.source.id).await.unwrap(), made.source);
    assert_eq!(api.model(made.model.id).await.unwrap(), made.model);
    assert_eq!(api.destination(made.destination.id).await.unwrap(), made.destination);
    assert_eq!(api.sync_details(made.sync.id).await.unwrap(), made.sync);
    assert_eq!(made.sync.config, sync_config("customers"));

    let second = api.create_source(&by("create_source"), &source("second")).await.unwrap();
    let third = api.create_source(&by("create_source"), &source("third")).await.unwrap();
    let page = api.sources(Page::first(2)).await.unwrap();
    assert_eq!(page, [third.clone(), second.clone()], "newest first");
    let rest = api.sources(Page { after: Some(second.id.uuid()), limit: 2 }).await.unwrap();
    assert_eq!(rest, std::slice::from_ref(&made.source));

    let renamed = NewSource { name: "last".to_owned(), secrets: Secrets::new(), config: third.config.clone() };
    let changed = api.update_source(&by("update_source"), third.id, Some(1), &renamed).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.revision, &changed.secrets), ("last", 2, &third.secrets));
    api.delete_source(&by("delete_source"), third.id, Some(2)).await.unwrap();
    assert!(matches!(api.source(third.id).await, Err(Error::NotFound { what: "source", .. })));

    let filter = AuditFilter { target: Some(third.id.to_string()), ..AuditFilter::default() };
    let entries = api.audit_entries(Page::first(9), &filter).await.unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["delete_source", "update_source", "create_source"]);
    assert_eq!(entries[2].detail, json!({"name": "third", "secrets": ["password"]}));
    assert_eq!(service.number("select count(*) from audit_entry").await, 8);
}

#[tokio::test]
async fn a_name_is_taken_once_and_what_is_not_there_or_another_workspaces_is_not_found() {
    let service = Service::new().await;
    let (api, other) = (&service.api, &service.other);
    let made = service.configure().await;
    let taken = |answer: Result<(), Error>| matches!(answer, Err(Error::Taken { name, .. }) if !name.is_empty());
    assert!(taken(api.create_source(&by("t"), &source("shop")).await.map(drop)));
    assert!(taken(api.create_model(&by("t"), &model("customers", &made.source)).await.map(drop)));
    assert!(taken(api.create_destination(&by("t"), &destination("streams")).await.map(drop)));
    let again = sync("customers", &made.model, &made.destination);
    assert!(taken(api.create_sync(&by("t"), &again, None).await.map(drop)));
    assert!(taken(api.duplicate_sync(&by("t"), made.sync.id, "customers", None).await.map(drop)));
    other.create_source(&by("t"), &source("shop")).await.unwrap();

    let gone = |answer: Result<(), Error>| matches!(answer, Err(Error::NotFound { .. }));
    assert!(gone(other.source(made.source.id).await.map(drop)));
    assert!(gone(other.update_source(&by("t"), made.source.id, None, &source("x")).await.map(drop)));
    assert!(gone(other.delete_source(&by("t"), made.source.id, None).await));
    assert!(gone(other.create_model(&by("t"), &model("x", &made.source)).await.map(drop)));
    assert!(gone(other.create_sync(&by("t"), &sync("x", &made.model, &made.destination), None).await.map(drop)));
    assert!(gone(other.duplicate_sync(&by("t"), made.sync.id, "x", None).await.map(drop)));
    assert!(gone(other.pause_sync(&by("t"), made.sync.id, None).await.map(drop)));
    assert!(gone(other.delete_sync(&by("t"), made.sync.id, None).await));
    let password = made.source.secrets["password"].id;
    assert!(gone(other.open_secret(password).await.map(drop)));
    assert_eq!(other.syncs(SyncFilter::default(), Page::first(9)).await.unwrap(), []);
}

#[tokio::test]
async fn of_two_updates_of_the_same_revision_one_is_stale() {
    let service = Service::new().await;
    let made = service.configure().await;
    let (first, second) = (source("first"), source("second"));
    let (one, two) = (by("update_source"), by("update_source"));
    let (left, right) = tokio::join!(
        service.api.update_source(&one, made.source.id, Some(1), &first),
        service.api.update_source(&two, made.source.id, Some(1), &second),
    );
    let stale = |answer: &Result<_, Error>| matches!(answer, Err(Error::Stale { what: "source", .. }));
    assert!(left.is_ok() && stale(&right) || stale(&left) && right.is_ok(), "{left:?} {right:?}");
    assert_eq!(service.api.source(made.source.id).await.unwrap().revision, 2);
    assert_eq!(service.number("select count(*) from audit_entry where action = 'update_source'").await, 1);
    let (one, two) = (sync("a", &made.model, &made.destination), sync("b", &made.model, &made.destination));
    let by = by("update_sync");
    let (left, right) = tokio::join!(
        service.api.update_sync(&by, made.sync.id, Some(1), &one),
        service.api.update_sync(&by, made.sync.id, Some(1), &two),
    );
    assert!(left.is_ok() != right.is_ok(), "{left:?} {right:?}");
    assert!(service.api.delete_sync(&by, made.sync.id, Some(1)).await.is_err());
}

#[tokio::test]
async fn a_secret_field_takes_a_value_or_keeps_its_own_and_names_no_other() {
    let service = Service::new().await;
    let api = &service.api;
    let none = NewSource { secrets: Secrets::new(), ..source("none") };
    let answer = api.create_source(&by("t"), &none).await;
    assert!(
        matches!(answer, Err(Error::SecretNeeded { what: "source", ref field }) if field == "password"),
        "{answer:?}"
    );
    let mut wrong = source("wrong");
    wrong.secrets.insert("token".to_owned(), Plaintext::new("planted".to_owned()));
    assert!(matches!(api.create_source(&by("t"), &wrong).await, Err(Error::NoSecretField { .. })));

    let made = service.configure().await;
    let domain::Source::Postgres(mut config) = source_config("db.example");
    config.password = Some(Secret::Stored(made.source.secrets["password"].id));
    let config = domain::Source::Postgres(config);
    assert_eq!(made.source.config, config);
    let thief = NewSource { name: "thief".to_owned(), config: config.clone(), secrets: Secrets::new() };
    assert!(matches!(api.create_source(&by("t"), &thief).await, Err(Error::SecretNeeded { .. })));
    let own = NewSource { name: "own".to_owned(), ..thief.clone() };
    assert_eq!(api.update_source(&by("t"), made.source.id, None, &own).await.unwrap().config, config);

    let mut open = source_config("db.example");
    let domain::Source::Postgres(config) = &mut open;
    config.password = None;
    let open = NewSource { name: "open".to_owned(), config: open, secrets: Secrets::new() };
    assert!(api.update_source(&by("t"), made.source.id, None, &open).await.unwrap().secrets.is_empty());
    assert_eq!(service.number("select count(*) from secret where owner_kind = 'source'").await, 0);

    assert_eq!(made.destination.secrets["access_key_id"].hint.as_deref(), Some("…STS1"));
    let mut role = destination("streams");
    role.config.credentials = serde_json::from_value(json!({"role": {"role_arn": "arn"}})).unwrap();
    assert!(matches!(
        api.update_destination(&by("t"), made.destination.id, None, &role).await,
        Err(Error::NoSecretField { what: "destination", .. })
    ));
    role.secrets.clear();
    let role = api.update_destination(&by("t"), made.destination.id, None, &role).await.unwrap();
    assert!(role.secrets.is_empty());
    assert_eq!(service.number("select count(*) from secret").await, 0);
}

#[tokio::test]
async fn a_verification_counts_for_the_configuration_that_was_verified() {
    let service = Service::new().await;
    let (api, worker) = (&service.api, &service.worker);
    let id = service.configure().await.destination.id;
    let found = json!({"accepted": true});
    assert!(worker.set_verification(id, 1, &found).await.unwrap());
    let verified = api.destination(id).await.unwrap();
    assert_eq!((verified.verification.as_ref(), verified.revision), (Some(&found), 1));
    assert!(verified.verified_at.is_some());

    let same = store::NewDestination { name: "renamed".to_owned(), config: verified.config, secrets: Secrets::new() };
    let renamed = api.update_destination(&by("t"), id, None, &same).await.unwrap();
    assert_eq!(renamed.verification, Some(found.clone()));
    let secrets = secrets(&[("secret_access_key", "planted-other-secret")]);
    let new = store::NewDestination { secrets, ..same };
    let changed = api.update_destination(&by("t"), id, None, &new).await.unwrap();
    assert_eq!((changed.verification, changed.verified_at), (None, None));
    assert!(!worker.set_verification(id, 2, &found).await.unwrap(), "it was changed meanwhile");
    assert_eq!(api.destination(id).await.unwrap().verification, None);
    let paused = api.set_destination_paused(&by("t"), id, Some(3), true).await.unwrap();
    assert_eq!((paused.paused, paused.revision), (true, 4));
}

#[tokio::test]
async fn a_copy_is_paused_without_a_schedule_and_counts_against_the_limit() {
    let service = Service::new().await;
    let api = &service.api;
    let made = service.configure().await;
    let scheduled = NewSync { ticks: hourly(0, 3_600_000), ..sync("customers", &made.model, &made.destination) };
    let before = api.update_sync(&by("t"), made.sync.id, None, &scheduled).await.unwrap();
    assert_eq!(before.ticks, hourly(0, 3_600_000));
    let copy = api.duplicate_sync(&by("duplicate_sync"), made.sync.id, "copy", Some(2)).await.unwrap();
    assert_eq!((&copy.config, copy.model, copy.destination), (&before.config, before.model, before.destination));
    assert!(copy.paused && copy.version == 1 && !copy.first_run_done);
    assert_eq!((copy.ticks.schedule, copy.ticks.next_fire_at), (Schedule::Manual, None));
    let (mut original, state) = (api.sync_state(made.sync.id).await.unwrap(), api.sync_state(copy.id).await.unwrap());
    original.definition.sync.stream = state.definition.sync.stream.clone();
    assert_eq!(state.definition, original.definition);

    let full = api.duplicate_sync(&by("t"), made.sync.id, "more", Some(2)).await;
    assert!(matches!(full, Err(Error::Limit { what: "syncs", limit: 2 })), "{full:?}");
    let new = sync("more", &made.model, &made.destination);
    assert!(api.create_sync(&by("t"), &new, Some(2)).await.is_err());
    let (left, right) = (sync("left", &made.model, &made.destination), sync("right", &made.model, &made.destination));
    let by = by("t");
    let (left, right) = tokio::join!(api.create_sync(&by, &left, Some(3)), api.create_sync(&by, &right, Some(3)));
    assert!(left.is_ok() != right.is_ok(), "one place was left");
}

#[tokio::test]
async fn quotas_are_what_the_operator_set_and_the_defaults_elsewhere() {
    let service = Service::new().await;
    assert_eq!(service.worker.quotas().await.unwrap(), Quotas::default());
    let quotas = Quotas { running_runs: Some(3), stored_bytes: Some(1 << 40), ..Quotas::default() };
    service.api.set_quotas(&by("set_quotas"), &quotas).await.unwrap();
    assert_eq!(service.worker.quotas().await.unwrap(), quotas);
    assert_eq!(service.other.quotas().await.unwrap(), Quotas::default());
}

#[tokio::test]
async fn a_schedule_that_stays_keeps_its_ticks() {
    let service = Service::new().await;
    let made = service.configure().await;
    let update = async |ticks: Ticks| {
        let new = NewSync { ticks, ..sync("customers", &made.model, &made.destination) };
        service.api.update_sync(&by("t"), made.sync.id, None, &new).await.unwrap().ticks
    };
    assert_eq!(update(hourly(5, 3_600_005)).await, hourly(5, 3_600_005));
    assert_eq!(update(hourly(7, 3_600_007)).await, hourly(5, 3_600_005));
    let cron = Schedule::Cron { expression: "0 * * * *".to_owned(), time_zone: "Europe/Berlin".to_owned() };
    let cron = Ticks { schedule: cron, anchor: 9, next_fire_at: Some(10) };
    assert_eq!(update(cron.clone()).await, cron);
    assert_eq!(service.worker.schedule_state(made.sync.id).await.unwrap(), cron);
    assert_eq!(update(Ticks::default()).await, Ticks::default());
}
