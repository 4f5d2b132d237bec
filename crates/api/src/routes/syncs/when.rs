//! Schedules as they come in, and the times that they make.

use domain::{Schedule, Unit};
use schedule::Plan;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::NEXT;
use super::shapes::ScheduleShape;
use crate::extract::{Json, Timestamp};
use crate::problem::Fault;
use crate::{App, Problem, clock};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(next_times))
}

/// A schedule with each member by itself, so that what is wrong is told at its member, and in words.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleBody {
    #[serde(rename = "type")]
    kind: Kind,
    every: Option<Value>,
    unit: Option<Unit>,
    expression: Option<String>,
    time_zone: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Manual,
    Interval,
    Cron,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NextTimesBody {
    #[schema(value_type = ScheduleShape)]
    schedule: ScheduleBody,
}

/// When a schedule would make runs.
#[derive(Debug, Serialize, ToSchema)]
struct NextTimes {
    /// The next five if it were set now; none of a manual one.
    next: Vec<Timestamp>,
}

/// The next times of a schedule that need not be saved
///
/// An interval counts from when it is set, here from now; a cron expression goes by the clocks of its time zone.
#[utoipa::path(post, path = "/v1/schedules/next", tag = "syncs", request_body = NextTimesBody,
    responses((status = 200, description = "The times", body = NextTimes)))]
async fn next_times(Json(body): Json<NextTimesBody>) -> Result<Json<NextTimes>, Problem> {
    let (_, plan) = body.schedule.plan().map_err(|fault| Problem::faults(vec![fault.under("/schedule")]))?;
    let now = clock::now();
    Ok(Json(NextTimes { next: plan.ticks(now, now).take(NEXT).map(Timestamp).collect() }))
}

impl ScheduleBody {
    /// Pointers of faults begin at the schedule.
    pub(super) fn plan(self) -> Result<(Schedule, Plan), Fault> {
        let schedule = self.schedule()?;
        let plan = Plan::new(&schedule).map_err(|problem| fault(problem.field(), problem.to_string()))?;
        Ok((schedule, plan))
    }

    fn schedule(self) -> Result<Schedule, Fault> {
        let Self { kind, every, unit, expression, time_zone } = self;
        let interval = [("every", every.is_some()), ("unit", unit.is_some())];
        let cron = [("expression", expression.is_some()), ("time_zone", time_zone.is_some())];
        let odd = |members: &[(&'static str, bool)]| {
            members.iter().find(|(_, given)| *given).map_or(Ok(()), |(name, _)| {
                Err(fault(
                    name,
                    "Schedules of this type have no such member. Leave it out, or choose another type.".to_owned(),
                ))
            })
        };
        let missing = |name: &str, what: &str| fault(name, format!("It is missing: {what}."));
        match kind {
            Kind::Manual => odd(&[interval, cron].concat()).map(|()| Schedule::Manual),
            Kind::Interval => {
                odd(&cron)?;
                let unit = unit.ok_or_else(|| missing("unit", "`minutes`, `hours` or `days`"))?;
                let every = every.ok_or_else(|| missing("every", "a whole number of them, from 1"))?;
                Ok(Schedule::Interval { every: whole(&every, unit)?, unit })
            }
            Kind::Cron => {
                odd(&interval)?;
                Ok(Schedule::Cron {
                    expression: expression
                        .ok_or_else(|| missing("expression", "five fields, such as `0 9 * * 1-5`"))?,
                    time_zone: time_zone
                        .ok_or_else(|| missing("time_zone", "a name such as `Europe/Berlin` or `UTC`"))?,
                })
            }
        }
    }
}

/// The longest interval has 366 days.
fn whole(every: &Value, unit: Unit) -> Result<u32, Fault> {
    const DAYS: u32 = 366;
    let (most, name) = match unit {
        Unit::Minutes => (DAYS * 24 * 60, "minutes"),
        Unit::Hours => (DAYS * 24, "hours"),
        Unit::Days => (DAYS, "days"),
    };
    let number =
        every.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| fault("every", format!("A whole number of {name} is expected, from 1 to {most} (366 days).")))
}

fn fault(member: &str, detail: String) -> Fault {
    Fault { pointer: Some(format!("/{member}")), detail, ..Fault::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(schedule: Value) -> (String, String) {
        let fault = serde_json::from_value::<ScheduleBody>(schedule).unwrap().plan().unwrap_err();
        (fault.pointer.unwrap(), fault.detail)
    }

    #[test]
    fn a_number_that_is_no_interval_is_told_in_words_at_its_member() {
        for every in [json!(0), json!(-1), json!(1.5), json!(9_000_000_000_u64), json!("5"), json!(null), json!(8_785)]
        {
            let (pointer, detail) = wrong(json!({"type": "interval", "every": every, "unit": "hours"}));
            assert_eq!(pointer, "/every", "{every}");
            if !every.is_null() {
                assert_eq!(detail, "A whole number of hours is expected, from 1 to 8784 (366 days).", "{every}");
            }
        }
        let most = json!({"type": "interval", "every": 527_040, "unit": "minutes"});
        serde_json::from_value::<ScheduleBody>(most).unwrap().plan().unwrap();
    }

    #[test]
    fn a_member_that_lacks_or_belongs_to_another_type_is_named() {
        for (schedule, pointer) in [
            (json!({"type": "interval", "unit": "days"}), "/every"),
            (json!({"type": "interval", "every": 2}), "/unit"),
            (json!({"type": "cron", "expression": "0 9 * * *"}), "/time_zone"),
            (json!({"type": "cron", "time_zone": "UTC"}), "/expression"),
            (json!({"type": "cron", "expression": "0 9 * * *", "time_zone": "UTC", "every": 2}), "/every"),
            (json!({"type": "manual", "expression": "0 9 * * *"}), "/expression"),
            (json!({"type": "cron", "expression": "0 25 * * *", "time_zone": "UTC"}), "/expression"),
            (json!({"type": "cron", "expression": "0 9 * * *", "time_zone": "Europe/Berln"}), "/time_zone"),
        ] {
            assert_eq!(wrong(schedule.clone()).0, pointer, "{schedule}");
        }
    }
}
