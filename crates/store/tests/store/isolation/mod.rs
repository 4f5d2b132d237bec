//! That the database itself keeps workspaces apart: by raw SQL in the roles that serve, and by the check at the start.

mod catalogue;
mod rows;
mod sabotage;
