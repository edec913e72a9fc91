//! Parameter Store: listings by path and their pages, some of them empty.

use aws_sdk_ssm::Client;
use maintenance_sandbox::{EmptyPages, Sandbox, Settings};

use crate::common::{code, is, quick, ssm};

fn filled(empty_pages: EmptyPages) -> Sandbox {
    let mut settings = Settings::quick();
    settings.ssm.empty_pages = empty_pages;
    let sandbox = Sandbox::new(settings);
    for n in 0..25 {
        sandbox.set_parameter(&format!("/app/list/{n:02}"), "x");
    }
    sandbox.set_parameter("/app/listing", "not under it");
    sandbox.set_parameter("/app/list/deep/er", "x");
    sandbox
}

/// The sizes of the pages, and all names.
async fn walk(client: &Client, recursive: bool) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut names, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let page = client
            .get_parameters_by_path()
            .path("/app/list")
            .recursive(recursive);
        let page = page.set_next_token(token).send().await.unwrap();
        sizes.push(page.parameters().len());
        names.extend(
            page.parameters()
                .iter()
                .map(|it| it.name().unwrap().to_owned()),
        );
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return (sizes, names);
        }
    }
}

#[tokio::test]
async fn pages_have_ten_at_most() {
    let client = ssm(&filled(EmptyPages::Never));
    let (sizes, names) = walk(&client, false).await;
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(names.first().unwrap(), "/app/list/00");
    let (sizes, names) = walk(&client, true).await;
    assert_eq!(sizes, [10, 10, 6]);
    assert!(names.contains(&"/app/list/deep/er".to_owned()));
    let asked = client
        .get_parameters_by_path()
        .path("/app/list")
        .max_results(11);
    assert_eq!(code(asked.send().await), is(400, "ValidationException"));
    let none = client
        .get_parameters_by_path()
        .path("/none")
        .send()
        .await
        .unwrap();
    assert!(none.parameters().is_empty() && none.next_token().is_none());
}

#[tokio::test]
async fn a_page_may_be_empty_and_not_the_last() {
    let (sizes, names) = walk(&ssm(&filled(EmptyPages::Every(2))), false).await;
    assert_eq!(sizes, [10, 0, 10, 5]);
    assert_eq!(names.len(), 25);
    let (sizes, _) = walk(&ssm(&filled(EmptyPages::Every(1))), false).await;
    assert_eq!(sizes, [0, 10, 0, 10, 0, 5]);
    // Every third by default.
    assert_eq!(quick().settings().ssm.empty_pages, EmptyPages::Every(3));
}

#[tokio::test]
async fn a_token_is_good_for_its_own_listing_only() {
    let client = ssm(&filled(EmptyPages::Never));
    let first = client
        .get_parameters_by_path()
        .path("/app/list")
        .send()
        .await
        .unwrap();
    let token = first.next_token().unwrap();
    for (path, token) in [("/app", token), ("/app/list", "made-up")] {
        let call = client.get_parameters_by_path().path(path).next_token(token);
        assert_eq!(
            code(call.send().await),
            is(400, "InvalidNextToken"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_path_begins_with_a_slash() {
    let call = ssm(&quick())
        .get_parameters_by_path()
        .path("app")
        .send()
        .await;
    assert_eq!(code(call), is(400, "ValidationException"));
}

#[tokio::test]
async fn a_history_has_a_hundred_versions_on_pages_of_fifty() {
    let sandbox = filled(EmptyPages::Never);
    let client = ssm(&sandbox);
    for n in 1..=102 {
        sandbox.set_parameter("/app/flag", &format!("v{n}"));
    }
    let put = client.put_parameter().name("/app/flag").value("v103");
    put.overwrite(true).send().await.unwrap();
    let ask = || client.get_parameter_history().name("/app/flag");
    let first = ask().send().await.unwrap();
    let token = first.next_token().unwrap();
    let second = ask().next_token(token).send().await.unwrap();
    assert_eq!(second.next_token(), None);
    let pages = [first.parameters(), second.parameters()];
    assert_eq!(pages.map(<[_]>::len), [50, 50]);
    let numbers: Vec<i64> = pages.concat().iter().map(|it| it.version()).collect();
    assert_eq!(numbers, (4..=103).collect::<Vec<_>>(), "oldest first");
    let newest = pages[1].last().unwrap();
    assert_eq!(newest.value(), Some("v103"));
    assert_eq!(
        newest.last_modified_user(),
        Some("arn:aws:iam::123456789012:user/akid")
    );
    assert!(newest.last_modified_date().is_some());
    assert!(newest.labels().is_empty());

    // A token is good for its own parameter alone.
    let of_other = client.get_parameter_history().name("/app/list/00");
    let refused = code(of_other.next_token(token).send().await);
    assert_eq!(refused, is(400, "InvalidNextToken"));
    let refused = code(ask().max_results(51).send().await);
    assert_eq!(refused, is(400, "ValidationException"));
    let absent = client.get_parameter_history().name("/app/absent");
    assert_eq!(code(absent.send().await), is(400, "ParameterNotFound"));
}
