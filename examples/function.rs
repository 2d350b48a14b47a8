//! A hello service on axum. Any program that listens on `PORT` is a service:
//!
//! ```sh
//! cargo build --release --example function
//! cargo run --release -- image add example.local/greeter target/release/examples/function
//! ```
#![expect(clippy::print_stdout, reason = "its output is its log")]

use axum::{Router, extract::Path, routing::get};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::var("PORT").map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {port}");
    let app = Router::new()
        .route("/", get(|| async { "Hello axum!\n" }))
        .route(
            "/{name}",
            get(|Path(name): Path<String>| async move { format!("Hello {name}!\n") }),
        );
    let mut terminate = signal(SignalKind::terminate())?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            terminate.recv().await;
        })
        .await?;
    Ok(())
}
