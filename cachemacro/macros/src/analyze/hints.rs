//! What names of fields, variants, bindings, methods and macros suggest: `tx` is a transaction, `conn` a connection.

/// What a name suggests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hint {
    Transaction,
    Connection,
}

const TRANSACTIONS: &[&str] = &["tx", "txn", "trx", "transaction"];

const CONNECTIONS: &[&str] = &["conn", "connection"];

/// Words that may stand before these: `db_tx`, `pg_conn`. A `shutdown_tx` is one end of a channel.
const OF_DATABASES: &[&str] = &[
    "db", "pg", "sql", "sqlite", "mysql", "postgres", "database", "inner", "current", "active", "outer", "open",
    "read", "write", "my", "maybe", "opt",
];

/// For the name of a field or a binding.
pub(crate) fn of_field(name: &str) -> Option<Hint> {
    let mut words: Vec<_> = name.trim_start_matches("r#").split('_').filter(|word| !word.is_empty()).collect();
    let last = words.pop()?;
    words.iter().all(|word| OF_DATABASES.contains(word)).then(|| of_word(last)).flatten()
}

/// For the name of a variant, or of a tuple struct: `Db::Tx`, `MyConn`, `InTransaction`.
pub(crate) fn of_variant(name: &str) -> Option<Hint> {
    let last = name.rfind(char::is_uppercase).map_or(name, |at| &name[at..]);
    of_word(&last.to_lowercase())
}

/// Whether the name of a macro suggests either: `with_tx!`.
pub(crate) fn is_in_macro(name: &str) -> bool {
    name.split('_').any(|word| of_word(word).is_some())
}

/// Whether a method without arguments returns a transaction, by its name: `self.tx()`.
pub(crate) fn is_accessor(name: &str) -> bool {
    ["tx", "txn", "trx"].contains(&name.strip_suffix("_mut").unwrap_or(name))
}

fn of_word(word: &str) -> Option<Hint> {
    if TRANSACTIONS.contains(&word) {
        Some(Hint::Transaction)
    } else {
        CONNECTIONS.contains(&word).then_some(Hint::Connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields() {
        for name in ["tx", "_txn", "trx", "transaction", "db_tx", "inner_tx"] {
            assert_eq!(of_field(name), Some(Hint::Transaction), "{name}");
        }
        assert_eq!(of_field("pg_conn"), Some(Hint::Connection));
        for name in ["shutdown_tx", "redis_conn", "txs", "transactions", "tx_id", "pool", "_", ""] {
            assert_eq!(of_field(name), None, "{name}");
        }
    }

    #[test]
    fn names_of_variants_and_macros() {
        assert_eq!(of_variant("Tx"), Some(Hint::Transaction));
        assert_eq!(of_variant("InTransaction"), Some(Hint::Transaction));
        assert_eq!(of_variant("MyConn"), Some(Hint::Connection));
        assert_eq!([of_variant("Pool"), of_variant("Some"), of_variant("TxId")], [None; 3]);
        assert!(is_in_macro("with_tx") && !is_in_macro("select"));
        assert!(is_accessor("tx_mut") && !is_accessor("transaction"));
    }
}
