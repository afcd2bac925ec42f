//! The database: its tables, and the GeoNames data that fills them.

use std::path::Path;
use std::str::FromStr;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use crate::Failure;

const CITIES: &str = include_str!("data/cities.tsv");
const COUNTRIES: &str = include_str!("data/countries.tsv");

/// `version` is a counter and no timestamp: two changes within one tick of a clock would look like one.
const TABLES: &str = "
    CREATE TABLE countries (
        code TEXT PRIMARY KEY, name TEXT NOT NULL, capital TEXT NOT NULL, continent TEXT NOT NULL,
        population INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1
    ) WITHOUT ROWID;
    CREATE TABLE cities (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL REFERENCES countries (code),
        population INTEGER NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL,
        version INTEGER NOT NULL DEFAULT 1
    );
    -- What a row said before it changed, so that a change can be undone.
    CREATE TABLE city_history (
        id INTEGER NOT NULL REFERENCES cities (id), version INTEGER NOT NULL,
        name TEXT NOT NULL, population INTEGER NOT NULL, PRIMARY KEY (id, version)
    ) WITHOUT ROWID;
";

/// Made after the rows, which is faster than beside them.
const INDEXES: &str = "
    CREATE INDEX cities_by_name ON cities (country, name, id);
    CREATE INDEX cities_by_size ON cities (country, population DESC, id);
";

/// Opens the database file, new and empty.
///
/// It is lost with the program, so it does not wait for the disk; everything else is as a service would have it.
pub async fn open(file: &Path) -> Result<SqlitePool, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off);
    Ok(SqlitePoolOptions::new().max_connections(4).connect_with(options).await?)
}

/// Makes the tables and loads every city and country. Returns how many of each there are.
pub async fn load(db: &SqlitePool) -> Result<(usize, usize), Failure> {
    let mut transaction = db.begin().await?;
    sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
    let countries = rows::<5>(COUNTRIES)?;
    insert_countries(&mut transaction, &countries).await?;
    let cities = rows::<6>(CITIES)?;
    insert_cities(&mut transaction, &cities).await?;
    sqlx::raw_sql(INDEXES).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok((cities.len(), countries.len()))
}

async fn insert_countries(
    transaction: &mut Transaction<'_, Sqlite>,
    countries: &[[&'static str; 5]],
) -> Result<(), Failure> {
    for [code, name, capital, continent, population] in countries {
        sqlx::query("INSERT INTO countries (code, name, capital, continent, population) VALUES (?, ?, ?, ?, ?)")
            .bind(code)
            .bind(name)
            .bind(capital)
            .bind(continent)
            .bind(number::<i64>(population)?)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// Inserts many rows a statement: one at a time would take most of a second.
async fn insert_cities(transaction: &mut Transaction<'_, Sqlite>, cities: &[[&'static str; 6]]) -> Result<(), Failure> {
    const ROWS_A_STATEMENT: usize = 1_000;
    for chunk in cities.chunks(ROWS_A_STATEMENT) {
        let parsed: Vec<(i64, i64, f64, f64)> = chunk
            .iter()
            .map(|[id, _, _, population, latitude, longitude]| {
                Ok((number(id)?, number(population)?, number(latitude)?, number(longitude)?))
            })
            .collect::<Result<_, Failure>>()?;
        let mut insert = QueryBuilder::new("INSERT INTO cities (id, name, country, population, latitude, longitude) ");
        insert.push_values(chunk.iter().zip(parsed), |mut row, (texts, (id, population, latitude, longitude))| {
            row.push_bind(id).push_bind(texts[1]).push_bind(texts[2]);
            row.push_bind(population).push_bind(latitude).push_bind(longitude);
        });
        insert.build().persistent(false).execute(&mut **transaction).await?;
    }
    Ok(())
}

/// The rows of a file below its heading, as `COLUMNS` texts each.
fn rows<const COLUMNS: usize>(file: &'static str) -> Result<Vec<[&'static str; COLUMNS]>, Failure> {
    let row = |line: &'static str| {
        let texts: Vec<&str> = line.split('\t').collect();
        texts.try_into().map_err(|_| format!("not {COLUMNS} columns: {line}").into())
    };
    file.lines().skip(1).map(row).collect()
}

fn number<N: FromStr>(text: &str) -> Result<N, Failure> {
    text.parse().map_err(|_| format!("not a number: {text}").into())
}
