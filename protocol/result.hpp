#pragma once
// The one way in which a function here fails: a Result that holds a value or an Error. Errors cross process boundaries
// as they are (protocol/codec), so a code, once published, keeps its meaning.

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace zynclone {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

// What went wrong, for programs. `to_string` gives the word that stands on the wire, in journals and in `--json`.
enum class Errc {
  malformed,            // not JSON, not UTF-8, truncated, too deep, not JSON-RPC 2.0
  too_large,            // longer than the limit of its kind
  unsupported_version,  // no common protocol version
  unknown_method,
  invalid_argument,     // a field is missing, unknown, or its value is not allowed
  refused,              // denied, or no such thing: a guest is not told which
  not_found,
  already_exists,
  conflict,             // not in this state
  busy,                 // another operation holds what this one needs
  limit_exceeded,       // clones per family, pending approvals, quotas
  rate_limited,
  no_space,
  timed_out,
  unavailable,          // the peer or service is not there
  moved,                // this agent woke up in a clone; ask again
  denied,               // by an approver
  expired,
  cancelled,
  configuration,        // base.json, guest/<vm>.conf, policy
  storage,
  xen,
  system,               // a system call failed
  internal,
};

std::string_view to_string(Errc code);
Errc parse_errc(std::string_view text);  // a word of a newer peer is `internal`

// `message` reads "cannot <verb> '<thing>': <cause>", lower case, with the value and what is allowed. `place` says where:
// "file:line", a JSON pointer such as "/params/name", a device; empty where the message has it all.
struct Error {
  Errc code;
  std::string message;
  std::string place = {};

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = outcome::basic_result<T, Error, outcome::policy::terminate>;

inline auto fail(Errc code, std::string message, std::string place = {}) {
  return outcome::failure(Error{code, std::move(message), std::move(place)});
}

// The same error with what was being done put before it: "cannot start 'x': " + message.
inline Error with_context(Error error, std::string_view context) {
  error.message = std::string(context) + ": " + error.message;
  return error;
}

#define TRY(...) BOOST_OUTCOME_TRY(__VA_ARGS__)
#define CO_TRY(...) BOOST_OUTCOME_CO_TRY(__VA_ARGS__)

}  // namespace zynclone
