//! Acting as somebody else.

use http::HeaderMap;
use knative_core::{object::quote, store::UserInfo};

use crate::status::Failure;

/// The group whose members may do everything.
pub(crate) const MASTERS: &str = "system:masters";
/// The group of everybody who has credentials.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";

/// The user that the request acts as: that of `Impersonate-User`, if the asking user may choose.
pub(crate) fn impersonate(user: &UserInfo, headers: &HeaderMap) -> Result<UserInfo, Failure> {
    let Some(wanted) = headers.get(USER) else {
        if headers.contains_key(GROUP) {
            return Err(Failure::bad_request(
                "requested groups without impersonating a user",
            ));
        }
        return Ok(user.clone());
    };
    let wanted = wanted
        .to_str()
        .map_err(|_| Failure::bad_request("Impersonate-User is not text"))?;
    if !user.groups.iter().any(|group| group == MASTERS) {
        return Err(Failure::forbidden(format!(
            "users {} is forbidden: User {} cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
            quote(wanted),
            quote(&user.username),
        )));
    }
    let groups = headers.get_all(GROUP).iter();
    let mut acting = UserInfo::new(wanted);
    acting.groups = groups
        .filter_map(|group| group.to_str().ok())
        .map(str::to_owned)
        .collect();
    if !acting.groups.iter().any(|group| group == AUTHENTICATED) {
        acting.groups.push(AUTHENTICATED.to_owned());
    }
    Ok(acting)
}
