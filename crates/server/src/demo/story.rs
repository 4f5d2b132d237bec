//! The story of the demo, step by step. Every step is real: a real PostgreSQL, the real AWS SDK over HTTP, a worker
//! process that is really killed.

use std::io::IsTerminal;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use domain::{RunKind, Secret, SyncId};
use embedded::Cluster;
use runner::{Report, Reporter, RunOptions, Worker};
use serde_json::json;
use simulator::{Effect, Handle, Operation, Rule, Selection};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::check::{Replay, replay};
use super::shop::{self, STREAM};
use crate::cli::DemoArguments;
use crate::show::Display;
use crate::sync_file::SyncFile;
use crate::{Exit, Result, place, run, show};

/// Short, so that the demo need not wait for the lease of the worker that it kills.
const LEASE: Duration = Duration::from_secs(10);

pub(super) async fn tell(home: &Path, arguments: &DemoArguments) -> Result<Exit> {
    let demo = Demo::set_up(home, arguments).await?;
    let mut story = Vec::new();
    story.extend(demo.first_run(arguments.rows).await?);
    story.extend(demo.change_of_rows().await?);
    story.extend(demo.throttled().await?);
    story.extend(demo.killed(arguments.rows).await?);
    let replay = demo.replay().await?;
    demo.end(&story, &replay).await?;
    if !replay.wrong.is_empty() {
        return Err(format!("{} customers are wrong in the stream", replay.wrong.len()).into());
    }
    if !arguments.once {
        demo.go_on().await?;
    }
    demo.simulator.shutdown().await;
    Ok(Exit::Done)
}

struct Demo {
    simulator: Handle,
    cluster: Cluster,
    shop: Client,
    worker: Worker,
    sync: SyncId,
    file: std::path::PathBuf,
    json: bool,
    cancel: CancellationToken,
}

/// A step of the story, for the table at its end.
struct Told {
    step: &'static str,
    report: Report,
}

impl Demo {
    async fn set_up(home: &Path, arguments: &DemoArguments) -> Result<Self> {
        let home = home.canonicalize()?;
        let json = arguments.json;
        say(json, "Setting up: a private PostgreSQL with a shop in it, and a simulated Kinesis stream with 8 shards.");
        let cluster = place::start_cluster(&home).await?;
        cluster.create_database("shop").await?;
        let shop = shop::connect(&cluster.url("shop")).await?;
        shop::fill(&shop, arguments.rows).await?;
        let simulator = simulator::start(simulator::Config::default()).await?;
        simulator.create_stream(STREAM, 8)?;
        let file = home.join("shop-customers.yaml");
        std::fs::write(&file, shop::sync_file(simulator.endpoint()))?;
        let SyncFile { name, definition } = SyncFile::read(&file)?;
        let worker = worker(&home, &cluster).await?;
        let sync = worker.scope.put_sync(&name, &definition).await?.id;
        say(json, &format!("  The sync is described in {}.", file.display()));
        say(
            json,
            &format!("  What arrives can be seen at {}/_simulator/streams/{STREAM}/records.", simulator.endpoint()),
        );
        let cancel = run::cancel_on_signal();
        Ok(Self { simulator, cluster, shop, worker, sync, file, json, cancel })
    }

    async fn first_run(&self, rows: u32) -> Result<Vec<Told>> {
        self.say(&format!("\n1. First run: all {rows} customers are sent."));
        self.run("first run").await
    }

    async fn change_of_rows(&self) -> Result<Vec<Told>> {
        let changed = shop::change(&self.shop).await?;
        self.say(&format!("\n2. The shop goes on: {changed}. What the next run would send:"));
        let file = SyncFile::read(&self.file)?;
        let preview = self
            .worker
            .preview(&file.name, file.definition, RunKind::Normal, RunOptions::default(), 2, &Reporter::default())
            .await?;
        self.say(&indent(&show::preview(&preview)));
        self.say("   And the run:");
        let mut told = self.run("after changes").await?;
        self.say("   Once more, with nothing changed:");
        told.extend(self.run("no changes").await?);
        Ok(told)
    }

    async fn throttled(&self) -> Result<Vec<Told>> {
        let moved = shop::visit_city(&self.shop, "Reykjavík", 10).await?;
        self.say(&format!("\n3. {moved} customers move, and Kinesis throttles every record of one shard."));
        let shard = Selection::Shard("shardId-000000000001".to_owned());
        self.simulator.faults([Rule::on(Operation::PutRecords, Effect::Throttle(shard))]);
        let mut told = self.run("throttled").await?;
        self.simulator.clear_faults();
        self.say("   The throttling ends. What was rejected still differs from what the stream acknowledged, so:");
        told.extend(self.run("after throttling").await?);
        Ok(told)
    }

    async fn killed(&self, rows: u32) -> Result<Vec<Told>> {
        let moved = shop::visit_city(&self.shop, "Valparaíso", 2).await?;
        self.say(&format!(
            "\n4. {moved} customers move. A worker process starts to send them, and is killed (kill -9) in the middle."
        ));
        let before = self.simulator.record_count(STREAM);
        // Slow enough to be caught in the act.
        self.simulator.faults([Rule::on(Operation::PutRecords, Effect::Latency { ms: 150 })]);
        let mut child = self.start_worker()?;
        self.simulator.wait_for_records(STREAM, before + (rows / 10) as usize).await;
        child.kill().await?;
        self.simulator.clear_faults();
        let sent = self.simulator.record_count(STREAM) - before;
        self.say(&format!(
            "   Killed after {sent} records. The next worker waits for the lease of the dead one ({} s), reads the model \
             again, and sends what was not acknowledged:",
            LEASE.as_secs()
        ));
        self.run("taken over").await
    }

