//! Arithmetic and rendering, for any input: no bound is ever exceeded, and no two calls share a key.

use std::time::Duration;

use cachemacro_runtime::__private::{ComputedTtls, Mode, Policy, Refresh};
use cachemacro_runtime::{Clock, KeyPart, KeyWriter, ManualClock, Moment};
use proptest::prelude::*;

fn policy(soft: Option<Duration>, hard: Duration, negative: Option<Duration>, jitter: f64) -> Policy {
    // Named here so that a new mode does not go unnoticed.
    let _: [Mode; 3] = [Mode::Row, Mode::Source, Mode::Opaque];
    Policy {
        soft,
        hard,
        negative,
        jitter,
        early: Some(1.0),
        strict: false,
        refresh: Refresh::Background,
        ..Policy::BASE
    }
}

fn at(since: Duration) -> Moment {
    let clock = ManualClock::default();
    clock.advance(since);
    clock.now()
}

fn any_ttl() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..1_000_000_u64).prop_map(Duration::from_nanos),
        (1..100_000_000_u64).prop_map(Duration::from_millis),
        any::<u64>().prop_map(|seconds| Duration::from_secs(seconds.max(1))),
    ]
}

fn chance() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0 - f64::EPSILON / 2.0), 0.0..1.0]
}

proptest! {
    #[test]
    fn r26_a_computed_ttl_is_within_its_bound(
        (max, soft, negative) in (any_ttl(), any_ttl(), any_ttl()),
        computed in (prop::option::of(any_ttl()), prop::option::of(any_ttl()), prop::option::of(any_ttl())),
        started in (0..u64::from(u32::MAX)).prop_map(Duration::from_millis),
        chance in chance(),
    ) {
        let fixed = policy(Some(soft.min(max)), max, Some(negative.min(max)), 0.5);
        let ttls = ComputedTtls { soft: computed.0, hard: computed.1, negative: computed.2 };
        let (started, policy) = (at(started), fixed.of_load(ttls));
        let hard = started.after(max.min(ttls.hard.unwrap_or(max)));
        let deadlines = policy.deadlines(started, chance);
        prop_assert!(deadlines.soft <= deadlines.hard && deadlines.hard <= hard);
        prop_assert!(deadlines.soft <= started.after(ttls.soft.unwrap_or(soft)));
        let absence = policy.negative_deadlines(started, chance).expect("absences are kept");
        prop_assert!(absence.hard <= hard && absence.hard <= started.after(ttls.negative.unwrap_or(negative)));
    }

    #[test]
    fn r16_jitter_only_subtracts(
        (hard, other) in (any_ttl(), any_ttl()),
        has_soft: bool,
        started in (0..u64::from(u32::MAX)).prop_map(Duration::from_millis),
        jitter in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0],
        chance in chance(),
    ) {
        let soft = has_soft.then_some(other.min(hard));
        let policy = policy(soft, hard, None, jitter);
        let deadlines = policy.deadlines(at(started), chance);
        prop_assert!(deadlines.soft <= deadlines.hard);
        prop_assert!(deadlines.hard <= at(started).after(hard));
        prop_assert!(deadlines.soft <= at(started).after(policy.soft_ttl()));
        prop_assert!(deadlines.soft >= at(started));
        if jitter == 0.0 {
            prop_assert_eq!(deadlines.hard, at(started).after(hard));
        }
    }

    #[test]
    fn an_absence_is_kept_no_longer_than_a_value(
        (hard, negative) in (any_ttl(), any_ttl()),
        started in (0..u64::from(u32::MAX)).prop_map(Duration::from_millis),
        jitter in 0.0..1.0,
        chance in chance(),
    ) {
        let policy = policy(None, hard, Some(negative), jitter);
        let deadlines = policy.negative_deadlines(at(started), chance).expect("absences are kept");
        prop_assert!(deadlines.hard <= at(started).after(negative));
        prop_assert!(deadlines.hard <= at(started).after(hard));
        prop_assert_eq!(deadlines.soft, deadlines.hard);
    }

    #[test]
    fn an_early_refresh_is_certain_at_the_deadline_and_likelier_near_it(
        ttl in any_ttl(),
        cost in (0..u64::MAX / 2).prop_map(Duration::from_nanos),
        (one, other) in (chance(), chance()),
        part_of_ttl in chance(),
    ) {
        let policy = policy(None, ttl, None, 0.0);
        let soft = Moment::default().after(ttl);
        // XFetch takes its chance from (0, 1].
        prop_assert!(policy.is_early(soft, soft, cost, 1.0 - one));
        let before = Moment::default().after(ttl.mul_f64(part_of_ttl));
        let (small, large) = (1.0 - one.max(other), 1.0 - one.min(other));
        prop_assert!(policy.is_early(before, soft, cost, small) || !policy.is_early(before, soft, cost, large));
    }
}

fn rendered(value: &(impl KeyPart + ?Sized)) -> Vec<u8> {
    let mut key = KeyWriter::new();
    value.render(&mut key);
    key.to_string().into_bytes()
}

/// Few characters, and those that separators, escapes and compound parts are made of: what collides, collides soon.
fn treacherous() -> impl Strategy<Value = String> {
    "[ab%:,()<>{}é~0-9 -]{0,3}"
}

fn percent_decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [*rest.next()?, *rest.next()?];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => *byte,
        });
    }
    Some(decoded)
}

/// What a function's arguments may be.
type Arguments = (String, Option<String>, i64, (char, Option<u8>), Option<Option<bool>>);

