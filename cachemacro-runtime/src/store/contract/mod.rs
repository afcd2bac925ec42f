//! The contract of [`Store`](super::Store), as a suite that any store must pass.
