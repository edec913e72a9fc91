//! Maintenance, turned on by another process than the server.

use maintenance_control::{
    AppRoles, Context, Control, OnRequest, Report, Request, RoleSpec, operate_together,
};

/// Turns these roles on.
pub(crate) async fn turn_on(control: &Control, roles: &[RoleSpec], on: &OnRequest) -> Report {
    let app = AppRoles {
        control,
        roles,
        context: &Context::quiet(),
    };
    let results = operate_together(&[app], Request::On(on)).await;
    results.into_iter().next().expect("a result").expect("on")
}
