//! Bodies that are read in pieces, and what they do meanwhile.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::header::TRAILER;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::get as route;
use bytes::Bytes;
use cachemacro::http::{self, CacheHeaders};
use futures_util::stream::{self, StreamExt};
use http_body::{Frame, SizeHint};

use crate::shop::{ASKS, KEPT, Shop, get, get_again};

pub(crate) enum Piece {
    Data(&'static str),
    /// What is done before the next piece.
    Work(Pin<Box<dyn Future<Output = ()> + Send>>),
    Trailers(&'static str),
    Error,
    /// No more, and no end.
    Never,
}

/// A body of these pieces, which says that it has so many bytes.
pub(crate) struct Frames {
    pieces: VecDeque<Piece>,
    len: Option<u64>,
    /// What goes with it.
    _held: Option<Box<dyn Any + Send>>,
}

impl Frames {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Piece>, len: Option<u64>) -> Self {
        Self { pieces: pieces.into_iter().collect(), len, _held: None }
    }

    pub(crate) fn holding(self, held: impl Any + Send) -> Self {
        Self { _held: Some(Box::new(held)), ..self }
    }
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        loop {
            return match self.pieces.front_mut() {
                None => Poll::Ready(None),
                Some(Piece::Never) => Poll::Pending,
                Some(Piece::Work(work)) => {
                    std::task::ready!(work.as_mut().poll(context));
                    self.pieces.pop_front();
                    continue;
                }
                Some(_) => match self.pieces.pop_front() {
                    Some(Piece::Data(text)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))),
                    Some(Piece::Trailers(value)) => {
                        let trailers = HeaderMap::from_iter([(TRAILER, HeaderValue::from_static(value))]);
                        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
                    }
                    _ => Poll::Ready(Some(Err(std::io::Error::other("the source broke off")))),
                },
            };
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.len.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A route that is served a name, and then sends this body.
fn router(body: impl Fn(Shop) -> Body + Clone + Send + Sync + 'static) -> Router {
    let shop = Shop::new();
    let handler = async move || {
        shop.name("bread").await;
        Response::new(body(shop))
    };
    Router::new().route("/", route(handler)).layer(CacheHeaders::new())
}

#[tokio::test]
async fn a_body_of_pieces_has_one_tag_however_it_is_cut() {
    let mut tags = Vec::new();
    for pieces in [&["abcd"][..], &["ab", "cd"], &["", "a", "", "bcd", ""]] {
        let router = router(move |_| Body::new(Frames::new(pieces.iter().map(|text| Piece::Data(text)), Some(4))));
        let answer = get(&router, "/").await;
        assert_eq!((answer.text(), answer.control()), ("abcd", Some(KEPT)));
        tags.push(answer.tag().expect("a tag").to_owned());
    }
    assert_eq!((&tags[0], &tags[0]), (&tags[1], &tags[2]));
}

#[tokio::test]
async fn trailers_are_sent_and_have_no_tag() {
    // They are no part of what a tag names, and 304 has none.
    for value in ["one", "two"] {
        let router = router(move |_| Body::new(Frames::new([Piece::Data("abcd"), Piece::Trailers(value)], Some(4))));
        let answer = get_again(&router, "/", "*").await;
        assert_eq!((answer.status.as_u16(), answer.text(), answer.tag()), (200, "abcd", None));
        assert_eq!(answer.trailers.expect("trailers")[TRAILER], value);
    }
}

#[tokio::test]
async fn a_body_that_is_longer_than_it_says_is_sent_whole() {
    let long = "x".repeat(2_000_000).leak();
    let router = router(|_| Body::new(Frames::new([Piece::Data(long), Piece::Data("end")], Some(4))));
    let answer = get(&router, "/").await;
    assert_eq!((answer.text().len(), answer.tag(), answer.control()), (2_000_003, None, Some(ASKS)));
}

#[tokio::test]
async fn what_a_body_is_served_while_it_is_read_counts() {
    let router = router(|shop| {
        let work = Box::pin(async move { assert_eq!(shop.price(1).await, Some(7)) });
        Body::new(Frames::new([Piece::Data("ab"), Piece::Work(work), Piece::Data("cd")], Some(4)))
    });
    let answer = get(&router, "/").await;
    assert_eq!((answer.text(), answer.control()), ("abcd", Some(ASKS)), "a price has no `browser_ttl`");
    assert!(answer.tag().is_some());
}

#[tokio::test]
async fn a_stream_that_is_served_more_is_asked_for_each_time() {
    for is_in_scope in [true, false] {
        let router = router(move |shop| {
            let later = async move { Ok::<_, std::io::Error>(format!("{:?}", shop.price(1).await)) };
            // The scope is that of the handler.
            if is_in_scope {
                Body::from_stream(stream::once(http::in_scope(later)))
            } else {
                Body::from_stream(stream::once(later).chain(stream::empty()))
            }
        });
        let answer = get_again(&router, "/", "*").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "Some(7)"));
        assert_eq!((answer.control(), answer.tag()), (Some(ASKS), None));
    }
}

#[tokio::test]
async fn a_stream_alone_that_is_served_anything_is_left_alone() {
    let shop = Shop::new();
    let handler = async move || {
        let later = http::in_scope(async move { Ok::<_, std::io::Error>(shop.name("bread").await) });
        Response::new(Body::from_stream(stream::once(later)))
    };
    let router = Router::new().route("/", route(handler)).layer(CacheHeaders::new());
    let answer = get_again(&router, "/", "*").await;
    assert_eq!((answer.text(), answer.control(), answer.tag()), ("BREAD", None, None));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_kept_by_no_browser() {
    for pieces in [0, 1] {
        let router = router(move |_| {
            let data = std::iter::repeat_n("ab", pieces).map(Piece::Data);
            Body::new(Frames::new(data.chain([Piece::Error]), Some(4)))
        });
        let answer = get_again(&router, "/", "*").await;
        assert_eq!((answer.status.as_u16(), answer.body.is_none()), (200, true), "the error is passed on");
        assert_eq!((answer.control(), answer.tag()), (Some(ASKS), None));
    }
}

#[tokio::test]
async fn a_long_body_is_not_read_and_its_rest_may_be_of_anything() {
    let long = "x".repeat(2_000_000).leak();
    let router = router(|_| Body::from(&*long));
    let answer = get(&router, "/").await;
    assert_eq!((answer.text().len(), answer.tag(), answer.control()), (2_000_000, None, Some(ASKS)));
}
