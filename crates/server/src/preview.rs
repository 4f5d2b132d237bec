//! `rowcast preview`: the records of the next run, and no state written.

use runner::Reporter;
use serde_json::json;

use crate::cli::PreviewArguments;
use crate::place::Place;
use crate::sync_file::SyncFile;
use crate::{Exit, Result, run, secrets, show};

pub(crate) async fn run(arguments: PreviewArguments) -> Result<Exit> {
    let file = SyncFile::read(&arguments.file)?;
    let place = Place::open(&arguments.place, secrets::from_machine()).await?;
    let preview = preview(&place, file, &arguments).await;
    place.close().await;
    let preview = preview?;
    if arguments.json {
        print_json(&preview);
    } else {
        print!("{}", show::preview(&preview));
    }
    Ok(if preview.questions.is_empty() { Exit::Done } else { Exit::NeedsApproval })
}

async fn preview(place: &Place, file: SyncFile, arguments: &PreviewArguments) -> Result<runner::Preview> {
    let worker = &place.worker;
    let kind = run::kind(&arguments.choice);
    let options = match worker.scope.sync(&file.name).await? {
        Some(sync) => run::options(worker, sync.id, &arguments.choice).await?,
        None => runner::RunOptions::default(),
    };
    let (name, limit) = (&file.name, arguments.limit);
    Ok(worker.preview(name, file.definition, kind, options, limit, &Reporter::default()).await?)
}

fn print_json(preview: &runner::Preview) {
    for record in &preview.records {
        let object = json!({
            "op": record.op,
            "key": record.key,
            "partition_key": record.partition_key,
            "explicit_hash_key": record.explicit_hash_key,
            "hash_key": record.hash_key.map(|hash| hash.to_string()),
            "bytes": record.bytes,
            "data": String::from_utf8_lossy(&record.data),
        });
        println!("{object}");
    }
    for rejection in &preview.rejections {
        let (op, key, code, message) = (rejection.op, &rejection.key, rejection.code, &rejection.message);
        println!("{}", json!({ "rejected": code, "op": op, "key": key, "message": message }));
    }
    let totals = json!({
        "counts": preview.counts,
        "records": preview.records_total,
        "bytes": preview.billed.bytes,
        "rejected": preview.rejected_by_code,
        "questions": preview.questions,
        "stand_ins": ["run.id", "run.started_at", "event.id", "event.sequence"],
    });
    println!("{totals}");
}
