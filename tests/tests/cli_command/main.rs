//! The command, black box: every line and every exit code that the design fixes, against the real
//! binary with a cleared environment.

mod advice;
mod aws_settings;
mod bypass;
mod confirm;
mod credentials;
mod dead_terminal;
mod encrypted;
mod escapes;
mod events;
mod exit_codes;
mod files;
mod first_time;
mod function;
mod init;
mod interrupt;
mod mistakes;
mod options;
mod output;
mod progress;
mod reach;
mod read_only;
mod room;
mod screens;
mod settings;
mod silence;
mod standing;
mod table;
mod unlock;
mod unread;
mod verbose;
mod wait;
mod window;
mod window_end;
mod words;
mod workers;
