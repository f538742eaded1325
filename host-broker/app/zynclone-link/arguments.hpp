#pragma once
// The command line of zynclone-link, which the broker alone writes.

#include <optional>
#include <string>

#include "protocol/names.hpp"

namespace zynclone::broker::link {

enum class Transport { vchan, unix_socket, mailbox };

struct Arguments {
  int broker = -1;             // --fd: this end of the socket pair with the broker
  DomainId domain;             // --domain
  Transport transport = Transport::vchan;  // --transport vchan|unix|mailbox
  std::string path;            // --path: of the socket, for unix only
  bool self_test = false;      // --self-test: try what must not be possible, and say how it went
};

inline constexpr std::string_view k_usage =
    "usage: zynclone-link --fd N --domain D --transport vchan|mailbox\n"
    "       zynclone-link --fd N --domain D --transport unix --path SOCKET\n"
    "       zynclone-link --self-test\n"
    "The broker starts it, one for each guest. It ends with the exit statuses in host-broker/gateway/link_exit.hpp.\n";

// Errors: invalid_argument.
Result<Arguments> parse_arguments(int count, const char* const* arguments);

}  // namespace zynclone::broker::link
