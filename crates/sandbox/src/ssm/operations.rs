//! The operations of Parameter Store.

use crate::api::{ApiRequest, Operation, OperationInfo, Reply, Service};
use crate::error::ApiResult;
use crate::rate::Budget;
use crate::ssm::state::SsmState;
use crate::ssm::{calendar, delete, history, page, put, read};

pub(crate) static OPERATIONS: &[Operation<SsmState>] = &[
    operation("GetParameter", false, read::get),
    operation("GetParametersByPath", false, page::by_path),
    operation("GetParameterHistory", false, history::get),
    operation("GetCalendarState", false, calendar::state),
    operation("PutParameter", true, put::put),
    operation("DeleteParameters", true, delete::delete),
];

const fn operation(
    name: &'static str,
    write: bool,
    run: fn(&mut SsmState, &ApiRequest<'_>) -> ApiResult<Reply>,
) -> Operation<SsmState> {
    let budget = if write {
        Budget::SsmWrite
    } else {
        Budget::SsmRead
    };
    let info = OperationInfo {
        service: Service::Ssm,
        name,
        write,
        budget,
    };
    Operation { info, run }
}
