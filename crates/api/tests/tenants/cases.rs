//! What is sent to each operation: a request that does what it is for, if it gets through.

use serde_json::{Value, json};

use crate::configured;
use crate::fixture::PASSWORD;
use crate::place::Place;

pub(crate) struct Case {
    pub(crate) operation: &'static str,
    pub(crate) query: Option<fn(&Place) -> String>,
    pub(crate) body: Option<fn(&Place, u32) -> Value>,
    /// What it comes to for one who may.
    pub(crate) answers: &'static [u16],
}

const fn of(operation: &'static str, answers: &'static [u16]) -> Case {
    Case { operation, query: None, body: None, answers }
}

impl Case {
    const fn query(self, query: fn(&Place) -> String) -> Self {
        Self { query: Some(query), ..self }
    }

    const fn body(self, body: fn(&Place, u32) -> Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Nobody waits for a worker: there is none.
    const fn job(self) -> Self {
        self.query(|_| "wait=0".to_owned())
    }
}

pub(crate) fn case(operation: &str) -> &'static Case {
    let found = CASES.iter().find(|case| case.operation == operation);
    found.unwrap_or_else(|| panic!("the operation {operation} is new: give it a case here"))
}

fn name(what: &str, number: u32) -> String {
    format!("{what} {number}")
}

fn nothing(_: &Place, _: u32) -> Value {
    json!({})
}

