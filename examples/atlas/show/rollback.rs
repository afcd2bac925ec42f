//! A change that has to be undone.

use axum::http::Method;

use super::stage::Stage;
use super::update::NEW_YORK;
use crate::Failure;
use crate::model::City;
use crate::report::{heading, say};

pub async fn show(stage: &Stage) -> Result<(), Failure> {
    heading(
        "A rollback",
        "The row gets its old content back as a new version, since versions never run backwards. The event
         says whose content it is, so the entry of that version is served again, without a query.",
    );
    let reply = stage.get(NEW_YORK).await?;
    let city: City = serde_json::from_slice(&reply.body)?;
    let path = format!("{NEW_YORK}/restore?version={}", city.version - 1);
    stage.send(Method::POST, &path, "").await?;
    let before = stage.atlas.loads();
    stage.get(NEW_YORK).await?;
    say!(
        "\n  Loads for that read: {}. It is the entry of version {}, kept since then.",
        stage.atlas.loads() - before,
        city.version - 1
    );
    Ok(())
}
