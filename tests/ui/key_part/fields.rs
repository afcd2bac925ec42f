#![allow(dead_code)]
use cachemacro::KeyPart;

#[derive(KeyPart)]
struct A(#[key] u64);
#[derive(KeyPart)]
struct B(#[key(skipp)] u64, #[key(skip, with = u64::count_ones)] u64);
#[derive(KeyPart)]
struct C(#[key(skip)] u64);
#[derive(KeyPart)]
#[key(skip)]
struct D(u64);
#[derive(KeyPart)]
struct E(#[key(with)] f64, #[key(skip = true)] f64);
#[derive(KeyPart)]
struct F(#[key(with = f64::abs)] f64);
#[derive(KeyPart)]
struct G(#[key(with = |text: &String| text.len())] f64);
#[derive(KeyPart)]
struct H(#[key(with = |number| number * 2.0)] f64);

fn main() {}
