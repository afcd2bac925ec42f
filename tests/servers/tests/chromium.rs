//! A browser that does what it is told, and ends with its value.

use cachemacro_servers::Chromium;

#[test]
fn tabs_evaluate_what_they_are_told() {
    let browser = Chromium::start();
    let tab = browser.open("data:text/html,<title>one</title>");
    let other = browser.open("data:text/html,<title>two</title>");
    assert_eq!((tab.evaluate("document.title"), other.evaluate("document.title")), ("one".into(), "two".into()));
    assert_eq!(tab.evaluate("Promise.resolve({ a: [1, null] })"), serde_json::json!({ "a": [1, null] }));
    tab.evaluate("void setTimeout(() => document.title = 'three', 50)");
    assert_eq!(tab.wait_for("document.title !== 'one' && document.title"), "three");
}

#[test]
fn the_tab_that_is_shown_is_visible() {
    let browser = Chromium::start();
    let tab = browser.open("data:text/html,<title>one</title>");
    let other = browser.open("data:text/html,<title>two</title>");
    other.wait_for("document.visibilityState === 'visible'");
    tab.wait_for("document.visibilityState === 'hidden'");
    tab.show();
    tab.wait_for("document.visibilityState === 'visible'");
}

#[test]
#[should_panic(expected = "missing is not defined")]
fn what_throws_is_told() {
    let browser = Chromium::start();
    browser.open("data:text/html,").evaluate("missing()");
}
