//! The exact bytes, and that they are what the shapes of the products ask for.

use std::fmt::Write;

use engine::preset::{Preset, PresetMessage};
use serde_json::{Value as Json, json};

use crate::rows::{HOSTILE, cases, columns, compile, render};
use crate::{compare, each, name};

/// Every message of the cases, by its case.
fn parsed(id: &str, case: &str) -> Json {
    let mut found = None;
    each(|preset, message| {
        if name(preset, message) == id {
            found = Some(serde_json::from_str(&data(preset, message, case)).unwrap());
        }
    });
    found.unwrap_or_else(|| panic!("there is no {id}"))
}

/// The message of a case.
pub(crate) fn data(preset: &Preset, message: &PresetMessage, what: &str) -> String {
    let case = cases(preset).into_iter().find(|case| case.what == what).unwrap();
    let record = render(preset, message, &case).unwrap_or_else(|error| panic!("{} {what}: {error:?}", preset.id));
    String::from_utf8(record.data).unwrap()
}

#[test]
fn every_preset_gives_the_bytes_that_were_reviewed() {
    each(|preset, message| {
        let mut out = String::new();
        for case in cases(preset) {
            let record =
                render(preset, message, &case).unwrap_or_else(|error| panic!("{} {}: {error:?}", preset.id, case.what));
            let data = String::from_utf8(record.data).unwrap();
            serde_json::from_str::<Json>(&data).unwrap();
            writeln!(out, "# {}, partition key {:?}\n{data}", case.what, record.partition_key).unwrap();
        }
        compare(&format!("tests/preset/golden/{}.txt", name(preset, message)), &out);
    });
}

#[test]
fn every_preset_uses_the_columns_that_it_asks_for_and_knows_its_key() {
    each(|preset, message| {
        let mut used = compile(preset, message).used_columns();
        let own: Vec<_> = columns(preset)
            .into_iter()
            // It is seen as `element`.
            .filter(|column| preset.fan_out.as_ref().is_none_or(|fan_out| fan_out.column != column.name))
            .collect();
        used.retain(|column| own.contains(column));
        assert_eq!(used, own, "{}", name(preset, message));
        assert!(preset.key.iter().all(|key| own.iter().any(|column| column.name == *key)), "{}", preset.id);
    });
}

#[test]
fn every_option_makes_a_difference_and_no_condition_is_left_in_a_template() {
    each(|preset, message| {
        assert!(!message.json.lines().any(|line| line.starts_with('[')), "{}", name(preset, message));
        let plain = &preset.messages()[0];
        assert_eq!(message.json == plain.json, message.options.is_empty(), "{}", name(preset, message));
    });
}

#[test]
fn a_hostile_text_comes_back_whole_and_changes_no_structure() {
    each(|preset, message| {
        let usual: Json = serde_json::from_str(&data(preset, message, "changed")).unwrap();
        let hostile: Json = serde_json::from_str(&data(preset, message, "hostile")).unwrap();
        let members = |json: &Json| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&usual), members(&hostile));
        assert!(holds(&hostile, HOSTILE), "{}: {hostile}", preset.id);
    });
}

fn holds(json: &Json, text: &str) -> bool {
    match json {
        Json::String(own) => own == text,
        Json::Array(elements) => elements.iter().any(|element| holds(element, text)),
        Json::Object(members) => members.values().any(|member| holds(member, text)),
        _ => false,
    }
}

#[test]
fn adobe_profiles_exit_audiences_that_they_left_and_all_when_they_are_removed() {
    let statuses = |case: &str| {
        let message = parsed("adobe-profile", case);
        let audiences = message["segmentMembership"]["ups"].as_object().unwrap().clone();
        audiences.into_iter().map(|(id, audience)| (id, audience["status"].clone())).collect::<Json>()
    };
    assert_eq!(statuses("added"), json!({"a": "realized", "b": "realized"}));
    assert_eq!(statuses("changed"), json!({"a": "exited", "b": "realized", "c": "realized"}));
    assert_eq!(statuses("removed"), json!({"b": "exited", "c": "exited"}));
    assert_eq!(statuses("nulls"), json!({"a": "exited", "b": "exited"}));
}

#[test]
fn the_two_toggles_of_adobe_profiles_add_names_and_times() {
    let members = |id: &str, audience: &str| {
        let audience = &parsed(id, "changed")["segmentMembership"]["ups"][audience];
        audience.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let times = ["createdAt", "updatedAt", "mappingCreatedAt", "mappingUpdatedAt", "lastQualificationTime", "status"];
    for audience in ["a", "b"] {
        assert_eq!(members("adobe-profile", audience), set(&["lastQualificationTime", "status"]));
        assert_eq!(members("adobe-profile+timestamps", audience), set(&times));
        assert_eq!(members("adobe-profile+names", audience), set(&[&["name"], times.as_slice()].concat()));
        assert_eq!(members("adobe-profile+names+timestamps", audience), members("adobe-profile+names", audience));
    }
}

#[test]
fn data_activation_always_has_every_field_and_one_partner_id() {
    for (case, call) in [("added", "NEW"), ("changed", "MODIFIED"), ("removed", "REMOVED"), ("nulls", "MODIFIED")] {
        let message = parsed("data-activation", case);
        assert_eq!(message["callType"], call);
        assert_eq!(message["partnerIds"], json!(["p-1"]));
        assert_eq!(message.as_object().unwrap().len(), 11);
        assert!(message["profileVars"].as_object().unwrap().values().all(Json::is_string));
        assert!(message["data"].is_object() && message["sourceId"].is_string() && message["sourceName"].is_string());
    }
    assert_eq!(parsed("data-activation", "nulls")["sourceNumber"], json!(null));
}

#[test]
fn a_change_envelope_has_what_was_before_and_what_is_after() {
    let seen = |case: &str| {
        let message = parsed("change-envelope", case);
        let email = |of: &str| message[of]["email"].clone();
        (message["op"].clone(), email("before"), email("after"))
    };
    assert_eq!(seen("added"), (json!("c"), json!(null), json!("zoe@old.example")));
    assert_eq!(seen("changed"), (json!("u"), json!("zoe@old.example"), json!("zoe@new.example")));
    assert_eq!(seen("removed"), (json!("d"), json!("zoe@new.example"), json!(null)));
    assert!(parsed("change-envelope", "removed")["after"].is_null());
}

#[test]
fn a_cloud_event_has_the_id_of_the_event_and_a_user_enters_and_exits() {
    let event = parsed("cloudevents", "changed");
    assert_eq!((&event["specversion"], &event["id"]), (&json!("1.0"), &json!("1f0c9f4e7a")));
    assert_eq!(event["subject"], "9007199254740993");
    assert_eq!(parsed("lytics-trigger", "added")["event"], "enter");
    assert_eq!(parsed("lytics-trigger", "removed")["event"], "exit");
}