pub(crate) const CASES: &[Case] = &[
    of("accept_invitation", &[409]).body(|place, _| json!({"token": place.invitation_token})),
    of("answer_question", &[409]).body(|_, _| json!({"on_change": "send-all"})),
    of("cancel_run", &[200, 409]),
    of("change_password", &[422]).body(|_, _| json!({"current_password": "not it", "new_password": "quite another one 9"})),
    of("create_api_key", &[201]).body(|_, number| json!({"name": name("key", number), "role": "viewer"})),
    of("create_destination", &[201]).body(|_, number| configured::role(&name("destination", number))),
    of("create_invitation", &[201]).body(|_, _| json!({"role": "viewer"})),
    of("create_model", &[201]).body(|place, number| configured::model(&name("model", number), &place.ids["source_id"])),
    of("create_password_reset", &[201]),
    of("create_run", &[202, 409]).body(|_, _| json!({"kind": "normal"})),
    of("create_source", &[201]).body(|_, number| configured::source(&name("source", number))),
    of("create_sync", &[201]).body(|place, number| sync(place, &name("sync", number))),
    of("create_workspace", &[201]).body(|_, number| json!({"name": name("workspace", number)})),
    of("decide_after_restore", &[409]).body(|_, _| json!({"decision": "accept"})),
    of("decide_approval", &[200, 409]).body(|_, _| json!({"decision": "dismiss"})),
    // In use.
    of("delete_destination", &[409]),
    of("delete_model", &[409]),
    of("delete_source", &[409]),
    of("delete_sync", &[204]),
    of("delete_workspace", &[204]).query(|place| format!("name={}", place.name.replace(' ', "%20"))),
    of("describe_shards", &[202]).job().body(|_, _| json!({"stream": "customers"})),
    of("dismiss_rejections", &[202, 409, 422]).body(|_, _| json!({"code": "record-too-large"})),
    of("duplicate_sync", &[201]).body(|_, number| json!({"name": name("copy", number)})),
    of("erase_key", &[202, 409]).body(|_, _| json!({"key": [7]})),
    of("export_invalid_rows", &[200]),
    of("export_rejections", &[200]),
    of("export_run_log", &[200]).query(|_| "table=rows&format=ndjson".to_owned()),
    of("find_position", &[200]).query(|_| "shard=shardId-000000000000&sequence_number=49".to_owned()),
    of("get_api_key", &[200]),
    of("get_approval", &[200]),
    of("get_aws_setup", &[200]).query(|_| "region=eu-west-1".to_owned()),
    of("get_destination", &[200]),
    of("get_job", &[200]),
    of("get_me", &[200]),
    of("get_model", &[200]),
    of("get_run", &[200]),
    of("get_run_call", &[200]),
    of("get_run_report", &[200]),
    of("get_source", &[200]),
    of("get_sync", &[200]),
    of("get_timeline", &[200]).query(|_| "key=%5B7%5D".to_owned()),
    of("get_usage", &[200]),
    of("get_workspace", &[200]),
    of("leave_workspace", &[204]),
    of("list_api_keys", &[200]),
    of("list_approvals", &[200]),
    of("list_audit_entries", &[200]),
    of("list_destinations", &[200]),
    of("list_error_codes", &[200]),
    of("list_invalid_rows", &[200]),
    of("list_invitations", &[200]),
    of("list_members", &[200]),
    of("list_models", &[200]),
    of("list_presets", &[200]),
    of("list_problems", &[200]),
    of("list_rejections", &[200]),
    of("list_run_calls", &[200]),
    of("list_run_events", &[200]),
    of("list_run_outcomes", &[200]),
    of("list_runs", &[200]),
    of("list_sessions", &[200]),
    of("list_sources", &[200]),
    of("list_streams", &[202]).job(),
    of("list_sync_runs", &[200]),
    of("list_syncs", &[200]),
    of("list_tables", &[202]).job(),
    of("list_workspaces", &[200]),
    of("look_up_invitation", &[200]).body(|place, _| json!({"token": place.invitation_token})),
    of("next_times", &[200]).body(|_, _| json!({"schedule": {"type": "interval", "every": 2, "unit": "hours"}})),
    of("pause_destination", &[200]),
    of("pause_sync", &[200]),
    of("preview_model", &[202]).job().body(nothing),
    of("preview_sync", &[202]).job().body(nothing),
    of("remove_member", &[204]),
    // The job found no sample.
    of("render_sync", &[422]).body(|place, _| {
        let (job, of) = (&place.ids["job_id"], &place.ids["sync_id"]);
        json!({"draft": sync(place, "customers"), "sample": job, "shards": job, "sync": of})
    }),
    // Nobody has such a link.
    of("reset_password", &[404]).body(|_, _| json!({"token": "x".repeat(43), "new_password": "quite another one 9"})),
    of("resume_destination", &[200]),
    of("resume_sync", &[200]),
    of("revoke_api_key", &[204]),
    of("revoke_invitation", &[204]),
    of("send_rows", &[202, 409]).body(|_, _| json!({"rows": [[7]]})),
    of("sign_in", &[200]).body(|place, _| json!({"email": place.email, "password": PASSWORD})),
    of("sign_out", &[204]),
    of("sign_out_everywhere", &[204]),
    of("sign_up", &[201]).body(|place, number| {
        json!({"email": format!("{number}-{}", place.email), "password": PASSWORD, "workspace_name": "new"})
    }),
    of("stream_run", &[200]),
    of("test_source", &[202]).job(),
    of("try_query", &[202]).job().body(|_, _| json!({"query": "select 1 as id"})),
    of("update_destination", &[200]).body(|_, _| configured::role("streams")),
    of("update_member", &[204]).body(|_, _| json!({"role": "viewer"})),
    of("update_model", &[200]).body(|place, _| configured::model("customers", &place.ids["source_id"])),
    of("update_source", &[200]).body(|_, _| configured::source("shop")),
    of("update_sync", &[200]).body(|place, _| sync(place, "customers")),
    of("update_workspace", &[200]).body(|place, _| json!({"name": place.name, "paused": false})),
    of("validate_model", &[202]).job(),
    of("verify_destination", &[202]).job().body(|_, _| json!({"stream": "customers"})),
];

fn sync(place: &Place, name: &str) -> Value {
    configured::sync(name, &place.ids["model_id"], &place.ids["destination_id"])
}
