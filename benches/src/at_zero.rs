//! Services that have no instance.

use crate::{
    client::{Services, Wanted},
    platform::Platform,
    process,
};

/// A platform at rest with services that have no instance.
#[derive(Debug)]
pub struct AtZero {
    /// The platform.
    pub platform: Platform,
    /// Its services.
    pub services: Services,
    /// The names of those that are at zero.
    pub names: Vec<String>,
}

impl AtZero {
    /// Brings `count` services onto a platform; `wanted` begins them at zero.
    ///
    /// # Errors
    /// A service is refused, or does not become ready.
    pub async fn prepare(
        (platform, services): (Platform, Services),
        wanted: &Wanted,
        count: usize,
    ) -> anyhow::Result<Self> {
        services.allow_zero().await?;
        let names: Vec<String> = (0..count).map(|number| format!("cold-{number}")).collect();
        services.create_all(&names, wanted).await?;
        process::rest(platform.pid()).await?;
        Ok(Self {
            platform,
            services,
            names,
        })
    }

    /// Where the services are called.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        self.names.iter().map(|name| Self::host(name))
    }

    /// Where one of them is called.
    pub fn host(name: &str) -> String {
        format!("{name}.default.localhost")
    }
}
