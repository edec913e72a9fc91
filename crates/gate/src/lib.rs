//! The data plane: answers 503 before the app starts while its maintenance flag is on.
