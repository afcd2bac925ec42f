#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod call;
pub mod contract;
mod faulty;
mod reference;

pub use cachemacro_runtime::ManualClock;

pub use self::call::Call;
pub use self::faulty::{Fault, FaultyStore, Operation};
pub use self::reference::ReferenceStore;
