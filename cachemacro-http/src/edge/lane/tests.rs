//! What is logged of a trouble.

use cachemacro_runtime::Moment;

use super::*;
use crate::edge::cdn::Cdn;
use crate::edge::tag::TagKey;
use crate::edge::vendor::Varnish;

struct Run {
    state: State,
    now: Moment,
}

impl Run {
    fn new() -> Self {
        let (key, cdn) = (TagKey::new("shop"), Varnish::at("http://127.0.0.1:6081"));
        let mut queue = Queue::new(&key, cdn.limits(), cdn.purging());
        let now = Moment::default();
        queue.add([Moved::new(&key, "user:7")], now);
        let told = QueueStats::default();
        let (trouble, last_logged) = (None, None);
        Self { state: State { queue, calls: 0, failed: 0, limited: 0, refused: 0, trouble, last_logged, told }, now }
    }

    /// Makes the next call, whenever that is, and gives it this answer.
    fn call(&mut self, answer: Answer) {
        loop {
            match self.state.next("test", self.now) {
                Next::Call(call) => return self.state.finish("test", &call, answer, self.now),
                Next::At(next) => self.now = next,
                Next::Idle => panic!("it has nothing to do"),
            }
        }
    }

    fn fails(&mut self) {
        self.call(Answer::failed("no answer"));
    }

    fn is_refused(&mut self) {
        self.call(Answer::Refused { reason: "403".to_owned() });
    }
}

#[test]
fn counts() {
    let mut run = Run::new();
    run.fails();
    run.is_refused();
    run.call(Answer::Limited { after: None, reason: "429".to_owned() });
    assert_eq!((run.state.failed, run.state.refused, run.state.limited), (1, 1, 1));
    assert_eq!(run.state.trouble.as_ref().map(|trouble| (trouble.failed, &*trouble.reason)), Some((3, "429")));
    run.call(Answer::Done);
    assert_eq!((run.state.calls, run.state.trouble.is_none()), (4, true));
}

#[cfg(feature = "tracing")]
mod lines {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Dispatch, Event, Metadata, Subscriber, dispatcher};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Text(String);

    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &format!(" {field}={value:?}");
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "cachemacro"
        }

        fn event(&self, event: &Event<'_>) {
            let mut text = Text(event.metadata().level().to_string());
            event.record(&mut text);
            self.0.lock().expect("no panic").push(text.0);
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    fn lines(test: impl FnOnce(&mut Run)) -> Vec<String> {
        let lines = Lines::default();
        dispatcher::with_default(&Dispatch::new(lines.clone()), || test(&mut Run::new()));
        lines.0.lock().expect("no panic").clone()
    }

    #[test]
    fn a_trouble_is_a_line_and_its_end_another() {
        let lines = lines(|run| {
            (0..100).for_each(|_| run.is_refused());
            run.call(Answer::Done);
        });
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines[0].starts_with("ERROR") && lines[0].contains("reason=\"403\""), "{lines:#?}");
        assert!(lines[1].starts_with("INFO") && lines[1].contains("failed=100"), "{lines:#?}");
    }

    #[test]
    fn a_failure_that_comes_to_be_refused_is_one_more() {
        let lines = lines(|run| {
            (0..10).for_each(|_| run.fails());
            (0..10).for_each(|_| run.is_refused());
            (0..10).for_each(|_| run.fails());
        });
        let levels: Vec<_> = lines.iter().map(|line| &line[..5]).collect();
        assert_eq!(levels, ["WARN ", "ERROR"], "{lines:#?}");
    }

    #[test]
    fn troubles_that_come_and_go_are_a_line_a_minute() {
        let lines = lines(|run| {
            let key = TagKey::new("shop");
            for _ in 0..600 {
                run.fails();
                run.call(Answer::Done);
                run.state.queue.add([Moved::new(&key, "user:7")], run.now);
                run.now = run.now.after(Duration::from_secs(1));
            }
        });
        // Ten minutes and a little more, and an end for each.
        assert!((18..=30).contains(&lines.len()), "{}", lines.len());
    }

    #[test]
    fn a_full_queue_is_a_line_a_minute() {
        let lines = lines(|run| {
            let key = TagKey::new("shop");
            let moved: Vec<_> = (0..12_000_u32).map(|id| Moved::new(&key, &format!("user:{id}"))).collect();
            for id in 0..200_000 {
                run.state.queue.add([moved[id % moved.len()]], run.now);
                if id % 1000 == 0 {
                    run.now = run.now.after(Duration::from_secs(1));
                    run.call(Answer::Done);
                }
            }
        });
        assert!((1..=5).contains(&lines.len()), "{lines:#?}");
        assert!(lines[0].starts_with("WARN") && lines[0].contains("to_kind=1"), "{lines:#?}");
    }
}

#[cfg(feature = "metrics")]
mod metrics_of_purges {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    use super::*;

    #[derive(Default)]
    struct Kept(Arc<Mutex<BTreeMap<String, f64>>>);

    struct Value(Arc<Mutex<BTreeMap<String, f64>>>, String);

    impl CounterFn for Value {
        fn increment(&self, value: u64) {
            *self.0.lock().expect("no panic").entry(self.1.clone()).or_default() += value as f64;
        }

        fn absolute(&self, _: u64) {}
    }

    impl GaugeFn for Value {
        fn increment(&self, _: f64) {}
        fn decrement(&self, _: f64) {}

        fn set(&self, value: f64) {
            self.0.lock().expect("no panic").insert(self.1.clone(), value);
        }
    }

    impl Kept {
        fn value(&self, key: &Key) -> Arc<Value> {
            let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            Arc::new(Value(self.0.clone(), format!("{} {}", key.name(), labels.join(" "))))
        }
    }

    impl Recorder for Kept {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.value(key))
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.value(key))
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn calls_and_what_waits_are_counted() {
        let kept = Kept::default();
        metrics::with_local_recorder(&kept, || {
            let mut run = Run::new();
            run.is_refused();
            run.is_refused();
            run.call(Answer::Done);
            assert!(matches!(run.state.next("test", run.now), Next::At(_)));
        });
        let values = kept.0.lock().expect("no panic").clone();
        let expected = [
            ("cachemacro_edge_calls_total cdn=test outcome=done", 1.0),
            ("cachemacro_edge_calls_total cdn=test outcome=refused", 2.0),
            ("cachemacro_edge_purged_tags_total cdn=test", 2.0),
            ("cachemacro_edge_queue_depth cdn=test", 2.0),
            ("cachemacro_edge_queue_oldest_seconds cdn=test", 0.0),
        ];
        assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}
