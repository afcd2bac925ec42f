//! Every mistake is a compile error that says what is wrong and what to write instead.
//!
//! The folders under `ui` are named after what the mistake is in, the files after the mistake. Each `.stderr` is what a user
//! sees; `TRYBUILD=overwrite cargo test -p cachemacro-tests --test ui` writes them anew, and a person reads them.

/// Part of every message is the compiler's own, and changes with it.
#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of Rust 1.95")]
#[test]
fn every_mistake_is_told_with_its_remedy() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    for folder in std::fs::read_dir("ui").expect("the cases are there") {
        let folder = folder.expect("a readable folder").file_name().into_string().expect("a plain name");
        if folder != "pass" {
            cases.compile_fail(format!("ui/{folder}/*.rs"));
        }
    }
}

/// What the compiler names, a user can look up.
#[test]
fn no_message_names_a_hidden_item() {
    let mut messages = 0;
    for folder in std::fs::read_dir("ui").expect("the cases are there") {
        let folder = folder.expect("a readable folder").path();
        for file in std::fs::read_dir(folder).expect("the folder's cases") {
            let file = file.expect("a readable folder").path();
            if file.extension().is_some_and(|end| end == "stderr") {
                let text = std::fs::read_to_string(&file).expect("a readable file");
                for hidden in ["__private", "__cachemacro", "__Cachemacro", "__CACHEMACRO", "cachemacro_runtime::"] {
                    assert!(!text.contains(hidden), "{} names `{hidden}`:\n{text}", file.display());
                }
                messages += 1;
            }
        }
    }
    assert!(messages > 80, "all cases are read");
}
