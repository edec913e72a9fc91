//! Capacities in as few parameters as hold them.

use std::collections::BTreeMap;

use maintenance_flag::{Capacity, CapacityDoc, MAX_VALUE_BYTES, Reserved, pack};
use proptest::prelude::*;

const ORIGIN: &str = "arn:aws:lambda:ap-southeast-2:123456789012";

fn plain(reserved: Reserved) -> Capacity {
    Capacity {
        reserved,
        provisioned: BTreeMap::new(),
        mappings: vec![],
    }
}

#[test]
fn unset_zero_and_a_limit_stay_apart() {
    let functions: BTreeMap<_, _> = [
        ("unset", Reserved::Unset),
        ("zero", Reserved::Limit(0)),
        ("one", Reserved::Limit(1)),
        ("most", Reserved::Limit(u32::MAX)),
    ]
    .map(|(name, reserved)| (name.to_owned(), plain(reserved)))
    .into();
    let documents = pack(ORIGIN, functions.clone()).unwrap();
    assert_eq!(documents.len(), 1);
    let text = documents[0].encode();
    assert!(text.contains(r#""unset":{"reserved":"unset"}"#), "{text}");
    assert!(text.contains(r#""zero":{"reserved":0}"#), "{text}");
    assert_eq!(CapacityDoc::decode(&text).unwrap().functions, functions);
    assert_ne!(Reserved::Unset, Reserved::Limit(0));
}

#[test]
fn a_parameter_holds_forty_functions_with_the_longest_names() {
    for reserved in [Reserved::Unset, Reserved::Limit(u32::MAX)] {
        let functions: BTreeMap<_, _> = (0..1_000)
            .map(|n| (format!("{n:0>64}"), plain(reserved)))
            .collect();
        let documents = pack(ORIGIN, functions).unwrap();
        assert!(documents.len() <= 25, "{}", documents.len());
        let (last, full) = documents.split_last().unwrap();
        assert!(full.iter().all(|document| document.functions.len() >= 40));
        assert!(!last.functions.is_empty());
    }
}

#[test]
fn no_functions_need_no_parameter() {
    assert_eq!(pack(ORIGIN, BTreeMap::new()), Ok(vec![]));
}

#[test]
fn a_function_that_fits_no_parameter_is_named() {
    let capacity = Capacity {
        mappings: (0..120)
            .map(|n| format!("14e0db71-5d35-4eb5-b481-{n:012}"))
            .collect(),
        ..plain(Reserved::Unset)
    };
    let functions = [
        ("a-small-one".to_owned(), plain(Reserved::Limit(1))),
        ("fed-by-all".to_owned(), capacity),
    ];
    let error = pack(ORIGIN, functions.into()).unwrap_err();
    assert_eq!(error.function, "fed-by-all");
    assert!(error.bytes > MAX_VALUE_BYTES);
    assert!(error.to_string().contains("too many event source mappings"));
}

prop_compose! {
    fn capacities()(
        reserved in prop_oneof![
            Just(Reserved::Unset),
            Just(Reserved::Limit(0)),
            any::<u32>().prop_map(Reserved::Limit),
        ],
        // Braces never stand in an AWS name, but the format must not rely on it.
        provisioned in prop::collection::btree_map("[A-Za-z0-9_{-]{1,32}", any::<u32>(), 0..4),
        mappings in prop::collection::vec("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{22}", 0..8),
    ) -> Capacity {
        Capacity { reserved, provisioned, mappings }
    }
}

proptest! {
    // Each case is thousands of entries already.
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_document_fits_and_nothing_is_lost(
        functions in prop::collection::btree_map("[A-Za-z0-9_{\"-]{1,64}", capacities(), 0..80),
    ) {
        let documents = pack(ORIGIN, functions.clone()).unwrap();
        let mut back = BTreeMap::new();
        for document in &documents {
            let text = document.encode();
            prop_assert!(text.len() <= MAX_VALUE_BYTES, "{} bytes", text.len());
            prop_assert!(!text.contains("{{"), "{}", text);
            prop_assert!(!document.functions.is_empty());
            let decoded = CapacityDoc::decode(&text).unwrap();
            prop_assert_eq!(&decoded, document);
            back.extend(decoded.functions);
        }
        prop_assert_eq!(back, functions);
    }
}
