use sqlx::PgTransaction;
use uuid::Uuid;

use super::{NewLogObject, sequence};
use crate::codec::{clean_json, clean_text, instant, signed};
use crate::error::database;
use crate::{Claim, Error};

/// In the transaction of a checkpoint, behind its fence.
pub(crate) async fn add_log(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    claim: &Claim,
    log: &[NewLogObject],
) -> Result<(), Error> {
    for object in log {
        add_object(tx, workspace, claim, object).await?;
        if !object.shards.is_empty() {
            add_shards(tx, workspace, claim, object).await?;
        }
        if let Some(window) = object.window {
            account_for(tx, workspace, claim, window).await?;
        }
    }
    Ok(())
}

async fn add_object(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    claim: &Claim,
    new: &NewLogObject,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into log_object (
             workspace_id, sync_id, epoch, number, kind, run_id, name, bytes, footer_bytes, footer_digest, summary,
             entries, key_min, key_max, first_call, last_call, first_at, last_at, window_epoch, window_number)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        workspace,
        claim.sync.uuid(),
        signed(new.epoch),
        new.number.cast_signed(),
        new.kind.as_str(),
        new.run.uuid(),
        new.object.name,
        signed(new.object.bytes),
        new.object.footer_bytes.cast_signed(),
        &new.object.footer_digest[..],
        clean_json(&new.summary),
        signed(new.entries),
        new.keys.as_ref().map(|(low, _)| &low.0[..]),
        new.keys.as_ref().map(|(_, high)| &high.0[..]),
        new.calls.map(|(first, _)| signed(first)),
        new.calls.map(|(_, last)| signed(last)),
        new.times.map(|(first, _)| instant(first)),
        new.times.map(|(_, last)| instant(last)),
        new.window.map(|(epoch, _)| signed(epoch)),
        new.window.map(|(_, number)| number.cast_signed()),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("add an object to the log"))?;
    Ok(())
}

async fn add_shards(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    claim: &Claim,
    new: &NewLogObject,
) -> Result<(), Error> {
    let names: Vec<_> = new.shards.iter().map(|shard| clean_text(&shard.shard)).collect();
    let lowest = new.shards.iter().map(|shard| sequence::to_bytes(&shard.lowest)).collect::<Result<Vec<_>, _>>()?;
    let highest = new.shards.iter().map(|shard| sequence::to_bytes(&shard.highest)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "insert into log_shard (workspace_id, sync_id, epoch, number, shard, lowest, highest)
         select $1, $2, $3, $4, landed.shard, landed.lowest, landed.highest
         from unnest($5::text[], $6::bytea[], $7::bytea[]) as landed (shard, lowest, highest)",
        workspace,
        claim.sync.uuid(),
        signed(new.epoch),
        new.number.cast_signed(),
        &names,
        &lowest,
        &highest,
    )
    .execute(&mut **tx)
    .await
    .map_err(database("add the shards of an object to the log"))?;
    Ok(())
}

/// A window is accounted for once, whatever becomes of the log.
async fn account_for(
    tx: &mut PgTransaction<'_>,
    workspace: Uuid,
    claim: &Claim,
    (epoch, number): (u64, u32),
) -> Result<(), Error> {
    let done = sqlx::query!(
        "update snapshot_window set logged = true
         where workspace_id = $1 and sync_id = $2 and epoch = $3 and number = $4 and state <> 'checkpointed'
           and not logged",
        workspace,
        claim.sync.uuid(),
        signed(epoch),
        number.cast_signed(),
    )
    .execute(&mut **tx)
    .await
    .map_err(database("account for a window in the log"))?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::NotUnlogged { epoch, number }) }
}
