use serde::Serialize;
use store::Person;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::Json;
use crate::{App, SignedIn};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_me))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    #[schema(examples("usr_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    email: String,
}

/// Who you are
#[utoipa::path(get, path = "/v1/me", tag = "people", responses((status = 200, description = "You", body = Me)))]
async fn get_me(me: SignedIn) -> Json<Me> {
    Json(Me { id: me.person().to_string(), email: me.email().to_owned() })
}

impl From<Person> for Me {
    fn from(person: Person) -> Self {
        Self { id: person.id.to_string(), email: person.email }
    }
}
