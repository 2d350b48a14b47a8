//! Security contexts, in the engine's words.

use bollard::models::HostConfig;
use k8s_openapi::api::core::v1::{PodSecurityContext, SeccompProfile, SecurityContext};

/// Who the container runs as, as `1000:1000`; the image's user if `None`.
pub(crate) fn user(
    pod: Option<&PodSecurityContext>,
    own: Option<&SecurityContext>,
) -> Option<String> {
    let uid = run_as_user(pod, own)?;
    let group = own.and_then(|own| own.run_as_group);
    let group = group.or_else(|| pod.and_then(|pod| pod.run_as_group));
    Some(group.map_or_else(|| uid.to_string(), |gid| format!("{uid}:{gid}")))
}

fn run_as_user(pod: Option<&PodSecurityContext>, own: Option<&SecurityContext>) -> Option<i64> {
    let own = own.and_then(|own| own.run_as_user);
    own.or_else(|| pod.and_then(|pod| pod.run_as_user))
}

/// Refuses root where it is forbidden; `image` is the image's user. As a kubelet says it.
pub(crate) fn non_root(
    pod: Option<&PodSecurityContext>,
    own: Option<&SecurityContext>,
    image: &str,
) -> Result<(), String> {
    let asked = own.and_then(|own| own.run_as_non_root);
    if asked.or_else(|| pod.and_then(|pod| pod.run_as_non_root)) != Some(true) {
        return Ok(());
    }
    if let Some(uid) = run_as_user(pod, own) {
        return match uid {
            0 => Err("container's runAsUser breaks non-root policy".to_owned()),
            _ => Ok(()),
        };
    }
    let name = image.split(':').next().unwrap_or_default();
    match name.parse::<u32>() {
        Ok(0) => Err("container has runAsNonRoot and image will run as root".to_owned()),
        Ok(_) => Ok(()),
        Err(_) if name.is_empty() => {
            Err("container has runAsNonRoot and image will run as root".to_owned())
        }
        Err(_) => Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root"
        )),
    }
}

/// Adds what a container may not do, and what more it may.
pub(super) fn restrict(
    pod: Option<&PodSecurityContext>,
    own: Option<&SecurityContext>,
    host: HostConfig,
) -> HostConfig {
    let capabilities = own.and_then(|own| own.capabilities.clone());
    let capabilities = capabilities.unwrap_or_default();
    HostConfig {
        cap_add: capabilities.add,
        cap_drop: capabilities.drop,
        readonly_rootfs: own.and_then(|own| own.read_only_root_filesystem),
        group_add: groups(pod),
        security_opt: Some(options(pod, own)).filter(|options| !options.is_empty()),
        ..host
    }
}

fn groups(pod: Option<&PodSecurityContext>) -> Option<Vec<String>> {
    let pod = pod?;
    let supplemental = pod.supplemental_groups.iter().flatten();
    let groups: Vec<String> = supplemental
        .chain(&pod.fs_group)
        .map(ToString::to_string)
        .collect();
    (!groups.is_empty()).then_some(groups)
}

fn options(pod: Option<&PodSecurityContext>, own: Option<&SecurityContext>) -> Vec<String> {
    let mut options = Vec::new();
    if own.is_some_and(|own| own.allow_privilege_escalation == Some(false)) {
        options.push("no-new-privileges".to_owned());
    }
    let profile = own.and_then(|own| own.seccomp_profile.as_ref());
    let profile = profile.or_else(|| pod.and_then(|pod| pod.seccomp_profile.as_ref()));
    if profile.is_some_and(|profile: &SeccompProfile| profile.type_ == "Unconfined") {
        options.push("seccomp=unconfined".to_owned());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_refused_where_it_is_forbidden() {
        let forbidden = |user: Option<i64>| SecurityContext {
            run_as_non_root: Some(true),
            run_as_user: user,
            ..SecurityContext::default()
        };
        let rows = [
            (SecurityContext::default(), "", true),
            (forbidden(None), "", false),
            (forbidden(None), "0", false),
            (forbidden(None), "1000:0", true),
            (forbidden(None), "app", false),
            (forbidden(Some(7)), "", true),
            (forbidden(Some(0)), "1000", false),
        ];
        for (own, image, allowed) in rows {
            assert_eq!(
                non_root(None, Some(&own), image).is_ok(),
                allowed,
                "{own:?} {image:?}"
            );
        }
    }

    #[test]
    fn the_containers_own_user_goes_before_the_pods() {
        let pod = PodSecurityContext {
            run_as_user: Some(1),
            run_as_group: Some(2),
            ..PodSecurityContext::default()
        };
        let own = SecurityContext {
            run_as_user: Some(3),
            ..SecurityContext::default()
        };
        assert_eq!(user(None, None), None);
        assert_eq!(user(Some(&pod), None).as_deref(), Some("1:2"));
        assert_eq!(user(Some(&pod), Some(&own)).as_deref(), Some("3:2"));
    }
}
