//! Pages: one file each, or one for a few that belong together.

#![allow(
    clippy::struct_field_names,
    clippy::many_single_char_names,
    reason = "templates name what they show, and the frame, the form and the visitor by a letter each"
)]

pub(crate) mod act;
pub(super) mod created;
pub(super) mod door;
pub(super) mod hosting;
pub(super) mod new_user;
pub(super) mod operate;
pub(super) mod own;
pub(super) mod person;
pub(super) mod search;
pub(super) mod styleguide;
pub(super) mod users;
