//! One request, and the headers of its response.

use cachemacro_runtime::observed;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, ETAG, RANGE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, response};
use http_body::Body;

use crate::before::Unanswered;
use crate::body::ResponseBody;
use crate::browser::Browser;
use crate::collector::{Collected, Collecting, Collector, Wants};
use crate::entry_state::EntryState;
use crate::etag::{Precondition, TagHasher};
use crate::headers::{Audience, OF_THE_BODY, has_own, is_no_store, set_cache_control, set_version, without_body};
use crate::public_route::{Kept, NotKept, PublicRoute, in_words};
use crate::settings::CacheHeaders;
use crate::told;
use crate::told::{Control, Tag, ToldResponse, Untagged};
use crate::vary::has_other_texts;
use crate::versioned::asked_version;

/// What a response is made for.
pub(crate) struct Asked {
    method: Method,
    is_range: bool,
    largest: u64,
    pub(crate) collector: Collecting,
    /// The version that the URL asks for.
    version: Option<u64>,
    /// Where the response is to be remembered.
    unanswered: Option<Unanswered>,
    /// Where a CDN may keep it, and whether it may be one for all.
    public: Option<(PublicRoute, bool)>,
}

impl Asked {
    /// Or 304, if the sender of the request has its response.
    pub(crate) async fn of<B: Body>(
        request: &Parts,
        settings: &CacheHeaders,
    ) -> Result<Self, Response<ResponseBody<B>>> {
        let (method, headers) = (&request.method, &request.headers);
        let is_range = headers.contains_key(RANGE);
        let precondition = Precondition::of(method, headers);
        let public = settings.public_route().map(|public| (public.clone(), public.is_for_all(headers)));
        // A CDN asks with its own tags, and 304 would have to say all that 200 says to it.
        let before = settings.before.as_ref().filter(|_| !is_range && public.is_none());
        let question = before.and_then(|before| before.question(request));
        if let Some(question) = &question
            && let Some(mut response) = question.answer(request, &precondition).await
        {
            if settings.explains {
                told::set_before_handler(&mut response);
            }
            return Err(response);
        }
        let unanswered = question.map(|question| question.unanswered(request));
        let version = if settings.is_versioned { asked_version(&request.uri) } else { None };
        let wants = Wants {
            served: unanswered.is_some() || public.is_some(),
            dependencies: public.is_some(),
            version: version.is_some(),
            told: settings.explains,
        };
        let collector =
            Collector::new(precondition, settings.build.clone(), settings.route.clone(), wants).collecting();
        Ok(Self { method: method.clone(), is_range, largest: settings.largest, collector, version, unanswered, public })
    }

    /// No CDN may keep the response.
    pub(crate) fn is_of_one_user(&mut self) {
        self.public.iter_mut().for_each(|(_, is_for_all)| *is_for_all = false);
    }

    /// The response with its headers, or 304.
    pub(crate) async fn finish<B: Body>(mut self, response: Response<B>) -> Response<ResponseBody<B>> {
        let (mut head, body) = response.into_parts();
        let mut body = ResponseBody::new(body);
        let is_read = self.method == Method::GET || self.method == Method::HEAD;
        if !self.collector.has_calls() || !is_read || head.status.is_informational() {
            return Response::from_parts(head, body);
        }
        // It may call cached functions when it is read.
        let is_whole =
            self.has_body(&body) && observed(Collector::clone(&self.collector), body.read(self.largest)).await;
        self.unanswered.iter_mut().for_each(|unanswered| unanswered.varies_by(&head.headers));
        let mut collected = self.collector.collected();
        // A tag of versions names one text of the URL, unless the handler has named what the others differ by.
        collected.tag = collected.tag.filter(|tag| tag.has_parts || !has_other_texts(&head.headers));
        // By what a handler compares it does not say: who asks may have another version.
        let is_compared_by_less = head.status == StatusCode::NOT_MODIFIED && !collected.has_tag(&head.headers);
        self.version = self.version.filter(|_| !is_compared_by_less);
        // What 304 says is what 200 would have said.
        let status = if head.status == StatusCode::NOT_MODIFIED { StatusCode::OK } else { head.status };
        let of_edges = if is_compared_by_less { head.status } else { status };
        let at_edge = self.for_edges(of_edges, &mut head.headers, &collected, is_whole).await;
        let audience = if matches!(at_edge, Some(Ok(_))) { Audience::All } else { Audience::One };
        let control = self.set_cache_control(status, &mut head.headers, &collected, is_whole, audience);
        let tag = self.set_tag(&mut head, &body, &collected, is_whole);
        if let Some(told) = &collected.told {
            let (is_head, is_versioned) = (self.method == Method::HEAD, self.version.is_some());
            let at_edge = at_edge.as_ref().map(in_words);
            told.set(&mut head, &ToldResponse { status, is_head, is_versioned, control, at_edge, is_whole, tag });
        }
        // The handler's own tag may be that of other entries, too.
        if let Some(unanswered) =
            self.unanswered.filter(|_| is_whole && matches!(tag, Tag::BodyAndLoads | Tag::Versions))
        {
            unanswered.remember(head.status, &head.headers, control != Control::Entries, collected);
        }
        let is_known = head.headers.get(ETAG).is_some_and(|tag| self.collector.precondition().has(tag));
        if is_known && !matches!(tag, Tag::None(_) | Tag::NotModified) {
            head.status = StatusCode::NOT_MODIFIED;
            without_body(&mut head.headers);
            return Response::from_parts(head, ResponseBody::empty());
        }
        Response::from_parts(head, body)
    }

