//! What sends the requests to CDNs.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};

/// Why a request was not answered.
pub type ClientError = Box<dyn Error + Send + Sync>;

/// An answer that is waited for.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, ClientError>> + Send + 'a>>;

/// Sends the requests to CDNs. A [`Purger`](super::Purger) takes any HTTP client through it; with the feature `edge-client` it has one.
///
/// A client that follows redirects must not send the headers of the request to another host: one of them is the token. It need not have a time-out.
///
/// A function is one, too:
///
/// ```
/// use bytes::Bytes;
/// use cachemacro_http::edge::{ClientError, EdgeClient};
/// use http::{Request, Response};
///
/// # struct Reqwest;
/// # impl Reqwest { async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> { Ok(Response::new(request.into_body())) } }
/// # fn reqwest() -> Reqwest { Reqwest }
/// fn client() -> impl EdgeClient {
///     |request: Request<Bytes>| async move {
///         let response = reqwest().execute(request).await?;
///         Ok::<_, ClientError>(response)
///     }
/// }
/// ```
pub trait EdgeClient: Send + Sync + 'static {
    /// Sends a request, and returns the whole answer. It is dropped when it takes too long.
    fn send(&self, request: Request<Bytes>) -> Sending<'_>;
}

impl<F, R, E> EdgeClient for F
where
    F: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response<Bytes>, E>> + Send + 'static,
    E: Into<ClientError>,
{
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        let sending = self(request);
        Box::pin(async move { sending.await.map_err(Into::into) })
    }
}
