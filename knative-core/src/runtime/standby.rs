//! Instances in reserve: how many, of which kind, for how long.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::Unsupported;
use crate::object::parse_duration;

/// The annotation of a pod template that names the kind of its reserve: `paused`, `created` or `none`.
pub(super) const STANDBY_KIND: &str = "standby.knative.dev/kind";
/// The annotation that says how many instances are kept.
const STANDBY_COUNT: &str = "standby.knative.dev/count";
/// The annotation that says how long a paused one is kept, as `10m`.
const STANDBY_KEEP: &str = "standby.knative.dev/keep";

/// How an instance waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StandbyKind {
    /// Made but not started: it takes no memory, and a start is quicker by what making it takes.
    Created,
    /// Started and paused when it was no longer needed: it keeps its memory, and goes on at once.
    Paused,
}

/// Instances that a workload keeps in reserve. Annotations of its pod template go before the platform's default:
/// `standby.knative.dev/kind` (`paused`, `created`, `none`), `standby.knative.dev/count` (default 1) and
/// `standby.knative.dev/keep` (a Go duration; default: as long as the workload exists).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standby {
    /// How they wait.
    pub kind: StandbyKind,
    /// How many at most.
    pub count: u32,
    /// For how long a paused one is kept.
    pub keep: Option<Duration>,
}

impl Standby {
    /// One instance of a kind, kept as long as its workload exists.
    pub const fn one(kind: StandbyKind) -> Self {
        Self {
            kind,
            count: 1,
            keep: None,
        }
    }

    /// What a template's annotations ask for; `default` where they say nothing.
    ///
    /// # Errors
    /// The annotation that cannot be read, and what it may say.
    pub fn of(
        template: &PodTemplateSpec,
        default: Option<Self>,
    ) -> Result<Option<Self>, Unsupported> {
        let metadata = template.metadata.as_ref();
        let none = BTreeMap::new();
        let annotations = metadata.and_then(|metadata| metadata.annotations.as_ref());
        let get = |name: &str| annotations.unwrap_or(&none).get(name).map(String::as_str);
        let standby = match get(STANDBY_KIND) {
            None => default,
            Some("none") => None,
            Some("paused") => Some(Self::one(StandbyKind::Paused)),
            Some("created") => Some(Self::one(StandbyKind::Created)),
            Some(_) => return Err(bad(STANDBY_KIND, "it is one of paused, created, none")),
        };
        let Some(mut standby) = standby else {
            return Ok(None);
        };
        if let Some(count) = get(STANDBY_COUNT) {
            let count = count.parse();
            standby.count = count.map_err(|_| bad(STANDBY_COUNT, "it is a number of instances"))?;
        }
        if let Some(keep) = get(STANDBY_KEEP) {
            let keep = parse_duration(keep).ok();
            let keep = keep.and_then(|keep| Duration::try_from(keep).ok());
            standby.keep = Some(keep.ok_or_else(|| bad(STANDBY_KEEP, "it is a duration, as 10m"))?);
        }
        Ok(Some(standby).filter(|standby| standby.count > 0))
    }
}

fn bad(annotation: &str, reason: &str) -> Unsupported {
    Unsupported::refused(format!("metadata.annotations[{annotation}]"), reason)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    fn template(annotations: &[(&str, &str)]) -> PodTemplateSpec {
        let annotations = annotations.iter();
        let annotations =
            annotations.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        PodTemplateSpec {
            metadata: Some(ObjectMeta {
                annotations: Some(annotations.collect()),
                ..ObjectMeta::default()
            }),
            ..PodTemplateSpec::default()
        }
    }

    #[test]
    fn annotations_go_before_the_default() {
        let paused = Standby::one(StandbyKind::Paused);
        let created = Standby::one(StandbyKind::Created);
        let rows = [
            (vec![], None, None),
            (vec![], Some(paused), Some(paused)),
            (vec![(STANDBY_KIND, "none")], Some(paused), None),
            (vec![(STANDBY_KIND, "created")], Some(paused), Some(created)),
            (vec![(STANDBY_COUNT, "0")], Some(paused), None),
            (
                vec![(STANDBY_COUNT, "3"), (STANDBY_KEEP, "1m30s")],
                Some(paused),
                Some(Standby {
                    count: 3,
                    keep: Some(Duration::from_secs(90)),
                    ..paused
                }),
            ),
        ];
        for (annotations, default, want) in rows {
            let found = Standby::of(&template(&annotations), default);
            assert_eq!(found.unwrap(), want, "{annotations:?}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_named() {
        for (name, value) in [
            (STANDBY_KIND, "frozen"),
            (STANDBY_COUNT, "-1"),
            (STANDBY_KEEP, "soon"),
            (STANDBY_KEEP, "-1s"),
        ] {
            let paused = Some(Standby::one(StandbyKind::Paused));
            let refused = Standby::of(&template(&[(name, value)]), paused).unwrap_err();
            assert_eq!(refused.field, format!("metadata.annotations[{name}]"));
            assert!(!refused.ignored);
        }
    }
}
