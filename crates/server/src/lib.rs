//! Products, a REST API and a web console over [`maintenance_control`]: maintenance for a team.
