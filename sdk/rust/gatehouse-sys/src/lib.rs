//! The C interface between Gatehouse and its plugins: `gatehouse/abi.h` in Rust, name for name
//! (`self` is a keyword and became `self_`).
//!
//! The C headers document every function, its threads, its ownership and its lifetimes; nothing is
//! repeated here. Plugins use the crate `gatehouse`, which makes these rules part of the types.
//! `tests/abi/rust_layout.py` compares each offset, size and constant with those of the C headers.
#![no_std]
#![allow(non_camel_case_types)]

mod base;
mod extensions;

pub use base::*;
pub use extensions::*;
