//! What a window tells its visitors: the message and the end on the built-in page, in the JSON and in
//! a page of the app's own, at each moment, in each language.

use std::fs;

use http::Method;
use maintenance_gate::{Gate, ManualClock, MemorySource, Page};
use serde_json::json;

use crate::support::{START, demo, refused};

/// Ten minutes after START.
const UNTIL: &str = "2026-11-18T11:16:40Z";

const TALKING: &str = r#"{
    "schema": 1, "mode": "on", "until": "2026-11-18T11:16:40Z",
    "message": "<script>alert('\"&')</script>\nBack \\ soon"
}"#;
const ESCAPED: &str = "&lt;script&gt;alert(&#39;&#34;&amp;&#39;)&lt;/script&gt;\nBack \\ soon";
const READ_ONLY: &str = r#"{"schema": 1, "mode": "read-only"}"#;

/// A gate at START and its clock; nothing is ever too old.
fn gate(flag: &str, page: Page) -> (Gate, ManualClock) {
    let clock = ManualClock::new(START);
    let gate = demo()
        .source(MemorySource::new(flag))
        .ttl(std::time::Duration::from_secs(3_600))
        .clock(clock.clone())
        .page(page)
        .build()
        .unwrap();
    (gate, clock)
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[tokio::test]
async fn the_built_in_page_shows_the_message_escaped_and_the_end() {
    let (gate, clock) = gate(TALKING, Page::built_in());
    let page = refused(&gate, Method::GET, &[]).await;
    assert_eq!(page.header("retry-after"), Some("600"));
    assert!(
        page.body
            .contains(&format!("<p lang=\"\" dir=\"auto\">{ESCAPED}</p>"))
    );
    assert_eq!(count(&page.body, "<script>"), 1, "the page's own");
    let time = format!("<time datetime=\"{UNTIL}\">2026-11-18 11:16 UTC</time>");
    assert!(page.body.contains(&format!("Expected back: {time}</p>")));
    assert!(
        !page.body.contains("down for maintenance."),
        "the message says it"
    );

    // It counts down, and the page stays.
    clock.set(START + 1_001);
    let later = refused(&gate, Method::GET, &[]).await;
    assert_eq!(later.header("retry-after"), Some("599"));
    assert_eq!(later.body, page.body);
    clock.set(START + 599_999);
    let last = refused(&gate, Method::GET, &[]).await;
    assert_eq!(last.header("retry-after"), Some("1"));

    // Once it has passed, no page promises it any more; a promise is not a switch.
    clock.set(START + 600_000);
    let late = refused(&gate, Method::GET, &[]).await;
    assert_eq!(late.status, 503);
    assert_eq!(late.header("retry-after"), Some("120"));
    assert!(
        late.body
            .contains("It is taking a little longer than planned.")
    );
    assert!(late.body.contains(ESCAPED));
    assert!(!late.body.contains("<time"));
    let head = refused(&gate, Method::HEAD, &[]).await;
    assert_eq!(
        head.header("content-length").unwrap(),
        late.body.len().to_string()
    );
}

#[tokio::test]
async fn without_a_message_or_an_end_the_built_in_page_has_words_of_its_own() {
    for flag in ["on", r#"{"schema": 1, "mode": "on", "message": " \n "}"#] {
        let (gate, _) = gate(flag, Page::built_in());
        let page = refused(&gate, Method::GET, &[]).await;
        assert!(
            page.body
                .contains("<p>This site is down for maintenance.</p>")
        );
        assert!(
            page.body
                .contains(">Please try again in a few minutes.</p>")
        );
        assert!(!page.body.contains("<time") && !page.body.contains("<p lang"));
        assert!(!page.body.contains("{{"));
    }
}

#[tokio::test]
async fn the_page_for_a_post_says_that_nothing_was_saved_and_does_not_reload() {
    for flag in ["on", READ_ONLY, TALKING] {
        let (gate, _) = gate(flag, Page::built_in());
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let page = refused(&gate, method, &[]).await;
            assert!(page.body.contains("was not saved"));
            assert!(
                !page.body.contains("id=\"next\""),
                "the script needs it to reload"
            );
        }
    }
    let (gate, _) = gate("on", Page::built_in());
    let page = refused(&gate, Method::GET, &[]).await;
    assert!(!page.body.contains("was not saved"));
    assert!(page.body.contains("id=\"next\""));
    let mut head = refused(&gate, Method::HEAD, &[]).await;
    // The server adds it to the others.
    let length = head.headers.remove("content-length");
    assert_eq!(length.unwrap(), page.body.len().to_string());
    assert_eq!((head.body.as_str(), head.headers), ("", page.headers));
}

