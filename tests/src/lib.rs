//! Shared harness of the black-box tests.
