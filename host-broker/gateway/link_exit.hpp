#pragma once
// How a zynclone-link ends: its exit status, which is all that it can say once it is confined. Shared by the link and the broker.

#include <string_view>

namespace zynclone::broker::gateway {

enum class LinkExit : int {
  broker_gone = 0,          // the broker closed the socket pair: the usual end
  internal = 1,
  usage = 2,
  cannot_connect = 10,      // nothing that lives is advertised, or not any more
  not_confined = 11,        // a right could not be given up
  guest_gone = 12,          // the guest closed its end, or is gone
  no_hello = 13,            // nothing, or something else, came first
  no_common_version = 14,
  broken_framing = 15,      // a length beyond the limit, half a message, corrupt ring indices
  too_many_malformed = 16,
  guest_stalled = 17,       // it reads nothing
};

// For a log line: "the guest closed its end".
constexpr std::string_view describe(LinkExit exit) {
  switch (exit) {
    case LinkExit::broker_gone: return "the broker closed it";
    case LinkExit::internal: return "an internal error";
    case LinkExit::usage: return "wrong arguments";
    case LinkExit::cannot_connect: return "the guest advertises nothing to connect to";
    case LinkExit::not_confined: return "it could not give up its rights";
    case LinkExit::guest_gone: return "the guest closed its end";
    case LinkExit::no_hello: return "the guest did not say hello first";
    case LinkExit::no_common_version: return "the guest speaks no common protocol version";
    case LinkExit::broken_framing: return "the guest broke the framing";
    case LinkExit::too_many_malformed: return "the guest sent too many malformed messages";
    case LinkExit::guest_stalled: return "the guest reads nothing";
  }
  return "an unknown exit status";
}

}  // namespace zynclone::broker::gateway
