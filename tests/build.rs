//! Writes cached functions of every kind, and calls of them, for `tests/names/random.rs`: which kinds, how they are called and
//! with which types is random. `CACHEMACRO_SEED` chooses, and what went wrong once goes wrong again.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

/// Modules of functions.
const MODULES: usize = 24;
/// The fewest calls of each module.
const CALLS: usize = 2;

/// Two modules have types of the same names.
const TYPES: [&str; 8] =
    ["a::User", "a::Order", "b::User", "b::Order", "u8", "String", "Vec<b::User>", "(u8, a::User)"];
const NAMES: [&str; 3] = ["find", "count", "all"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CACHEMACRO_SEED");
    let seed = env::var("CACHEMACRO_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_126);
    let mut random = Random(seed);
    let mut program = Program::default();
    for module in 0..MODULES {
        // Each kind twice, in a random place; and the names are seldom different.
        program.add(module, module % KINDS.len(), Random(random.next()));
    }
    let Program { modules, calls } = program;
    let text = format!(
        "pub(super) const SEED: u64 = {seed};\n{modules}\npub(super) fn calls() -> Vec<Call> {{\n    vec![\n{calls}    ]\n}}\n"
    );
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo says where"));
    fs::write(folder.join("functions.rs"), text).expect("it can be written");
}

/// Writes the items of a module, and calls.
type Kind = fn(&mut Module);

const KINDS: [Kind; 12] = [
    Module::generic,
    Module::constant,
    Module::generic_and_constants,
    Module::associated,
    Module::method,
    Module::of_concrete_types,
    Module::of_a_trait,
    Module::trait_default,
    Module::trait_default_method,
    Module::generic_trait,
    Module::impl_trait,
    Module::blocks,
];

#[derive(Default)]
struct Program {
    modules: String,
    calls: String,
}

struct Module {
    number: usize,
    /// What its functions are called.
    name: &'static str,
    random: Random,
    items: String,
    calls: String,
}

impl Program {
    fn add(&mut self, number: usize, kind: usize, mut random: Random) {
        let name = NAMES[random.below(NAMES.len())];
        let mut module = Module { number, name, random, items: String::new(), calls: String::new() };
        KINDS[kind](&mut module);
        let Module { items, calls, .. } = module;
        write!(self.modules, "mod m{number} {{\n    use super::*;\n{items}}}\n").expect("text");
        self.calls.push_str(&calls);
    }
}

impl Module {
    /// A cached function, whose value is all that tells its instances apart.
    fn function(&self, signature: &str, value: &str) -> String {
        let Self { name, number, .. } = self;
        format!(
            "    #[cached(key = \"x:<id>\", ttl_only = \"a test\", hard_ttl = \"1h\", refresh = inline, cache = cache())]\n    \
             pub(super) async fn {name}{signature} -> String {{ format!(\"{number}{{:?}}\", {value}) }}\n"
        )
    }

    /// In a trait, where nothing has a visibility.
    fn trait_function(&self, signature: &str, value: &str) -> String {
        self.function(signature, value).replace("pub(super) ", "")
    }

    fn call(&mut self, call: &str, value: &str) {
        self.alike(call, value, false);
    }

    fn alike(&mut self, call: &str, value: &str, is_alike: bool) {
        let number = self.number;
        writeln!(
            self.calls,
            "        Call {{ expected: format!(\"{number}{{:?}}\", {value}), is_alike: {is_alike}, run: || Box::pin(async {{ use m{number}::*; {call} }}) }},",
        )
        .expect("text");
    }

    /// Some of the types, each once.
    fn types(&mut self) -> Vec<&'static str> {
        let count = CALLS + self.random.below(TYPES.len() - CALLS);
        self.random.some(&TYPES, count)
    }

    fn constants(&mut self) -> Vec<&'static str> {
        let count = CALLS + self.random.below(3);
        self.random.some(&["0", "1", "7", "255", "{ 1 + 1 }"], count)
    }

    fn generic(&mut self) {
        self.items = self.function("<T: Named>(id: u64)", "T::NAME");
        for ty in self.types() {
            self.call(&format!("{}::<{ty}>(1).await", self.name), &format!("\"{ty}\""));
        }
    }

    fn constant(&mut self) {
        self.items = self.function("<const N: usize>(id: u64)", "N");
        for number in self.constants() {
            self.call(
                &format!("{}::<{number}>(1).await", self.name),
                &format!("{number}_usize").replace(" }_usize", "_usize }"),
            );
        }
    }

    fn generic_and_constants(&mut self) {
        self.items = self.function("<T: Named, const N: u8, const C: char>(id: u64)", "(T::NAME, N, C)");
        for ty in self.types() {
            for number in self.constants() {
                let character = ["'~'", "' '", "'_'", "'}'", "'\u{e9}'"][self.random.below(5)];
                let call = format!("{}::<{ty}, {number}, {character}>(1).await", self.name);
                self.call(&call, &format!("(\"{ty}\", {number}, {character})"));
            }
        }
    }

    fn table(&mut self, receiver: &str) {
        self.items = "    #[derive(Clone)] pub(super) struct Table<T>(pub(super) PhantomData<T>);\n".to_owned();
        let function = self.function(&format!("({receiver}id: u64)"), "T::NAME");
        write!(self.items, "    impl<T: Named> Table<T> {{\n    {function}    }}\n").expect("text");
        for ty in self.types() {
            let on =
                if receiver.is_empty() { format!("Table::<{ty}>::") } else { format!("Table::<{ty}>(PhantomData).") };
            self.call(&format!("{on}{}(1).await", self.name), &format!("\"{ty}\""));
        }
    }

    fn associated(&mut self) {
        self.table("");
    }

    fn method(&mut self) {
        self.table("&self, ");
    }

    /// The same method of several types.
    fn of_concrete_types(&mut self) {
        self.items = "    pub(super) struct Table<T>(PhantomData<T>);\n".to_owned();
        for ty in self.types() {
            let function = self.function("(id: u64)", &format!("\"{ty}\""));
            write!(self.items, "    impl Table<{ty}> {{\n    {function}    }}\n").expect("text");
            self.call(&format!("Table::<{ty}>::{}(1).await", self.name), &format!("\"{ty}\""));
        }
    }

    fn of_a_trait(&mut self) {
        writeln!(self.items, "    pub(super) trait Has {{ async fn {}(id: u64) -> String; }}", self.name)
            .expect("text");
        for ty in self.types() {
            let function = self.trait_function("(id: u64)", &format!("\"{ty}\""));
            write!(self.items, "    impl Has for {ty} {{\n    {function}    }}\n").expect("text");
            self.call(&format!("<{ty} as Has>::{}(1).await", self.name), &format!("\"{ty}\""));
        }
    }

    fn trait_default(&mut self) {
        let function = self.trait_function("(id: u64)", "Self::NAME");
        write!(self.items, "    pub(super) trait Model: Named {{\n    {function}    }}\n").expect("text");
        for ty in self.types() {
            writeln!(self.items, "    impl Model for {ty} {{}}").expect("text");
            self.call(&format!("<{ty} as Model>::{}(1).await", self.name), &format!("\"{ty}\""));
        }
    }

    fn trait_default_method(&mut self) {
        let function = self.trait_function("(&self, id: u64)", "Self::NAME");
        write!(self.items, "    pub(super) trait Model: Named + Sync {{\n    {function}    }}\n").expect("text");
        for ty in self.types() {
            writeln!(self.items, "    impl Model for {ty} {{}}").expect("text");
            self.call(&format!("Model::{}(&a_default::<{ty}>(), 1).await", self.name), &format!("\"{ty}\""));
        }
    }

    fn generic_trait(&mut self) {
        let function = self.trait_function("<const N: u8>(id: u64)", "(Self::NAME, T::NAME, N)");
        write!(self.items, "    pub(super) trait Of<T: Named>: Named {{\n    {function}    }}\n").expect("text");
        for ty in self.types() {
            let (of, number) = (TYPES[self.random.below(TYPES.len())], self.constants()[0]);
            writeln!(self.items, "    impl Of<{of}> for {ty} {{}}").expect("text");
            let call = format!("<{ty} as Of<{of}>>::{}::<{number}>(1).await", self.name);
            self.call(&call, &format!("(\"{ty}\", \"{of}\", {number})"));
        }
    }

    /// The types are written alike in a key.
    fn impl_trait(&mut self) {
        self.items = self.function("(id: impl KeyPart + Named + Send + Sync + Clone + 'static)", "name_of(&id)");
        for ty in self.types() {
            self.call(&format!("{}(One::<{ty}>::default()).await", self.name), &format!("\"{ty}\""));
        }
    }

    /// Functions of one name in blocks, and local types of one name: nothing outside of the process tells them apart.
    fn blocks(&mut self) {
        let function = self.function("(id: u64)", "1");
        let other = self.function("(id: u64)", "2");
        let name = self.name;
        let generic = self.function("<T: Named>(id: u64)", "T::NAME").replace(&format!("fn {name}<"), "fn of<");
        let local = |which: &str| {
            format!(
                "struct Local; impl Named for Local {{ const NAME: &'static str = \"{which}\"; }} of::<Local>(1).await"
            )
        };
        write!(
            self.items,
            "{generic}    pub(super) async fn block(which: u8) -> String {{\n        match which {{\n            \
             1 => {{ {function} {name}(1).await }}\n            2 => {{ {other} {name}(1).await }}\n            \
             3 => {{ {} }}\n            _ => {{ {} }}\n        }}\n    }}\n",
            local("first"),
            local("second"),
        )
        .expect("text");
        for (which, value) in [("1", "1"), ("2", "2"), ("3", "\"first\""), ("4", "\"second\"")] {
            self.alike(&format!("block({which}).await"), value, true);
        }
    }
}

/// Xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % bound
    }

    fn some<T: Copy>(&mut self, all: &[T], count: usize) -> Vec<T> {
        let mut left = all.to_vec();
        (0..count.min(left.len())).map(|_| left.swap_remove(self.below(left.len()))).collect()
    }
}
