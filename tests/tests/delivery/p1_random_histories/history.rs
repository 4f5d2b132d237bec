//! A history, what the oracle knows of it, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{RunId, RunKind, RunState};
use runner::{Report, RunOptions};
use serde_json::json;
use store::Decision;
use testkit::oracle::{Key, Message, Model, Row, differences, sums, sums_of_elements};
use testkit::rig::Rig;

use super::chance::Chance;

const STEPS: u64 = 12;
/// Whoever hangs is told with its history too.
const TOO_LONG: Duration = Duration::from_secs(300);

pub(super) struct History {
    pub(super) chance: Chance,
    pub(super) rig: Rig,
    pub(super) told: Vec<String>,
    /// What each key may have been acknowledged as without sending, `None` for "gone": the stream may lag behind that.
    pub(super) excused: BTreeMap<Key, BTreeSet<Option<String>>>,
    /// Nothing was ever acknowledged without sending that could make a key begin with something else than `added`.
    pub(super) from_empty: bool,
    /// A run was claimed, and nobody works on it.
    pub(super) lost: bool,
    /// The run that was asked for last may acknowledge without sending.
    pub(super) silent: bool,
    /// The triggers are all on.
    pub(super) sends_all: bool,
    pub(super) first_run_only_future: bool,
    pub(super) asked: Option<RunId>,
    /// Each element of the column `tags` is a unit.
    pub(super) fans_out: bool,
    seed: u64,
    checked: usize,
}

impl History {
    pub(super) async fn tell(seed: u64, fans_out: bool) {
        let mut history = Self::begin(seed, fans_out).await;
        let whole = async {
            for _ in 0..STEPS {
                history.step().await;
            }
            history.end().await;
        };
        tokio::time::timeout(TOO_LONG, Box::pin(whole)).await.unwrap();
        history.told.clear();
    }

    #[expect(clippy::print_stderr, reason = "who asks for one seed wants to follow its history")]
    pub(super) fn note(&mut self, line: String) {
        if super::number("ROWCAST_SEED").is_some() {
            eprintln!("{line}");
        }
        self.told.push(line);
    }

    async fn begin(seed: u64, fans_out: bool) -> Self {
        let mut chance = Chance::new(seed);
        let only_future = chance.percent(15);
        let connections = if chance.percent(30) { 3 } else { 1 };
        let mut rig = Rig::start(
            "create table items (a bigint, b text, v int, w text, tags jsonb);
             insert into items values (1, 'x', 1, null), (2, 'x', 1, 'é'), (3, 'ü|\"', 1, ''), (4, 'x', 1, 'w');
             update items set tags = '[\"p\", \"q\", 1]' where a < 4",
            json!({
                "model": {
                    "query": if fans_out { "select a, b, v, w, tags from items" } else { "select a, b, v, w from items" },
                    "key": ["a", "b"],
                    "connections": connections,
                },
                "sync": {
                    "message": {"json": message(1, fans_out)},
                    "fan_out": fans_out.then(|| json!({"column": "tags"})),
                    "partition_key": {"template": "{{ row.a }}|{{ row.b }}"},
                    "first_run": if only_future { "only-future" } else { "send-all" },
                    // An empty result asks all the same.
                    "guards": {"removed_percent": 100.0, "removed_more_than": 1000},
                },
            }),
        )
        .await;
        let settings = &mut rig.worker.settings;
        settings.window.records = 3;
        settings.garbage_age = Duration::ZERO;
        settings.settling = Duration::from_millis(500);
        settings.call_timeout = Duration::from_millis(400);
        Self {
            chance,
            rig,
            told: vec![format!(
                "first run {}, {connections} connections",
                if only_future { "only future" } else { "all" }
            )],
            excused: BTreeMap::new(),
            from_empty: !only_future,
            lost: false,
            silent: false,
            sends_all: true,
            first_run_only_future: only_future,
            asked: None,
            fans_out,
            seed,
            checked: 0,
        }
    }

    /// What this run finds it may acknowledge without sending.
    pub(super) async fn excuse(&mut self) {
        let model = self.rig.model().await;
        let stream = self.rig.stream().await;
        let last = stream.by_sequence();
        for key in differences(&last, &model).into_keys() {
            let state = state(&model, &key);
            self.excused.entry(key).or_default().insert(state);
        }
    }

    pub(super) async fn check(&mut self, report: &Report) {
        self.note(format!("    {:?} {:?} {:?}", report.state, report.reason, report.counts));
        report.counts.check().unwrap();
        let counts = serde_json::to_value(report.counts).unwrap();
        let attempts = self.rig.worker.scope.attempts(report.run).await.unwrap();
        let counted = attempts.iter().map(|attempt| serde_json::to_value(attempt.counts).unwrap());
        for counts in counted.chain([counts]) {
            // An attempt that failed before its plan was whole knows nothing.
            let wrong = if self.fans_out { sums_of_elements(&counts) } else { sums(&counts) };
            assert_eq!(wrong, Vec::<String>::new());
        }
        assert_eq!(attempts.last().unwrap().counts, report.counts, "the stored attempt says what the report says");
        if matches!(report.state, RunState::Succeeded | RunState::NeedsApproval) {
            let model = self.rig.model().await;
            assert_eq!((report.counts.queried, report.counts.invalid), (model.queried, model.invalid));
        }
        self.first_run_only_future &= !self.rig.worker.scope.sync_state(self.rig.sync).await.unwrap().first_run_done;
        self.check_stream().await;
    }

