//! A write, and what the next read sees.

use axum::http::Method;

use super::stage::Stage;
use crate::Failure;
use crate::report::heading;

/// The city of the show.
pub const NEW_YORK: &str = "/cities/5128581";

pub async fn show(stage: &Stage) -> Result<(), Failure> {
    heading(
        "A write, and the next read",
        "Three caches hold the city: by id, by name, and in its country's ranking. The writer knows none
         of them; its events move all three before it returns, and the remembered absence of the new name.",
    );
    let questions = [NEW_YORK, "/countries/US/cities/New%20Amsterdam", "/countries/US/largest?limit=1"];
    for question in questions {
        stage.client.get(question).await?;
        stage.get(question).await?;
    }
    stage.send(Method::PATCH, NEW_YORK, r#"{"name": "New Amsterdam"}"#).await?;
    for question in questions {
        stage.get(question).await?;
    }
    stage.get(NEW_YORK).await?;
    Ok(())
}