    /// Lets CDNs keep the response, or forbids it, on a route where they may.
    async fn for_edges(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        collected: &Collected,
        is_whole: bool,
    ) -> Option<Result<Kept, NotKept>> {
        let (route, is_for_all) = self.public.as_ref()?;
        let kept = if has_own(headers) {
            None
        } else {
            Some(PublicRoute::keeps(&self.method, *is_for_all, status, headers, collected, is_whole).await)
        };
        route.set(headers, collected, kept)
    }

    fn set_cache_control(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        collected: &Collected,
        is_whole: bool,
        audience: Audience,
    ) -> Control {
        if has_own(headers) {
            self.collector.has_own_headers();
            return Control::Handler;
        }
        set_version(status, headers, &collected.version, self.version.filter(|_| is_whole), audience);
        if headers.contains_key(CACHE_CONTROL) {
            return Control::Version;
        }
        // A body that was not read, and that of HEAD, may be made of more than was collected.
        let browser = if is_whole { collected.browser } else { Browser::Never };
        set_cache_control(status, headers, browser, collected.ends.left(), audience);
        Control::Entries
    }

    /// The handler's tag, or the one of versions, if the handler has asked for it; else that of the body.
    fn set_tag<B: Body>(
        &self,
        head: &mut response::Parts,
        body: &ResponseBody<B>,
        collected: &Collected,
        is_whole: bool,
    ) -> Tag {
        if head.status != StatusCode::OK {
            let is_ours = head.status == StatusCode::NOT_MODIFIED && collected.has_tag(&head.headers);
            return if is_ours { Tag::NotModified } else { Tag::None(Untagged::Status) };
        }
        if self.is_range || head.headers.contains_key(CONTENT_RANGE) {
            return Tag::None(Untagged::Range);
        }
        if head.headers.contains_key(ETAG) {
            return Tag::Handler;
        }
        if is_no_store(&head.headers) {
            return Tag::None(Untagged::NoStore);
        }
        if let Some(tag) = collected.tag_of_versions() {
            head.headers.insert(ETAG, tag.clone());
            return Tag::Versions;
        }
        if !is_whole {
            return Tag::None(if self.method == Method::HEAD {
                Untagged::Head
            } else if head.headers.contains_key(CONTENT_ENCODING) {
                Untagged::Encoded
            } else {
                Untagged::NotWhole
            });
        }
        // Where responses are remembered, no tag may be that of two which are made of different entries.
        let entries = collected.entries.as_ref().filter(|_| self.unanswered.is_some() && collected.served.is_some());
        head.headers.insert(ETAG, tag_of_the_body(&head.headers, body, entries));
        if entries.is_some() { Tag::BodyAndLoads } else { Tag::Body }
    }

    /// Whether the body may be read: a handler that streams sends more when it has more.
    fn has_body<B: Body>(&self, body: &ResponseBody<B>) -> bool {
        self.method == Method::GET && body.size_hint().exact().is_some_and(|len| len <= self.largest)
    }
}

fn tag_of_the_body<B: Body>(
    headers: &HeaderMap,
    body: &ResponseBody<B>,
    entries: Option<&Vec<EntryState>>,
) -> HeaderValue {
    let mut hasher = TagHasher::new("body");
    hasher.add_headers(headers, &OF_THE_BODY);
    entries.into_iter().for_each(|entries| hasher.add_entries(entries.clone()));
    body.chunks().for_each(|chunk| hasher.add_chunk(chunk));
    hasher.finish()
}
