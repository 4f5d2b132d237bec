use std::ops::Range;
use std::time::Duration;

use domain::RunId;

use crate::call::{Body, Call, FailureGroup};
use crate::error::Result;
use crate::file::{CALL_BODIES, CALLS, Chunks, column};
use crate::reader::CallFound;
use crate::row::Text;

pub(super) const fn without_bodies() -> Range<usize> {
    0..CALL_BODIES
}

/// All calls of a group. Bodies that were not read have no text.
pub(super) fn decode(chunks: &Chunks<'_>, start: u64) -> Result<Vec<CallFound>> {
    let keep = vec![true; chunks.rows()];
    let at = column(CALLS, "run");
    let runs = chunks.texts(at, &keep)?;
    let found = calls(chunks, &keep)?.into_iter().zip(runs).zip(start..).map(|((call, run), position)| {
        let run = run.and_then(|run| run.parse::<RunId>().ok());
        Ok(CallFound { position, run: run.ok_or_else(|| chunks.damaged(at, "has a value that is no run"))?, call })
    });
    found.collect()
}

fn calls(chunks: &Chunks<'_>, keep: &[bool]) -> Result<Vec<Call<'static>>> {
    let mut calls = vec![Call::default(); keep.len()];
    let text = |name| chunks.texts(column(CALLS, name), keep);
    let u32s = |name| chunks.u32s(column(CALLS, name), keep);
    let u64s = |name| chunks.u64s(column(CALLS, name), keep);
    fill(&mut calls, u64s("number")?, |call, value| call.number = value);
    fill(&mut calls, text("kind")?, |call, text| call.kind = text.into());
    fill(&mut calls, u64s("run_epoch")?, |call, value| call.epoch = value);
    fill(&mut calls, u32s("attempt")?, |call, value| call.attempt = value);
    fill(&mut calls, chunks.times(column(CALLS, "started_at"), keep)?, |call, time| call.started_at = time);
    fill(&mut calls, u64s("latency_us")?, |call, value| call.latency = Duration::from_micros(value));
    fill(&mut calls, u32s("http_status")?, |call, value| call.http_status = u16::try_from(value).ok());
    fill(&mut calls, text("request_id")?, |call, text| call.request_id = Some(text.into()));
    fill(&mut calls, u32s("records")?, |call, value| call.records = value);
    fill(&mut calls, u64s("bytes")?, |call, value| call.bytes = value);
    fill(&mut calls, text("error_code")?, |call, text| call.error_code = Some(text.into()));
    fill(&mut calls, text("error_message")?, |call, text| call.error_message = Some(text.into()));
    fill(&mut calls, lists(chunks, "failures", text("failures")?)?, |call, groups: Vec<FailureGroup<'static>>| {
        call.failures = FailureGroup::flatten(groups);
    });
    fill(&mut calls, lists(chunks, "shards", text("shards")?)?, |call, shards: Vec<Text<'static>>| {
        call.shards = shards
    });
    fill(&mut calls, text("retry_reason")?, |call, text| call.retry_reason = Some(text.into()));
    fill(&mut calls, u64s("waited_ms")?, |call, value| call.waited = Duration::from_millis(value));
    let body = |bytes| Some(Body { text: Text::default(), bytes });
    fill(&mut calls, u64s("request_bytes")?, |call, bytes| call.request = body(bytes));
    fill(&mut calls, u64s("response_bytes")?, |call, bytes| call.response = body(bytes));
    let set = |body: &mut Option<Body<'static>>, text: String| {
        if let Some(body) = body {
            body.text = text.into();
        }
    };
    fill(&mut calls, text("request_body")?, |call, text| set(&mut call.request, text));
    fill(&mut calls, text("response_body")?, |call, text| set(&mut call.response, text));
    Ok(calls)
}

fn fill<T>(calls: &mut [Call<'static>], values: Vec<Option<T>>, set: impl Fn(&mut Call<'static>, T)) {
    for (call, value) in calls.iter_mut().zip(values) {
        if let Some(value) = value {
            set(call, value);
        }
    }
}

fn lists<T: serde::de::DeserializeOwned>(
    chunks: &Chunks<'_>,
    name: &str,
    texts: Vec<Option<String>>,
) -> Result<Vec<Option<T>>> {
    let damaged = || chunks.damaged(column(CALLS, name), "has a value that this version does not know");
    let parse = |text: Option<String>| text.map(|text| serde_json::from_str(&text).map_err(|_| damaged())).transpose();
    texts.into_iter().map(parse).collect()
}
