//! The control plane: turns maintenance mode on and off, and pauses and restores worker functions.
