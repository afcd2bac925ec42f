//! The body of a response: that of the handler, of which some may have been read already.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

/// The body of a response of [`CacheHeaders`](crate::CacheHeaders): that of the handler, or none after 304.
pub struct ResponseBody<B: Body> {
    /// What was read to make a tag of it.
    read: VecDeque<Frame<Bytes>>,
    /// The error at which reading ended.
    error: Option<B::Error>,
    /// What was not read. `None` at the end.
    rest: Option<Pin<Box<B>>>,
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { read: VecDeque::new(), error: None, rest: Some(Box::pin(body)) }
    }

    pub(crate) const fn empty() -> Self {
        Self { read: VecDeque::new(), error: None, rest: None }
    }

    /// Reads all of it. Returns whether it has ended, without an error, without trailers and with at most so many bytes; otherwise what was
    /// read is still sent.
    pub(crate) async fn read(&mut self, largest: u64) -> bool {
        let (mut len, mut has_trailers) = (0, false);
        while let Some(rest) = &mut self.rest {
            match poll_fn(|context| rest.as_mut().poll_frame(context)).await {
                None => self.rest = None,
                Some(Ok(frame)) => {
                    let frame = in_one_piece(frame);
                    len += frame.data_ref().map_or(0, |data| data.len() as u64);
                    // A tag is of bytes alone, and 304 has no trailers.
                    has_trailers |= frame.is_trailers();
                    self.read.push_back(frame);
                    if len > largest {
                        return false;
                    }
                }
                Some(Err(error)) => {
                    (self.error, self.rest) = (Some(error), None);
                    return false;
                }
            }
        }
        !has_trailers
    }

    /// The bytes that were read.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.read.iter().filter_map(Frame::data_ref).map(Bytes::as_ref)
    }
}

fn in_one_piece<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(frame) = self.read.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let frame = ready!(rest.as_mut().poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(in_one_piece)))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.error.is_none() && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.chunks().map(|chunk| chunk.len() as u64).sum();
        let mut hint = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), |rest| rest.size_hint());
        if self.error.is_some() {
            hint = SizeHint::default();
        }
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint.set_lower(hint.lower().saturating_add(read));
        hint
    }
}

/// An empty body: layers outside of this one ask for it, such as a timeout's, for the responses that they make.
impl<B: Body> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::empty()
    }
}

// Nothing in it is pinned in place.
impl<B: Body> Unpin for ResponseBody<B> {}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("read", &self.read.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_outside_may_make_a_response() {
        let body = ResponseBody::<crate::NoBody>::default();
        assert!(body.is_end_stream() && body.size_hint().exact() == Some(0));
    }
}
