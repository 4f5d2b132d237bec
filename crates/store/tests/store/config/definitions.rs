use store::{NewDestination, NewModel, NewSource, NewSync, Secrets, SyncDetails};

use super::{Configured, Service, by, model, secrets, source, source_config, sync, sync_config};

async fn version(service: &Service, made: &Configured) -> u32 {
    service.api.sync_details(made.sync.id).await.unwrap().version
}

#[tokio::test]
async fn a_sync_gets_a_version_when_its_definition_differs_and_else_none() {
    let service = Service::new().await;
    let api = &service.api;
    let made = service.configure().await;
    let second = sync("second", &made.model, &made.destination);
    let second = api.create_sync(&by("t"), &second, None).await.unwrap().id;
    assert_eq!(version(&service, &made).await, 1);

    let same = NewSource { name: "shop".to_owned(), config: made.source.config.clone(), secrets: Secrets::new() };
    api.update_source(&by("t"), made.source.id, None, &same).await.unwrap();
    let password = NewSource { secrets: secrets(&[("password", "another")]), ..same.clone() };
    api.update_source(&by("t"), made.source.id, None, &password).await.unwrap();
    let renamed = NewSync { name: "renamed".to_owned(), ..sync("", &made.model, &made.destination) };
    api.update_sync(&by("t"), made.sync.id, None, &renamed).await.unwrap();
    api.pause_sync(&by("t"), made.sync.id, None).await.unwrap();
    api.resume_sync(&by("t"), made.sync.id, None, None).await.unwrap();
    api.set_destination_paused(&by("t"), made.destination.id, None, true).await.unwrap();
    assert_eq!(version(&service, &made).await, 1, "passwords, names and pauses are no part of it");

    let moved = NewSource { config: source_config("new.example"), ..same };
    let source = api.update_source(&by("t"), made.source.id, None, &moved).await.unwrap();
    assert_eq!(version(&service, &made).await, 2);
    assert_eq!(api.sync_details(second).await.unwrap().version, 2, "each sync that uses it");
    let query = model("clients", &made.source);
    let model = api.update_model(&by("t"), made.model.id, None, &query).await.unwrap();
    assert_eq!(version(&service, &made).await, 3);
    let mut config = made.destination.config.clone();
    config.region = "eu-west-1".to_owned();
    let region = NewDestination { name: "streams".to_owned(), config, secrets: Secrets::new() };
    let destination = api.update_destination(&by("t"), made.destination.id, None, &region).await.unwrap();
    assert_eq!(version(&service, &made).await, 4);
    let stream = NewSync { config: sync_config("clients"), ..renamed };
    let changed = api.update_sync(&by("t"), made.sync.id, None, &stream).await.unwrap();
    assert_eq!((changed.version, &changed.config), (5, &stream.config));
    assert_eq!(api.sync_details(second).await.unwrap().version, 4);

    let definition = api.sync_state(made.sync.id).await.unwrap().definition;
    assert_eq!((definition.source, definition.model), (source.config, model.config));
    assert_eq!((definition.destination, definition.sync), (destination.config, changed.config));
    let first = api.definition(made.sync.id, 1).await.unwrap();
    assert_eq!((first.source, first.sync), (made.source.config, made.sync.config));
}

#[tokio::test]
async fn another_model_or_destination_is_another_definition() {
    let service = Service::new().await;
    let made = service.configure().await;
    let other = service.api.create_source(&by("t"), &source("other")).await.unwrap();
    let moved = NewModel { source: other.id, ..model("customers", &made.source) };
    service.api.update_model(&by("t"), made.model.id, None, &moved).await.unwrap();
    let state = service.worker.sync_state(made.sync.id).await.unwrap();
    assert_eq!((state.version, &state.definition.source), (2, &other.config));
    let next = service.api.create_model(&by("t"), &model("next", &made.source)).await.unwrap();
    let new = sync("customers", &next, &made.destination);
    service.api.update_sync(&by("t"), made.sync.id, None, &new).await.unwrap();
    let state = service.worker.sync_state(made.sync.id).await.unwrap();
    assert_eq!((state.version, state.definition.source), (3, made.source.config));
    assert_eq!(state.definition.model, next.config);
}

#[tokio::test]
async fn parts_that_change_at_the_same_time_all_end_up_in_the_newest_version() {
    let service = Service::new().await;
    let api = &service.api;
    let made = service.configure().await;
    for round in 0..8 {
        let host = format!("db{round}.example");
        let source = NewSource { config: source_config(&host), name: "shop".to_owned(), secrets: Secrets::new() };
        let query = model(&format!("customers{round}"), &made.source);
        let mut new = sync("customers", &made.model, &made.destination);
        new.config.stream = format!("customers{round}");
        let by = by("t");
        let (source, model, sync) = tokio::join!(
            api.update_source(&by, made.source.id, None, &source),
            api.update_model(&by, made.model.id, None, &query),
            api.update_sync(&by, made.sync.id, None, &new),
        );
        let (source, model, sync) = (source.unwrap(), model.unwrap(), sync.unwrap());
        let newest = api.sync_state(made.sync.id).await.unwrap().definition;
        assert_eq!((newest.source, newest.model, newest.sync), (source.config, model.config, sync.config));
    }
}

#[tokio::test]
async fn what_the_command_line_puts_is_seen_by_id_too() {
    let service = Service::new().await;
    let put = service.api.put_sync("local", &crate::fixture::definition()).await.unwrap();
    let details: SyncDetails = service.api.sync_details(put.id).await.unwrap();
    assert_eq!((details.version, &details.config), (1, &crate::fixture::definition().sync));
    let mut definition = crate::fixture::definition();
    definition.sync.stream = "others".to_owned();
    service.api.put_sync("local", &definition).await.unwrap();
    let details = service.api.sync_details(put.id).await.unwrap();
    assert_eq!((details.version, details.revision, &details.config), (2, 2, &definition.sync));
    assert_eq!(service.api.model(details.model).await.unwrap().config, definition.model);
}
