//! The registration of an annotated function: a `static` of constants, which the strategy report reads.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;

use crate::expand::constant::{argument, duration, option, some};
use crate::expand::span::{call_over, here};
use crate::expand::{bind, bypass};
use crate::model::cached::{Cached, Freshness, Local, Mode, NotFound};
use crate::model::policy::{Computed, OnOutage, Policy, Refresh, Ttl};
use crate::model::writer::{Commit, OnError, Writer};
use crate::syntax::krate::Krate;
use crate::syntax::nameable::nameable;
use crate::syntax::spelling::tidy;

/// ```text
/// static SITE: P::Callsite = P::Callsite::new(P::CallsiteInfo { .. });
/// P::inventory::submit! { P::CachedFn(&SITE) }
/// const _: () = P::check_ttls(..);                 // only for TTLs that are constants, of a `const POLICY`
/// ```
pub(crate) fn of_cached(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let name = cached.function.item.sig.ident.unraw().to_string();
    let template = cached.key.literal.value();
    let returns = tidy(&cached.function.output);
    let value_type = value_type(cached);
    let mode = match cached.mode {
        Mode::Row(_) => quote_spanned!(here()=> #p::Mode::Row),
        Mode::Source(_) => quote_spanned!(here()=> #p::Mode::Source),
        Mode::Opaque => quote_spanned!(here()=> #p::Mode::Opaque),
    };
    let shared_name = field("shared_name", cached.name.as_ref());
    let value_type = field("value_type", value_type);
    let (events, ttl_only) = freshness(cached);
    let ttl_only = field("ttl_only", ttl_only);
    let policy = policy(&cached.krate, &cached.policy, of_static);
    let ttls_of_type = field("ttls_of_type", ttls_of_type(&cached.policy));
    let computed_ttls = computed_ttls(&cached.policy);
    let bypass = bypass::registered(cached).map(|bypass| quote_spanned!(here()=> bypass: #bypass,));
    let cache = field("cache", cached.cache.as_ref().map(tidy));
    let lets = lets(cached);
    let context = context(cached);
    let absent = field("absent", cached.not_found.as_ref().map(|not_found| absent(cached, not_found)));
    let check = check_ttls(&cached.krate, &cached.policy);
    let (constant, policy) = match check {
        Some(_) => (
            Some(quote_spanned!(here()=> const __CACHEMACRO_POLICY: #p::Policy = #policy;)),
            quote_spanned!(here()=> __CACHEMACRO_POLICY),
        ),
        None => (None, policy),
    };
    let aliases = bind::aliases(cached);
    quote_spanned! {here()=>
        #aliases
        #constant
        static __CACHEMACRO_SITE: #p::Callsite = #p::Callsite::new(#p::CallsiteInfo {
            name: #name,
            module: ::core::module_path!(),
            path: #p::path_of(&|| ()),
            file: ::core::file!(),
            line: ::core::line!(),
            template: #template,
            returns: #returns,
            mode: #mode,
            events: &[#(#events),*],
            policy: #policy,
            #shared_name
            #value_type
            #ttl_only
            #ttls_of_type
            #computed_ttls
            #bypass
            #absent
            #lets
            #context
            #cache
            ..#p::CallsiteInfo::BASE
        });
        #p::inventory::submit! { #p::CachedFn(&__CACHEMACRO_SITE) }
        #check
    }
}

/// The full name of the value's type. Nothing if the type may name a generic parameter: then the report prints it as written.
fn value_type(cached: &Cached) -> Option<TokenStream> {
    let p = cached.krate.private(here());
    nameable(&cached.function.output).map(|output| quote_spanned!(here()=> #p::value_type!(#output)))
}

/// `lets: &[("filter", "filter.normalized()")],`
fn lets(cached: &Cached) -> Option<TokenStream> {
    let lets = cached.lets.iter().map(|own| {
        let (name, expr) = (own.name.unraw().to_string(), tidy(&own.expr));
        quote_spanned!(here()=> (#name, #expr))
    });
    (!cached.lets.is_empty()).then(|| quote_spanned!(here()=> lets: &[#(#lets),*],))
}

/// `context: &[P::TaskLocalUse { name: "TENANT", in_key: true, is_bound: false }],`
fn context(cached: &Cached) -> Option<TokenStream> {
    let p = cached.krate.private(here());
    let locals = cached.context.iter().map(|Local { path, in_key, is_bound, .. }| {
        let name = tidy(path);
        quote_spanned!(here()=> #p::TaskLocalUse { name: #name, in_key: #in_key, is_bound: #is_bound })
    });
    (!cached.context.is_empty()).then(|| quote_spanned!(here()=> context: &[#(#locals),*],))
}

/// `P::AbsentError { recognised_by: "|error| error.gone()", made_by: "RepoError::Gone" }`
fn absent(cached: &Cached, not_found: &NotFound) -> TokenStream {
    let p = cached.krate.private(here());
    let (recognised_by, made_by) = (&not_found.spelled, tidy(&not_found.rebuild));
    quote_spanned!(here()=> #p::AbsentError { recognised_by: #recognised_by, made_by: #made_by })
}

/// `name: Some(value),`. A field without a value is left out: fewer tokens are compiled faster.
fn field(name: &str, value: Option<impl ToTokens>) -> Option<TokenStream> {
    let name = Ident::new(name, here());
    let value = some(&value?);
    Some(quote_spanned!(here()=> #name: #value,))
}

/// As [`field`], of a field whose default is no `None`.
fn with_default(name: &str, value: Option<impl ToTokens>) -> Option<TokenStream> {
    let (name, value) = (Ident::new(name, here()), value?);
    Some(quote_spanned!(here()=> #name: #value,))
}

fn freshness(cached: &Cached) -> (Vec<TokenStream>, Option<TokenStream>) {
    match &cached.freshness {
        Freshness::Events(bindings) => {
            let events = bindings.iter().enumerate();
            (events.map(|(at, binding)| bind::event_use(&cached.krate, at, binding)).collect(), None)
        }
        Freshness::TtlOnly(reason) => (Vec::new(), Some(reason.to_token_stream())),
    }
}

/// The policy with these durations.
fn policy(krate: &Krate, policy: &Policy, duration: impl Fn(&Ttl) -> Option<TokenStream>) -> TokenStream {
    let p = krate.private(here());
    let Policy { jitter, strict, local, .. } = policy;
    // In the place of a computed TTL is its bound.
    let fixed = |ttl: &Ttl| duration(if ttl.computed().is_some() { policy.bound() } else { ttl });
    let hard = fixed(&policy.hard).unwrap_or_else(|| quote_spanned!(here()=> #p::Policy::LONGEST));
    let given = [
        field("soft", policy.soft.as_ref().and_then(fixed)),
        field("negative", policy.negative.as_ref().and_then(fixed)),
        with_default("computed", computed(krate, policy)),
        field("idle", policy.idle.as_ref().and_then(&duration)),
        field("browser", policy.browser.as_ref().and_then(&duration)),
        with_default("public", policy.public.then_some(true)),
        field("early", policy.early),
        field("stale_if_error", policy.stale_if_error),
        field("timeout", policy.timeout.as_ref().and_then(&duration)),
        field("max_loads", policy.max_loads),
        field("on_outage", policy.on_outage.map(|on_outage| on_outage_in(krate, on_outage))),
    ];
    let after_failures = [
        with_default("refresh_backoff", policy.refresh_backoff.as_ref().and_then(&duration)),
        with_default("max_concurrent_loads", policy.max_concurrent_loads),
        with_default("shares_errors", policy.shares_errors.then_some(true)),
    ];
    let given = given.iter().chain(&after_failures).flatten();
    let refresh = match policy.refresh {
        Refresh::Background => quote_spanned!(here()=> #p::Refresh::Background),
        Refresh::Inline => quote_spanned!(here()=> #p::Refresh::Inline),
    };
    quote_spanned! {here()=>
        #p::Policy {
            hard: #hard,
            jitter: #jitter,
            strict: #strict,
            refresh: #refresh,
            local: #local,
            #(#given)*
            ..#p::Policy::BASE
        }
    }
}

fn on_outage_in(krate: &Krate, on_outage: OnOutage) -> TokenStream {
    let p = krate.private(here());
    match on_outage {
        OnOutage::Load => quote_spanned!(here()=> #p::OnOutage::Load),
        OnOutage::ServeLocal => quote_spanned!(here()=> #p::OnOutage::ServeLocal),
    }
}

/// A duration that a `static` can have. A constant of a type is left out, or is the longest there is.
fn of_static(ttl: &Ttl) -> Option<TokenStream> {
    (!matches!(ttl, Ttl::OfType(_))).then(|| duration(ttl))
}

/// ```text
/// SITE.instance(|| ())
/// SITE.instance_with(|| (), const { &{ let policy = P::Policy { hard: Self::TTL, .. }; P::check_ttls(..); policy } })
/// ```
/// The second where a TTL is a constant of a type.
pub(crate) fn instance(cached: &Cached) -> TokenStream {
    let Some((_, constant)) = cached.policy.of_type().next() else {
        return quote_spanned!(here()=> __CACHEMACRO_SITE.instance(|| ()));
    };
    let whole = policy(&cached.krate, &cached.policy, |ttl| Some(duration(ttl)));
    let arguments = quote_spanned!(here()=> __cachemacro_policy.soft, __cachemacro_policy.hard, __cachemacro_policy.negative, __cachemacro_policy.idle, __cachemacro_policy.browser);
    let check = call_over(constant, &cached.krate, "check_ttls", arguments);
    quote_spanned! {here()=>
        __CACHEMACRO_SITE.instance_with(|| (), const {
            &{
                let __cachemacro_policy = #whole;
                #check;
                __cachemacro_policy
            }
        })
    }
}

/// `P::Computed { soft: false, hard: true, negative: false }`
fn computed(krate: &Krate, policy: &Policy) -> Option<TokenStream> {
    let p = krate.private(here());
    let is = |name: &str| policy.computed().any(|(computed, _)| computed == name);
    let (soft, hard, negative) = (is("soft"), is("hard"), is("negative"));
    (soft || hard || negative)
        .then(|| quote_spanned!(here()=> #p::Computed { soft: #soft, hard: #hard, negative: #negative }))
}

/// `computed_ttls: &[("hard_ttl", "|token| token.expires_in")],`
fn computed_ttls(policy: &Policy) -> Option<TokenStream> {
    let mut ttls = policy
        .computed()
        .map(|(name, computed)| {
            let (name, spelled) = (
                format!("{name}_ttl"),
                match computed {
                    Computed::Before(expr) => tidy(expr),
                    Computed::Of(closure) => format!("|{}| {}", tidy(&closure.inputs), tidy(&closure.body)),
                },
            );
            quote_spanned!(here()=> (#name, #spelled))
        })
        .peekable();
    ttls.peek()?;
    Some(quote_spanned!(here()=> computed_ttls: &[#(#ttls),*],))
}

/// `hard_ttl = Self::TTL, soft_ttl = Self::SOFT`
fn ttls_of_type(policy: &Policy) -> Option<String> {
    let ttls: Vec<_> = policy.of_type().map(|(name, expr)| format!("{name} = {}", tidy(expr))).collect();
    (!ttls.is_empty()).then(|| ttls.join(", "))
}

fn check_ttls(krate: &Krate, policy: &Policy) -> Option<TokenStream> {
    let ttls = [
        policy.soft.as_ref(),
        Some(&policy.hard),
        policy.negative.as_ref(),
        policy.max.as_ref(),
        policy.idle.as_ref(),
        policy.browser.as_ref(),
    ];
    let constant = ttls.into_iter().flatten().find_map(|ttl| match ttl {
        Ttl::Const(expr) => Some(expr),
        Ttl::Literal(_) | Ttl::OfType(_) | Ttl::Computed(_) => None,
    })?;
    let arguments = quote_spanned! {here()=>
        __CACHEMACRO_POLICY.soft, __CACHEMACRO_POLICY.hard, __CACHEMACRO_POLICY.negative, __CACHEMACRO_POLICY.idle,
        __CACHEMACRO_POLICY.browser
    };
    let check = call_over(constant, krate, "check_ttls", arguments);
    Some(quote_spanned!(here()=> const _: () = #check;))
}

/// `const _: Duration = P::interval(EVERY);` refuses zero. A literal was checked before.
fn check_interval(krate: &Krate, every: &Ttl) -> Option<TokenStream> {
    let Ttl::Const(constant) = every else { return None };
    let check = call_over(constant, krate, "interval", constant.to_token_stream());
    Some(quote_spanned!(here()=> const _: ::core::time::Duration = #check;))
}

/// ```text
/// static SITE: P::Writer = P::Writer::new(P::WriterInfo { .. });
/// P::inventory::submit! { P::InvalidatesFn(&SITE) }
/// ```
pub(crate) fn of_writer(writer: &Writer) -> TokenStream {
    let p = writer.krate.private(here());
    let name = writer.function.item.sig.ident.unraw().to_string();
    let events = writer.events.iter().enumerate().map(|(at, event)| bind::info(&writer.krate, at, event));
    let role = Ident::new(if writer.handles { "Handles" } else { "Writes" }, here());
    let on_error = match writer.on_error {
        OnError::Retry => "Retry",
        OnError::Suspect => "Suspect",
        OnError::Fail => "Fail",
        OnError::Bounded => "Bounded",
    };
    let on_error = Ident::new(on_error, here());
    let commit = match &writer.commit {
        Commit::Shown(_) => quote_spanned!(here()=> #p::Commit::Shown),
        Commit::Itself(reason) => quote_spanned!(here()=> #p::Commit::Itself(#reason)),
        Commit::Deferred(_) => quote_spanned!(here()=> #p::Commit::Deferred),
    };
    let cache = option(writer.cache.as_ref().map(tidy));
    let every = option(writer.every.as_ref().map(duration));
    let check = writer.every.as_ref().and_then(|every| check_interval(&writer.krate, every));
    let arguments = writer.function.args.iter().filter_map(|arg| argument(&writer.krate, &arg.ty));
    quote_spanned! {here()=>
        static __CACHEMACRO_SITE: #p::Writer = #p::Writer::new(#p::WriterInfo {
            name: #name,
            module: ::core::module_path!(),
            file: ::core::file!(),
            line: ::core::line!(),
            events: &[#(#events),*],
            role: #p::Role::#role,
            on_error: #p::OnError::#on_error,
            commit: #commit,
            arguments: &[#(#arguments),*],
            cache: #cache,
            every: #every,
        });
        #p::inventory::submit! { #p::InvalidatesFn(&__CACHEMACRO_SITE) }
        #check
    }
}