fn arguments() -> impl Strategy<Value = Arguments> {
    let number = prop_oneof![-2..2_i64, any::<i64>()];
    let compound = (prop_oneof![Just('a'), Just(','), Just(')'), any::<char>()], prop::option::of(0..3_u8));
    let nested = prop::option::of(prop::option::of(any::<bool>()));
    (treacherous(), prop::option::of(treacherous()), number, compound, nested)
}

/// Two calls that differ in some arguments only: those are the ones that may share a key.
fn calls() -> impl Strategy<Value = (Arguments, Arguments)> {
    (arguments(), arguments(), any::<[bool; 5]>()).prop_map(|(one, other, same)| {
        let [a, b, c, d, e] = same;
        let mixed = (
            if a { one.0.clone() } else { other.0 },
            if b { one.1.clone() } else { other.1 },
            if c { one.2 } else { other.2 },
            if d { one.3 } else { other.3 },
            if e { one.4 } else { other.4 },
        );
        (one, mixed)
    })
}

/// `key:<a>:<b>:<c>:<d>:<e>`
fn key((a, b, c, d, e): &Arguments) -> Vec<u8> {
    let mut key = KeyWriter::new();
    key.literal("key:");
    a.render(&mut key);
    key.literal(":");
    b.render(&mut key);
    key.literal(":");
    c.render(&mut key);
    key.literal(":");
    d.render(&mut key);
    key.literal(":");
    e.render(&mut key);
    key.to_string().into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn r17_two_calls_never_share_a_key((one, other) in calls()) {
        prop_assert_eq!(key(&one) == key(&other), one == other);
    }

    #[test]
    fn r17_two_compound_parts_never_render_alike(
        one in (treacherous(), treacherous(), prop::option::of(treacherous())),
        other in (treacherous(), treacherous(), prop::option::of(treacherous())),
    ) {
        prop_assert_eq!(rendered(&one) == rendered(&other), one == other);
    }

    #[test]
    fn r17_a_rendered_string_decodes_to_itself(text in prop_oneof![any::<String>(), treacherous()]) {
        let bytes = rendered(text.as_str());
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".~_-%".contains(byte);
        prop_assert!(bytes.iter().all(is_plain), "no separator, parenthesis or brace comes out of a part");
        prop_assert_eq!(percent_decoded(&bytes), Some(text.into_bytes()));
    }

    #[test]
    fn a_long_key_is_rendered_as_a_short_one(text in "[ab:é]{0,400}", prefix in "[a-z]{0,140}") {
        let mut key = KeyWriter::new();
        key.literal(&prefix);
        text.as_str().render(&mut key);
        prop_assert_eq!(key.to_string().into_bytes(), [prefix.as_bytes(), &rendered(text.as_str())].concat());
    }
}

#[test]
fn r17_absences_inside_absences_are_told_apart() {
    let nested: [Option<Option<Option<u8>>>; 4] = [None, Some(None), Some(Some(None)), Some(Some(Some(0)))];
    for (place, one) in nested.iter().enumerate() {
        for other in &nested[place + 1..] {
            assert_ne!(rendered(one), rendered(other), "{one:?} and {other:?} share a key");
        }
    }
}

/// The values in a list, and what may be confused with them: a list in a list, an absence, a text that is written like one of them.
fn list() -> impl Strategy<Value = Vec<Option<Vec<String>>>> {
    let text = prop_oneof![treacherous(), Just("%-".to_owned()), Just("0()".to_owned()), Just("%~".to_owned())];
    prop::collection::vec(prop::option::of(prop::collection::vec(text, 0..3)), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn r17_two_lists_never_render_alike(one in list(), other in list()) {
        prop_assert_eq!(rendered(&one) == rendered(&other), one == other);
        let (one, other) = ((one.clone(), one.concat_texts()), (other.clone(), other.concat_texts()));
        prop_assert_eq!(rendered(&one) == rendered(&other), one == other);
    }

    #[test]
    fn r17_two_long_lists_never_render_alike(one in prop::collection::vec(0..3_u8, 60..70), other in prop::collection::vec(0..3_u8, 60..70)) {
        let wide = |values: &[u8]| values.iter().map(|value| u64::from(*value) << 60).collect::<Vec<_>>();
        prop_assert_eq!(rendered(&wide(&one)) == rendered(&wide(&other)), one == other);
        let bytes = |values: &[u8]| values.repeat(3);
        prop_assert_eq!(rendered(&bytes(&one)) == rendered(&bytes(&other)), one == other);
    }

    #[test]
    fn r17_two_paths_never_render_alike(one in "[a./ %]{0,6}", other in "[a./ %]{0,6}") {
        let (one, other) = (std::path::Path::new(&one), std::path::Path::new(&other));
        prop_assert_eq!(rendered(one) == rendered(other), one == other);
    }

    #[test]
    fn r17_two_times_never_render_alike(one in -3_000_000_000_i64..3_000_000_000, other in -2_i64..2) {
        let at = |nanos: i64| {
            let since = Duration::from_nanos(nanos.unsigned_abs());
            if nanos < 0 { std::time::UNIX_EPOCH - since } else { std::time::UNIX_EPOCH + since }
        };
        let (one, other) = (at(one), at(one + other));
        prop_assert_eq!(rendered(&one) == rendered(&other), one == other);
    }
}

/// All texts of a list, without its structure.
trait ConcatTexts {
    fn concat_texts(&self) -> Vec<String>;
}

impl ConcatTexts for Vec<Option<Vec<String>>> {
    fn concat_texts(&self) -> Vec<String> {
        self.iter().flatten().flatten().cloned().collect()
    }
}
