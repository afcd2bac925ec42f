//! Handlers: the functions that a group calls with its events.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::task::{JoinError, JoinHandle};

use crate::event::CacheEvent;

/// An event that can come from another service.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from other services",
    label = "not a `CacheEvent + DeserializeOwned + Send + 'static`",
    note = "derive them: `#[derive(Clone, serde::Serialize, serde::Deserialize, CacheEvent)]`"
)]
pub trait ReceivedEvent: Sized {
    #[doc(hidden)]
    const NAME: &'static str;

    #[doc(hidden)]
    fn from_json(json: &str) -> Result<Self, serde_json::Error>;
}

#[diagnostic::do_not_recommend]
impl<E: CacheEvent + DeserializeOwned + Send + 'static> ReceivedEvent for E {
    const NAME: &'static str = E::INFO.name;

    fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}

/// How a handler's attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Handled,
    /// It may succeed at the next attempt.
    Failed(String),
    /// It will fail at every attempt.
    Unreadable(String),
}

type Work = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Handler = Arc<dyn Fn(&str) -> Result<Work, String> + Send + Sync>;

/// The handlers of a group, by the name of their event.
#[derive(Clone, Default)]
pub(super) struct Handlers {
    by_event: HashMap<&'static str, Vec<Handler>>,
}

impl Handlers {
    pub(super) fn add<E, H, F, X>(&mut self, handler: H)
    where
        E: ReceivedEvent + Send + 'static,
        H: Fn(E) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), X>> + Send + 'static,
        X: fmt::Display + 'static,
    {
        let handler = Arc::new(handler);
        let handle = move |json: &str| -> Result<Work, String> {
            let event = E::from_json(json).map_err(|error| error.to_string())?;
            let handler = Arc::clone(&handler);
            Ok(Box::pin(async move {
                match handler(event).await {
                    Ok(()) => Outcome::Handled,
                    // With `#`: then `anyhow` also prints the sources of the error.
                    Err(error) => Outcome::Failed(format!("{error:#}")),
                }
            }))
        };
        self.by_event.entry(E::NAME).or_default().push(Arc::new(handle));
    }

    pub(super) fn knows(&self, event: &str) -> bool {
        self.by_event.contains_key(event)
    }

    /// Calls the handlers of an event, one after the other, until one fails. They run in a new task, so that a panic is
    /// a failed attempt and does not end the consumer.
    pub(super) fn begin(&self, event: &str, json: String, limit: Duration) -> impl Future<Output = Outcome> + use<> {
        let handlers = self.by_event.get(event).cloned().unwrap_or_default();
        let task = tokio::spawn(async move {
            // All handlers parse the event before the first one starts: if one cannot parse it, none handles it.
            let works: Result<Vec<_>, _> = handlers.iter().map(|handler| handler(&json)).collect();
            let works = match works {
                Ok(works) => works,
                Err(reason) => return Outcome::Unreadable(format!("the event's body does not fit its type: {reason}")),
            };
            for work in works {
                let outcome = work.await;
                if outcome != Outcome::Handled {
                    return outcome;
                }
            }
            Outcome::Handled
        });
        supervised(task, limit)
    }
}

async fn supervised(mut task: JoinHandle<Outcome>, limit: Duration) -> Outcome {
    match tokio::time::timeout(limit, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::Failed(died(error)),
        Err(_) => {
            task.abort();
            Outcome::Failed(format!("the handler took longer than its timeout of {limit:?}, and was stopped"))
        }
    }
}

fn died(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the handler was cancelled".to_owned() };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref().cloned());
    text.map_or_else(|| "the handler panicked".to_owned(), |text: String| format!("the handler panicked: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventInfo, EventKind, Moves, SharedEvent};

    #[derive(serde::Deserialize)]
    struct Paid {
        order: u64,
    }

    impl CacheEvent for Paid {
        const INFO: EventInfo =
            EventInfo { name: "order.paid", rust_type: "Paid", keys: &[], kind: EventKind::Unversioned };

        fn moves(&self, _: &mut Moves) {}

        fn share(&self) -> SharedEvent {
            Arc::new(())
        }
    }

    async fn outcome(json: &str) -> Outcome {
        let mut handlers = Handlers::default();
        handlers.add(|paid: Paid| async move {
            match paid.order {
                1 => Ok(()),
                2 => Err("no such order"),
                3 => std::future::pending().await,
                order => panic!("order {order}"),
            }
        });
        handlers.begin("order.paid", json.to_owned(), Duration::from_millis(20)).await
    }

    #[tokio::test]
    async fn every_end_of_a_handler_is_an_outcome() {
        assert_eq!(outcome(r#"{"order":1}"#).await, Outcome::Handled);
        assert_eq!(outcome(r#"{"order":2}"#).await, Outcome::Failed("no such order".to_owned()));
        assert_eq!(outcome(r#"{"order":4}"#).await, Outcome::Failed("the handler panicked: order 4".to_owned()));
        let Outcome::Failed(reason) = outcome(r#"{"order":3}"#).await else { panic!("it never ends") };
        assert!(reason.contains("timeout of 20ms"), "{reason}");
        let Outcome::Unreadable(reason) = outcome(r#"{"order":"#).await else { panic!("that is no JSON") };
        assert!(reason.contains("EOF"), "{reason}");
    }

    #[tokio::test]
    async fn of_several_handlers_all_must_take_an_event() {
        let mut handlers = Handlers::default();
        handlers.add(|_: Paid| async { Ok::<_, String>(()) });
        handlers.add(|_: Paid| async { Err("the second") });
        let outcome = handlers.begin("order.paid", r#"{"order":1}"#.to_owned(), Duration::from_secs(1)).await;
        assert_eq!(outcome, Outcome::Failed("the second".to_owned()));
    }
}
