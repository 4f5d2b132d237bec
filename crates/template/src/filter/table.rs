//! All filters, in the order of their names.

use super::{
    Filter, Kind, Run, array, choose, convert, date, hash, html, json, math, naming, object, sort, string, url, words,
};

const fn filter(name: &'static str, positional: (u8, u8), gives: Kind, run: Run) -> Filter {
    Filter { name, positional, named: &[], gives, reads_clock: false, run }
}

const fn with_clock(filter: Filter) -> Filter {
    Filter { reads_clock: true, ..filter }
}

const fn with_named(filter: Filter, named: &'static [&'static str]) -> Filter {
    Filter { named, ..filter }
}

/// As many names as a call may have arguments.
const MANY: u8 = 100;

pub(crate) fn all() -> &'static [Filter] {
    &FILTERS
}

static FILTERS: [Filter; 88] = [
    filter("abs", (0, 0), Kind::Number, math::abs),
    filter("append", (1, 1), Kind::Text, string::append),
    filter("at_least", (1, 1), Kind::Number, math::at_least),
    filter("at_most", (1, 1), Kind::Number, math::at_most),
    filter("base64", (0, 0), Kind::Text, url::base64_encode),
    filter("base64_decode", (0, 0), Kind::Text, url::base64_decode),
    filter("base64_encode", (0, 0), Kind::Text, url::base64_encode),
    filter("base64_url_safe_decode", (0, 0), Kind::Text, url::base64_url_safe_decode),
    filter("base64_url_safe_encode", (0, 0), Kind::Text, url::base64_url_safe_encode),
    filter("camelize", (0, 0), Kind::Text, naming::camelize),
    filter("capitalize", (0, 0), Kind::Text, string::capitalize),
    filter("ceil", (0, 0), Kind::Number, math::ceil),
    filter("compact", (0, 1), Kind::Array, array::compact),
    filter("concat", (1, 1), Kind::Array, array::concat),
    with_clock(with_named(filter("date", (1, 1), Kind::Any, date::date), &["timezone"])),
    with_named(filter("default", (0, 2), Kind::Any, convert::default), &["allow_false"]),
    filter("divided_by", (1, 1), Kind::Number, math::divided_by),
    filter("downcase", (0, 0), Kind::Text, string::downcase),
    with_clock(filter("epoch_milliseconds", (0, 0), Kind::Number, date::epoch_milliseconds)),
    with_clock(filter("epoch_seconds", (0, 0), Kind::Number, date::epoch_seconds)),
    filter("escape", (0, 0), Kind::Text, html::escape),
    filter("escape_once", (0, 0), Kind::Text, html::escape_once),
    filter("except", (1, MANY), Kind::Object, object::except),
    filter("find", (1, 2), Kind::Any, choose::find),
    filter("find_index", (1, 2), Kind::Number, choose::find_index),
    filter("first", (0, 0), Kind::Any, words::first),
    filter("floor", (0, 0), Kind::Number, math::floor),
    filter("h", (0, 0), Kind::Text, html::escape),
    filter("handleize", (0, 0), Kind::Text, naming::handleize),
    filter("has", (1, 2), Kind::Bool, choose::has),
    filter("hash_key", (0, 0), Kind::Text, hash::hash_key),
    filter("hmac_sha1", (1, 1), Kind::Text, hash::hmac_sha1),
    filter("hmac_sha256", (1, 1), Kind::Text, hash::hmac_sha256),
    filter("index", (1, 1), Kind::Any, words::index),
    filter("join", (0, 1), Kind::Text, array::join),
    filter("json", (0, 0), Kind::Json, json::json),
    filter("keys", (0, 0), Kind::Array, object::keys),
    filter("last", (0, 0), Kind::Any, words::last),
    filter("lstrip", (0, 0), Kind::Text, string::lstrip),
    filter("map", (1, 1), Kind::Array, array::map),
    filter("md5", (0, 0), Kind::Text, hash::md5),
    filter("minus", (1, 1), Kind::Number, math::minus),
    filter("modulo", (1, 1), Kind::Number, math::modulo),
    filter("newline_to_br", (0, 0), Kind::Text, html::newline_to_br),
    filter("only", (1, MANY), Kind::Object, object::only),
    filter("parse_json", (0, 0), Kind::Any, json::parse_json),
    filter("plus", (1, 1), Kind::Number, math::plus),
    filter("prepend", (1, 1), Kind::Text, string::prepend),
    filter("reject", (1, 2), Kind::Array, choose::reject),
    filter("remove", (1, 1), Kind::Text, string::remove),
    filter("remove_first", (1, 1), Kind::Text, string::remove_first),
    filter("remove_last", (1, 1), Kind::Text, string::remove_last),
    filter("replace", (1, 2), Kind::Text, string::replace),
    filter("replace_first", (1, 2), Kind::Text, string::replace_first),
    filter("replace_last", (2, 2), Kind::Text, string::replace_last),
    filter("reverse", (0, 0), Kind::Array, array::reverse),
    filter("round", (0, 1), Kind::Number, math::round),
    filter("rstrip", (0, 0), Kind::Text, string::rstrip),
    filter("sha1", (0, 0), Kind::Text, hash::sha1),
    filter("sha256", (0, 0), Kind::Text, hash::sha256),
    filter("size", (0, 0), Kind::Number, words::size),
    filter("slice", (1, 2), Kind::Any, words::slice),
    filter("slugify", (0, 0), Kind::Text, naming::handleize),
    filter("snakecase", (0, 0), Kind::Text, naming::snakecase),
    filter("sort", (0, 1), Kind::Array, sort::sort),
    filter("sort_natural", (0, 1), Kind::Array, sort::sort_natural),
    filter("split", (1, 1), Kind::Array, string::split),
    filter("squish", (0, 0), Kind::Text, string::squish),
    filter("strip", (0, 0), Kind::Text, string::strip),
    filter("strip_html", (0, 0), Kind::Text, html::strip_html),
    filter("strip_newlines", (0, 0), Kind::Text, html::strip_newlines),
    filter("sum", (0, 1), Kind::Number, array::sum),
    filter("times", (1, 1), Kind::Number, math::times),
    filter("titlecase", (0, 0), Kind::Text, naming::titlecase),
    filter("to_boolean", (0, 0), Kind::Bool, convert::to_boolean),
    with_clock(filter("to_epoch", (0, 0), Kind::Number, date::epoch_seconds)),
    filter("to_integer", (0, 0), Kind::Number, convert::to_integer),
    filter("to_number", (0, 0), Kind::Number, convert::to_number),
    filter("to_string", (0, 0), Kind::Text, json::to_string),
    filter("truncate", (0, 2), Kind::Text, words::truncate),
    filter("truncatewords", (0, 2), Kind::Text, words::truncatewords),
    filter("uniq", (0, 1), Kind::Array, array::uniq),
    filter("upcase", (0, 0), Kind::Text, string::upcase),
    filter("url_decode", (0, 0), Kind::Text, url::url_decode),
    filter("url_encode", (0, 0), Kind::Text, url::url_encode),
    filter("uuid_v5", (1, 1), Kind::Text, hash::uuid_v5),
    filter("values", (0, 0), Kind::Array, object::values),
    filter("where", (1, 2), Kind::Array, choose::select),
];
