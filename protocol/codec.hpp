#pragma once
// Messages to JSON text and back. The only place that knows JSON; parses without exceptions, with size, depth and count
// capped before anything is built. Golden vectors in protocol/vectors/ pin the text.

#include <optional>
#include <string>
#include <string_view>

#include "protocol/messages.hpp"

namespace zynclone::protocol {

// Who sent the text; a method of another direction is Errc::unknown_method, as one that does not exist.
enum class Sender { guest, administrator, broker };

// Errors: malformed, too_large, unknown_method, invalid_argument with the JSON pointer as place. An id that could be read is
// put into `id` even then, so that the error can be answered.
Result<Request> decode_request(std::string_view untrusted_text, Sender sender, std::optional<std::uint64_t>* id = nullptr);
std::string encode_request(const Request& request);

// What kind of message a text is, before it is decoded: {"method": …} or {"result"|"error": …}.
struct Envelope {
  bool is_response = false;
  std::optional<std::uint64_t> id;
};
Result<Envelope> decode_envelope(std::string_view untrusted_text);

// What a peer sent, of whichever kind, parsed once: a request is decoded; of a response there is the id only, as who asked knows what it
// answers. Errors: as decode_request, `id` too.
struct Incoming {
  std::optional<std::uint64_t> id;
  std::optional<Request> request;  // nullopt: a response
};
Result<Incoming> decode_incoming(std::string_view untrusted_text, Sender sender, std::optional<std::uint64_t>* id = nullptr);

// A response to method M: its result, or the peer's error. M is any alternative of Method with a Result.
template <class M>
Result<typename M::Result> decode_response(std::string_view untrusted_text);
template <class R>
std::string encode_response(std::uint64_t id, const R& result);
std::string encode_error(std::optional<std::uint64_t> id, const Error& error);

// Checks a response's envelope only and gives it back without anything but id and result or error; what the broker decodes
// again typed. Used by the link, which does not know what was asked.
Result<std::string> reencode_response(std::string_view untrusted_text);

// One view as JSON text, for `--json` and for the journal: the same text as on the wire. `indent` < 0: one line.
template <class V>
std::string encode_view(const V& view, int indent = -1);
template <class V>
Result<V> decode_view(std::string_view text);

}  // namespace zynclone::protocol