    /// The command line itself, as a process of its own.
    fn start_worker(&self) -> Result<tokio::process::Child> {
        let home = self.worker.settings.objects.parent().ok_or("the objects have no parent folder")?;
        let child = tokio::process::Command::new(std::env::current_exe()?)
            .arg("run")
            .arg(&self.file)
            .arg("--home")
            .arg(home)
            .args(["--window", "500", "--settling", "5"])
            .arg(format!("--lease={}", LEASE.as_secs()))
            .env("DATABASE_URL", self.cluster.url("rowcast"))
            .env("SHOP_DATABASE_URL", self.cluster.url("shop"))
            .env("SHOP_ACCESS_KEY_ID", "demo")
            .env("SHOP_SECRET_ACCESS_KEY", "demo")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(child)
    }

    /// Runs the sync. A run that a dead worker left over is told first, under the name of the step.
    async fn run(&self, step: &'static str) -> Result<Vec<Told>> {
        let reports = self.run_quietly().await?;
        let several = reports.len() > 1;
        let mut told = Vec::new();
        for (at, report) in reports.into_iter().enumerate() {
            let step = if several && at > 0 { "and once more" } else { step };
            if self.json {
                println!("{}", json!({ "step": step, "report": show::report_json(STREAM, &report) }));
            } else {
                println!("{}", indent(&show::report(STREAM, &report)));
            }
            told.push(Told { step, report });
        }
        Ok(told)
    }

    async fn run_quietly(&self) -> Result<Vec<Report>> {
        let display = if !self.json && std::io::stderr().is_terminal() { Display::Bar } else { Display::Silent };
        let requested = self.worker.scope.request_run(self.sync, RunKind::Normal, json!({})).await?.run;
        let reports = run::work_until(&self.worker, self.sync, requested, display, &self.cancel).await?;
        reports.ok_or_else(|| "another process works on the demo's sync".into())
    }

    async fn replay(&self) -> Result<Replay> {
        replay(&self.simulator.records(STREAM), &shop::cities(&self.shop).await?)
    }

    async fn end(&self, story: &[Told], replay: &Replay) -> Result<()> {
        if self.json {
            let Replay { records, duplicates, customers, wrong } = replay;
            let summary =
                json!({ "records": records, "duplicates": duplicates, "customers": customers, "wrong": wrong.len() });
            println!("{summary}");
            return Ok(());
        }
        println!("\nWhat happened:\n{}", table(story));
        println!("Some records, read back from the stream:");
        let records = self.simulator.records(STREAM);
        let last = records.len().saturating_sub(1);
        for record in [0, last / 2, last].iter().filter_map(|at| records.get(*at)) {
            let data: serde_json::Value = serde_json::from_slice(&record.data)?;
            println!("  {} {}\n    {data}", record.shard_id, record.sequence_number);
        }
        let Replay { records, duplicates, customers, wrong } = replay;
        println!(
            "\nThe stream holds {records} records, {duplicates} of them sent twice (same event.id): what the killed worker\n\
             had sent and not yet checkpointed.\n\
             Replayed, last record of each customer by event.sequence: {customers} customers, {} differ from the shop.",
            wrong.len()
        );
        if wrong.is_empty() {
            println!("Nothing was lost.");
        }
        Ok(())
    }

    /// Syncs what the user changes, every two seconds, until Ctrl-C.
    async fn go_on(&self) -> Result<()> {
        self.say("\nThe demo goes on, and syncs every 2 s what you change. Ctrl-C ends it. Change something:");
        self.say(&format!(
            "  psql '{}' -c \"update customers set city = 'Oslo' where id < 10\"",
            self.cluster.url("shop")
        ));
        while !self.cancel.is_cancelled() {
            for report in self.run_quietly().await? {
                if report.counts.planned > 0 || report.reason.is_some() {
                    println!("{}", indent(&show::report(STREAM, &report)));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
                () = self.cancel.cancelled() => {}
            }
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        say(self.json, text);
    }
}

async fn worker(home: &Path, cluster: &Cluster) -> Result<Worker> {
    let shop = cluster.url("shop");
    let secrets: runner::Secrets = Arc::new(move |secret| match secret {
        Secret::Env(name) if name == "SHOP_DATABASE_URL" => Ok(shop.clone()),
        Secret::Env(name) if name.starts_with("SHOP_") => Ok("demo".to_owned()),
        other => Err(format!("the demo has no secret {other:?}")),
    });
    let mut settings = runner::Settings::new(home, format!("demo-{}", std::process::id()), secrets);
    settings.endpoint_override = true;
    settings.egress = domain::egress::EgressPolicy::open();
    settings.lease = LEASE;
    settings.call_timeout = place::call_timeout(LEASE);
    settings.settling = Duration::from_secs(5);
    // Short, so that the throttled run of the story ends with rejections.
    settings.puts.retry.max_attempts = 3;
    Ok(place::worker(&cluster.url("rowcast"), settings).await?.0)
}

fn say(json: bool, text: &str) {
    if json {
        println!("{}", json!({ "says": text.trim() }));
    } else {
        println!("{text}");
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}

fn table(story: &[Told]) -> String {
    let mut text = format!(
        "  {:<17}{:>8}{:>8}{:>9}{:>9}{:>10}{:>11}{:>10}\n",
        "run", "rows", "added", "changed", "removed", "repeated", "delivered", "rejected"
    );
    for Told { step, report } in story {
        let counts = &report.counts;
        text += &format!(
            "  {step:<17}{:>8}{:>8}{:>9}{:>9}{:>10}{:>11}{:>10}\n",
            counts.queried,
            counts.added,
            counts.changed,
            counts.removed,
            counts.repeated,
            counts.delivered,
            counts.rejected
        );
    }
    text
}
