//! A write by a program that this one knows nothing of.

use axum::http::Method;

use super::stage::Stage;
use crate::Failure;
use crate::events::CountryChanged;
use crate::report::{heading, say};

const NIGERIA: &str = "/countries/NG/largest?limit=2";

pub async fn show(stage: &Stage) -> Result<(), Failure> {
    heading(
        "A write by another program",
        "A ranking hangs on two aggregates, the country and its cities. Another program moves a country's
         capital in the same database; its message reaches a handler tagged #[invalidates(event)].",
    );
    stage.client.get(NIGERIA).await?;
    stage.get(NIGERIA).await?;
    let move_capital =
        "UPDATE countries SET capital = 'Lagos', version = version + 1 WHERE code = 'NG' RETURNING version";
    let version = sqlx::query_scalar(move_capital).fetch_one(&stage.db).await?;
    say!("  (another program commits: the capital is Lagos)");
    stage.get(NIGERIA).await?;
    let event = CountryChanged { code: "NG".to_owned(), version };
    stage.send(Method::POST, "/events/country-changed", &serde_json::to_string(&event)?).await?;
    stage.get(NIGERIA).await?;
    say!("\n  Before the message no process here could know; the hard TTL bounds that time to 5 minutes.");
    Ok(())
}
