//! The client that comes with this crate.

use std::fmt;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::client::{EdgeClient, Sending};

/// Longer answers are errors. Those of CDNs are a few kilobytes.
const LONGEST: usize = 1024 * 1024;

/// A client for HTTP/1.1 and TLS, on `hyper` and `rustls`. It trusts the certificates that the system trusts, follows no redirects, and uses no proxy: where one is needed, give the purger a client that does.
#[derive(Clone)]
pub struct HttpsClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Why the system has no certificates. Servers without TLS need none.
    no_certificates: Option<String>,
}

impl HttpsClient {
    /// A client that keeps its connections.
    #[must_use]
    pub fn new() -> Self {
        let provider = rustls::crypto::ring::default_provider;
        let builder = HttpsConnectorBuilder::new;
        let (builder, no_certificates) = match builder().with_provider_and_native_roots(provider()) {
            Ok(builder) => (builder, None),
            Err(error) => {
                let config = rustls::ClientConfig::builder_with_provider(provider().into())
                    .with_safe_default_protocol_versions()
                    .expect("the provider has these versions")
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth();
                (builder().with_tls_config(config), Some(error.to_string()))
            }
        };
        let connector = builder.https_or_http().enable_http1().build();
        Self { client: Client::builder(TokioExecutor::new()).build(connector), no_certificates }
    }
}

impl Default for HttpsClient {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpsClient")
    }
}

impl EdgeClient for HttpsClient {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        Box::pin(async move {
            if request.uri().scheme() == Some(&Scheme::HTTPS)
                && let Some(reason) = &self.no_certificates
            {
                return Err(
                    format!("the system has no certificates to trust ({reason}): install `ca-certificates`").into()
                );
            }
            let (head, body) = self.client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, LONGEST).collect().await?;
            Ok(Response::from_parts(head, body.to_bytes()))
        })
    }
}