#[tokio::test]
async fn a_read_only_window_says_so() {
    let (html, _) = gate(READ_ONLY, Page::built_in());
    let page = refused(&html, Method::POST, &[]).await;
    assert!(
        page.body
            .contains("nothing can be changed during this maintenance")
    );
    assert!(!page.body.contains("is down for maintenance"));
    let (own, _) = gate(READ_ONLY, Page::json(br#"{"mode": "{{mode}}"}"#));
    let answer = refused(&own, Method::POST, &[]).await;
    assert_eq!(answer.json(), json!({"mode": "read-only"}));
}

#[tokio::test]
async fn the_built_in_page_speaks_the_visitors_language() {
    let (gate, _) = gate(TALKING, Page::built_in());
    for (accepted, language, heading) in [
        ("", "en", "We’ll be right back"),
        ("nl, en-GB;q=0.8", "en", "We’ll be right back"),
        ("de-CH, de;q=0.9, en;q=0.8", "de", "Wir sind gleich zurück"),
        ("en;q=0.3, fr-FR", "fr", "Nous revenons tout de suite"),
        ("es-419", "es", "Volvemos enseguida"),
        ("it", "it", "Torniamo subito"),
        ("pt-BR", "pt", "Voltamos já"),
        ("ja-JP", "ja", "まもなく再開します"),
    ] {
        for method in [Method::GET, Method::POST] {
            let page = refused(&gate, method, &[("accept-language", accepted)]).await;
            assert_eq!(page.header("content-language"), Some(language));
            assert_eq!(page.header("vary"), Some("Accept-Language"));
            assert!(page.body.contains(&format!("<html lang=\"{language}\">")));
            assert!(page.body.contains(&format!("<h1>{heading}</h1>")));
            assert!(page.body.contains(ESCAPED) && page.body.contains(UNTIL));
        }
    }
}

#[tokio::test]
async fn the_built_in_page_is_small_and_requests_nothing_else() {
    for flag in [
        "on",
        READ_ONLY,
        r#"{"schema": 1, "mode": "on", "until": "2026-11-18T11:16:40Z"}"#,
    ] {
        let (gate, clock) = gate(flag, Page::built_in());
        for _ in 0..2 {
            for language in ["en", "de", "fr", "es", "it", "pt", "ja"] {
                for method in [Method::GET, Method::POST] {
                    if flag == READ_ONLY && method == Method::GET {
                        continue;
                    }
                    let page = refused(&gate, method, &[("accept-language", language)]).await;
                    assert_eq!(page.header("content-language"), Some(language));
                    assert!(page.body.len() < 4_096, "{language}: {}", page.body.len());
                    for needed in ["viewport", "prefers-color-scheme", "@media print", "<main>"] {
                        assert!(page.body.contains(needed));
                    }
                    for external in ["http:", "https:", "src=", "@import", "url(", "//{", "{{"] {
                        assert!(!page.body.contains(external), "{external}");
                    }
                }
            }
            clock.set(START + 700_000);
        }
    }
}

#[tokio::test]
async fn a_page_of_the_apps_own_gets_what_it_asks_for() {
    let html = "<p title=\"{{message}}\">{{message}}</p>{{until}} {{until_utc}} {{retry_after}} {{mode}} {{other}}";
    let (talking, clock) = gate(TALKING, Page::html(html.as_bytes()));
    let page = refused(&talking, Method::GET, &[("accept-language", "de")]).await;
    assert_eq!(
        page.body,
        format!(
            "<p title=\"{ESCAPED}\">{ESCAPED}</p>{UNTIL} 2026-11-18 11:16 UTC 600 on {{{{other}}}}"
        )
    );
    assert_eq!(page.header("vary"), None);
    assert_eq!(page.header("content-language"), None);
    clock.set(START + 90_000);
    let page = refused(&talking, Method::GET, &[]).await;
    assert_eq!(page.header("retry-after"), Some("510"));
    assert!(page.body.contains(" 510 on "), "as the header says");
    let head = refused(&talking, Method::HEAD, &[]).await;
    assert_eq!(
        head.header("content-length").unwrap(),
        page.body.len().to_string()
    );

    let (silent, _) = gate("on", Page::html(html.as_bytes()));
    let page = refused(&silent, Method::GET, &[]).await;
    assert_eq!(page.body, "<p title=\"\"></p>  120 on {{other}}");
}

#[tokio::test]
async fn a_json_page_of_the_apps_own_stays_json() {
    let page = br#"{"error": "down", "message": "{{message}}", "until": "{{until}}", "retry_after": {{retry_after}}}"#;
    let (talking, _) = gate(TALKING, Page::json(page));
    let answer = refused(&talking, Method::GET, &[]).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.json(),
        json!({
            "error": "down",
            "message": "<script>alert('\"&')</script>\nBack \\ soon",
            "until": UNTIL,
            "retry_after": 600,
        })
    );
    let (silent, _) = gate("on", Page::json(page));
    assert_eq!(
        refused(&silent, Method::GET, &[]).await.json(),
        json!({"error": "down", "message": "", "until": "", "retry_after": 120})
    );
}

#[tokio::test]
async fn a_page_without_placeholders_is_served_byte_for_byte() {
    let page = "<p>{{ Vue }} {{{message}} {{messages}} {{</p>\r\n\u{feff}";
    let (gate, _) = gate(TALKING, Page::html(page.as_bytes()));
    // The one in triple braces is a placeholder after a brace.
    assert!(
        refused(&gate, Method::GET, &[])
            .await
            .body
            .contains("{{ Vue }} {&lt;script")
    );
    let page = page.replace("message", "text");
    let (gate, _) = self::gate(TALKING, Page::html(page.clone().into_bytes()));
    assert_eq!(refused(&gate, Method::GET, &[]).await.body, page);
}

#[tokio::test]
async fn the_sample_pages_show_a_message_and_an_end() {
    let public = concat!(env!("CARGO_MANIFEST_DIR"), "/../../public");
    let read = |name| fs::read(format!("{public}/{name}")).unwrap();
    let (html, _) = gate(TALKING, Page::html(read("maintenance.html")));
    let page = refused(&html, Method::GET, &[]).await;
    assert!(page.body.contains(ESCAPED) && page.body.contains("2026-11-18 11:16 UTC"));
    let (json, _) = gate(TALKING, Page::json(read("maintenance.json")));
    let answer = refused(&json, Method::GET, &[]).await.json();
    assert_eq!(answer["until"], UNTIL);
    assert_eq!(
        answer["details"],
        "<script>alert('\"&')</script>\nBack \\ soon"
    );
}

#[tokio::test]
async fn a_new_message_is_shown_once_it_is_learnt() {
    let source = MemorySource::new(TALKING);
    let gate = demo()
        .source(source.clone())
        .ttl(std::time::Duration::ZERO)
        .page(Page::html(b"[{{message}}]"))
        .build()
        .unwrap();
    assert_eq!(
        refused(&gate, Method::GET, &[]).await.body,
        format!("[{ESCAPED}]")
    );
    source.set(r#"{"schema": 1, "mode": "on", "message": "Nearly done"}"#);
    assert_eq!(refused(&gate, Method::GET, &[]).await.body, "[Nearly done]");
    source.set("on");
    assert_eq!(refused(&gate, Method::GET, &[]).await.body, "[]");
}
