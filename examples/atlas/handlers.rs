//! What other programs tell this one.

use cachemacro::invalidates;

use crate::events::CountryChanged;
use crate::model::AtlasError;
use crate::repository::Atlas;

impl Atlas {
    /// The program that keeps the countries changed one, in the same database, and says so over whatever broker the two
    /// share; in this example that is `POST /events/country-changed`.
    ///
    /// An event from before its own commit would move the caches to a version that no query can find yet. It is refused,
    /// nothing is published, and the broker sends it again. It also does when the caches could not be told.
    #[invalidates(event, on_error = fail)]
    pub async fn on_country_changed(&self, event: CountryChanged) -> Result<(), AtlasError> {
        let version = sqlx::query_scalar("SELECT version FROM countries WHERE code = ?").bind(&event.code);
        let version: Option<u64> = version.fetch_optional(&self.db).await?;
        match version {
            None => Err(AtlasError::UnknownCountry(event.code)),
            Some(version) if version < event.version => {
                Err(AtlasError::TooEarly { code: event.code, version: event.version })
            }
            Some(_) => Ok(()),
        }
    }
}
