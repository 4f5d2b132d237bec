use engine::form::Form;
use serde_json::json;
use store::{Definition, Part};

use crate::fixture::{Fixture, definition, succeeded};

fn with_constant(text: &str) -> Definition {
    let mut definition = serde_json::to_value(definition()).unwrap();
    definition["sync"]["message"]["fields"][0]["constant"] = serde_json::from_str(text).unwrap();
    serde_json::from_value(definition).unwrap()
}

#[tokio::test]
async fn a_definition_gets_a_new_version_only_if_it_differs_and_is_read_back_as_it_was_written() {
    let fixture = Fixture::new().await;
    let again = fixture.scope.put_sync("customers", &definition()).await.unwrap();
    assert_eq!((again.id, again.version, again.created), (fixture.sync, 1, false));
    let text = r#"{"b":1.50,"a":[1e+2,18446744073709551617]}"#;
    let put = fixture.scope.put_sync("customers", &with_constant(text)).await.unwrap();
    assert_eq!((put.version, put.changed), (2, vec![]), "before a run there is nothing to ask");
    let state = fixture.scope.sync("customers").await.unwrap().unwrap();
    let stored = serde_json::to_value(&state.definition).unwrap();
    assert_eq!(stored["sync"]["message"]["fields"][0]["constant"].to_string(), text);
    let reordered = with_constant(r#"{"a":[1e+2,18446744073709551617],"b":1.50}"#);
    assert_eq!(fixture.scope.put_sync("customers", &reordered).await.unwrap().version, 3);
    assert_eq!(fixture.scope.definition(fixture.sync, 1).await.unwrap(), definition());
    assert!(fixture.scope.sync("others").await.unwrap().is_none());
}

#[tokio::test]
async fn changes_are_told_against_the_version_that_a_run_took_up_and_a_run_keeps_its_own() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut other = definition();
    other.model.query = "select * from clients".to_owned();
    other.sync.stream = "clients".to_owned();
    fixture.scope.put_sync("customers", &other).await.unwrap();
    let taken = fixture.take_over(&claim).await;
    assert_eq!((taken.version, &taken.definition), (1, &definition()));
    fixture.scope.finish(&taken, taken.manifest_version, &succeeded(&taken)).await.unwrap();
    let put = fixture.scope.put_sync("customers", &other).await.unwrap();
    assert_eq!((put.version, put.changed), (2, vec![Part::Query, Part::Stream]));
    let next = fixture.claim().await;
    assert_eq!((next.version, next.accepted), (2, Some((1, definition()))));
}

#[tokio::test]
async fn a_form_keeps_its_number() {
    let fixture = Fixture::new().await;
    let column = |name: &str| json!({"name": name, "type": "int", "source_type": "int4"});
    let form = |name: &str| -> Form {
        let form = json!({
            "canonical_version": 1, "hash_key_id": 1, "key": [column("id")], "watched": [column(name)],
        });
        serde_json::from_value(form).unwrap()
    };
    for (name, number) in [("a", 1), ("b", 2), ("a", 1), ("c", 3)] {
        assert_eq!(fixture.scope.add_form(fixture.sync, &form(name)).await.unwrap(), number);
    }
    let forms = fixture.scope.forms(fixture.sync).await.unwrap();
    assert_eq!(forms.len(), 3);
    assert_eq!(forms[1], (2, form("b")));
}
