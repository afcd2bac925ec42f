//! Breadth-first search: every state that steps can reach, the nearest first, each once.
//!
//! A state is written as bytes. Those that were met are remembered by a 64-bit hash; only the states of the present depth are kept
//! whole. Of ten million states two share a hash with a probability of three in a million, and then one of them is not looked at.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// A world whose steps are explored.
pub(crate) trait Model {
    type State;
    type Step: Copy + fmt::Debug;

    fn initial(&self) -> Self::State;
    /// The steps that are possible in this state.
    fn steps(&self, state: &Self::State, steps: &mut Vec<Self::Step>);
    /// # Errors
    /// What the step shows to be wrong.
    fn take(&self, state: &Self::State, step: Self::Step) -> Result<Self::State, String>;
    /// # Errors
    /// What a reader of this state would see that is wrong.
    fn check(&self, state: &Self::State) -> Result<(), String>;
    /// The same bytes for states that differ in names only.
    fn encode(&self, state: &Self::State, bytes: &mut Vec<u8>);
    fn decode(&self, bytes: &[u8]) -> Self::State;
}

/// What a search found.
#[derive(Debug)]
pub struct Explored {
    pub states: usize,
    /// Steps to the farthest state.
    pub depth: usize,
    /// Whether every state was reached, and not only as many as the limit allows.
    pub is_complete: bool,
    pub violation: Option<Violation>,
}

/// The shortest way to something wrong.
#[derive(Debug)]
pub struct Violation {
    pub what: String,
    pub steps: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().enumerate().try_for_each(|(at, step)| writeln!(f, "{:3}  {step}", at + 1))?;
        write!(f, "{}", self.what)
    }
}

/// Hashes are hashed already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("a hash is one u64")
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Met = HashSet<u64, BuildHasherDefault<Hashed>>;
type Parents = HashMap<u64, u64, BuildHasherDefault<Hashed>>;

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// States of one depth, one after the other: a length, then the bytes.
#[derive(Default)]
struct Level(Vec<u8>);

impl Level {
    fn push(&mut self, state: &[u8]) {
        self.0.push(u8::try_from(state.len()).expect("a state has less than 256 bytes"));
        self.0.extend_from_slice(state);
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first()?;
            let (state, tail) = tail.split_at(usize::from(*len));
            rest = tail;
            Some(state)
        })
    }
}

/// Explores up to `limit` states, or until something is wrong.
pub(crate) fn explore<M: Model>(model: &M, limit: usize) -> Explored {
    let explored = search(model, limit, None);
    match explored.violation {
        // Once more, remembering the ways: they take twice the memory, so that they are kept only where one is asked for.
        Some(_) => search(model, limit, Some(Parents::default())),
        None => explored,
    }
}

fn search<M: Model>(model: &M, limit: usize, mut parents: Option<Parents>) -> Explored {
    let (mut met, mut level, mut depth) = (Met::default(), Level::default(), 0);
    let (mut steps, mut bytes) = (Vec::new(), Vec::new());
    model.encode(&model.initial(), &mut bytes);
    met.insert(hash(&bytes));
    level.push(&bytes);
    loop {
        let mut next = Level::default();
        for state in level.iter() {
            let from = hash(state);
            let state = model.decode(state);
            steps.clear();
            model.steps(&state, &mut steps);
            for step in &steps {
                let wrong = match model.take(&state, *step) {
                    Err(what) => Some((what, None)),
                    Ok(stepped) => {
                        bytes.clear();
                        model.encode(&stepped, &mut bytes);
                        let to = hash(&bytes);
                        if met.len() >= limit || !met.insert(to) {
                            continue;
                        }
                        if let Some(parents) = &mut parents {
                            parents.insert(to, from);
                        }
                        next.push(&bytes);
                        model.check(&stepped).err().map(|what| (what, Some("Read".to_owned())))
                    }
                };
                if let Some((what, read)) = wrong {
                    let way = parents.map(|parents| way(model, &parents, from, *step)).unwrap_or_default();
                    let steps = way.into_iter().chain(read).collect();
                    let violation = Some(Violation { what, steps });
                    return Explored { states: met.len(), depth: depth + 1, is_complete: false, violation };
                }
            }
        }
        if next.0.is_empty() {
            return Explored { states: met.len(), depth, is_complete: met.len() < limit, violation: None };
        }
        depth += 1;
        level = next;
    }
}

/// The steps to the state with this hash, and the last one.
fn way<M: Model>(model: &M, parents: &Parents, last: u64, step: M::Step) -> Vec<String> {
    let mut hashes = vec![last];
    while let Some(parent) = parents.get(&hashes[hashes.len() - 1]) {
        hashes.push(*parent);
    }
    let (mut told, mut state, mut bytes, mut steps) = (Vec::new(), model.initial(), Vec::new(), Vec::new());
    hashes.pop();
    while let Some(wanted) = hashes.pop() {
        steps.clear();
        model.steps(&state, &mut steps);
        let (taken, next) = steps
            .iter()
            .find_map(|step| {
                let next = model.take(&state, *step).ok()?;
                bytes.clear();
                model.encode(&next, &mut bytes);
                (hash(&bytes) == wanted).then_some((*step, next))
            })
            .expect("the way was gone before");
        told.push(format!("{taken:?}"));
        // The steps of the next state name what they mean by its place, which its bytes decide.
        bytes.clear();
        model.encode(&next, &mut bytes);
        state = model.decode(&bytes);
    }
    told.push(format!("{step:?}"));
    told
}