    pub(super) async fn check_stream(&mut self) {
        let stream = self.rig.stream().await;
        for message in &self.rig.messages()[self.checked..] {
            self.note(format!("        {message}"));
        }
        self.checked = stream.0.len();
        assert_eq!(stream.faults(self.from_empty), Vec::<String>::new());
    }

    /// Faults end, a lost run is taken over, puts settle, and one more run says everything.
    async fn end(&mut self) {
        self.note("the end: no more faults".to_owned());
        self.rig.simulator.clear_faults();
        if self.lost {
            self.take_over().await;
        }
        self.set_triggers([true; 3]).await;
        self.rig.settled().await;
        self.last_run(RunKind::Normal).await;
        self.rig.settled().await;
        self.compare(true).await;
        self.nothing_is_left().await;
        if self.chance.percent(50) {
            self.last_run(RunKind::FullResync).await;
            self.compare(false).await;
        }
        assert_eq!(self.rig.log_faults().await, Vec::<String>::new(), "the debug log is not true");
    }

    /// With everything settled and nothing failing one run is enough, but for a time-out on a busy machine.
    async fn last_run(&mut self, kind: RunKind) {
        self.note(format!("last {kind:?}"));
        for _ in 0..3 {
            let report = self.rig.run_of(kind, RunOptions::default()).await;
            self.check(&report).await;
            match report.state {
                RunState::NeedsApproval => self.decide(Decision::Approved).await,
                RunState::Succeeded
                    if report.counts.rejected + report.counts.deferred + report.counts.unanswered == 0 =>
                {
                    return;
                }
                _ => {
                    assert!(report.counts.unanswered > 0, "one run was not enough: {report:?}");
                    self.rig.settled().await;
                }
            }
        }
        panic!("the last run did not end whole");
    }

    async fn compare(&self, changes_excused: bool) {
        let (stream, model) = (self.rig.stream().await, self.rig.model().await);
        let (by_sequence, by_arrival) = (stream.by_sequence(), stream.by_arrival());
        for (key, story) in differences(&by_sequence, &model) {
            let state = state(&model, &key);
            let excusable = changes_excused || state.is_none();
            let excused = excusable && self.excused.get(&key).is_some_and(|states| states.contains(&state));
            assert!(excused, "{key}: {story}");
        }
        for (key, last) in &by_sequence {
            let arrived: &Message = by_arrival[key];
            assert_eq!(arrived.id, last.id, "by arrival {key} ends with an older version");
        }
    }

    /// The run after that plans nothing and writes nothing but its log.
    async fn nothing_is_left(&mut self) {
        let before = (self.rig.objects(), self.manifest_version().await, self.rig.records().len());
        let report = self.rig.run().await;
        self.check(&report).await;
        assert_eq!((report.state, report.counts.planned), (RunState::Succeeded, 0));
        assert_eq!((self.manifest_version().await, self.rig.records().len()), (before.1, before.2));
        let unexpected = |name: &String| !before.0.contains(name) && !name.contains("/outcomes/");
        let new: Vec<String> = self.rig.objects().into_iter().filter(unexpected).collect();
        assert_eq!(new, Vec::<String>::new());
        let manifest = self.rig.worker.scope.manifest(self.rig.sync).await.unwrap();
        assert!(manifest.is_none_or(|manifest| manifest.layers.len() <= 64));
    }

    async fn manifest_version(&self) -> u64 {
        self.rig.worker.scope.sync_state(self.rig.sync).await.unwrap().manifest_version
    }
}

impl Drop for History {
    #[expect(clippy::print_stderr, reason = "a history that failed is told")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("ROWCAST_SEED={} failed:\n{}", self.seed, self.told.join("\n"));
        }
    }
}

/// A key's row as text; nothing when the key is gone or held.
fn state(model: &Model, key: &Key) -> Option<String> {
    match model.rows.get(key)? {
        Row::One(row) => Some(row.to_string()),
        Row::Held => None,
    }
}

pub(super) fn message(edition: u32, fans_out: bool) -> String {
    let (key, member) =
        if fans_out { (", {{ element }}", r#", "element": {{ element }}"#) } else { Default::default() };
    format!(
        r#"{{"op": {{{{ op }}}}, "key": [{{{{ row.a }}}}, {{{{ row.b }}}}{key}],
        "event": {{"id": {{{{ event.id }}}}, "sequence": {{{{ event.sequence }}}}}},
        "row": {{"a": {{{{ row.a }}}}, "b": {{{{ row.b }}}}, "v": {{{{ row.v }}}}, "w": {{{{ row.w }}}}{member}}},
        "previous": {{"v": {{{{ previous.v }}}}, "w": {{{{ previous.w }}}}}}, "changed": {{{{ changed_columns }}}}, "edition": {edition}}}"#
    )
}
